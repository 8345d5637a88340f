"""`GET/POST /api/v1/prom/{scope}/api/v1/*`: the parts of Prometheus' HTTP API that Grafana's data source asks.

Answers are the store's own, byte for byte with their status; what is refused here is in Prometheus' error form.
"""

from collections.abc import Callable, Coroutine
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.routing import APIRoute

from haidang_collector.access.visitor import Scope
from haidang_collector.ingest.body import Body
from haidang_collector.ingest.refusal import Refusal
from haidang_collector.prom import parameters
from haidang_collector.prom.answers import NOT_FOUND, PromError, bad_data, success
from haidang_collector.prom.door import asked_scope
from haidang_collector.prom.scopes import BASE
from haidang_collector.prom.upstream import FORM, Upstream

FORM_BYTES = 256 << 10
FORM_SECONDS = 10.0
BOTH = ["GET", "POST"]
NOT_HERE = {
    "rules": "rules are the whole city's and stand in the collector's documentation",
    "alerts": "open alerts stand on the page /incidents, by district and unit",
}


class PromRoute(APIRoute):
    """Answers refusals in Prometheus' form, wherever in the request they arise."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def handle_or_refuse(request: Request) -> Response:
            try:
                return await handle(request)
            except PromError as refused:
                return refused.response()
            except Refusal as refused:
                return PromError(refused.status, "bad_data", refused.text).response()

        return handle_or_refuse


router = APIRouter(include_in_schema=False, prefix=BASE + "/{scope:path}/api/v1", route_class=PromRoute)
Asked = Annotated[Scope, Depends(asked_scope)]


@router.api_route("/query", methods=BOTH)
async def query(request: Request, scope: Asked) -> Response:
    """An expression at one time."""
    return await _answer(request, "query", parameters.instant(await _given(request), scope), scope)


@router.api_route("/query_range", methods=BOTH)
async def query_range(request: Request, scope: Asked) -> Response:
    """An expression over time."""
    return await _answer(request, "query_range", parameters.over_time(await _given(request), scope), scope)


@router.api_route("/series", methods=BOTH)
async def series(request: Request, scope: Asked) -> Response:
    """Series by their labels."""
    return await _answer(request, "series", parameters.matching(await _given(request), scope), scope)


@router.api_route("/labels", methods=BOTH)
async def labels(request: Request, scope: Asked) -> Response:
    """Names of labels."""
    return await _answer(request, "labels", parameters.matching(await _given(request), scope), scope)


@router.get("/label/{name}/values")
async def values(request: Request, scope: Asked, name: str) -> Response:
    """Values of a label."""
    if not (name.isascii() and name.isidentifier()):
        raise bad_data(f"label {name[:100]!r}: no label is called this")
    return await _answer(request, f"label/{name}/values", parameters.matching(await _given(request), scope), scope)


@router.get("/metadata")
async def metadata(request: Request, scope: Asked) -> Response:
    """Kinds and help texts of metrics."""
    return await _answer(request, "metadata", parameters.metadata(await _given(request)), scope)


@router.get("/status/buildinfo")
async def buildinfo(request: Request, scope: Asked) -> Response:
    """The store's version, by which Grafana knows what to ask."""
    return await _answer(request, "status/buildinfo", [], scope)


@router.api_route("/query_exemplars", methods=BOTH)
async def exemplars(_: Asked) -> Response:
    """None: agents send no exemplars."""
    return success([])


@router.api_route("/{rest:path}", methods=BOTH)
async def elsewhere(_: Asked, rest: str) -> Response:
    """Refused, by name where one may look for it."""
    text = NOT_HERE.get(rest, "this part of Prometheus' API is not asked through a scope")
    raise PromError(NOT_FOUND, "not_found", text)


async def _answer(request: Request, path: str, asked: parameters.Parameters, scope: Scope) -> Response:
    upstream: Upstream = request.app.state.prom
    district = "" if scope.city else request.state.district
    return await upstream.ask(path, asked, request.state.asking, district)


async def _given(request: Request) -> parameters.Parameters:
    """What query string and form say together. Raises PromError 400, Refusal 408 or 413."""
    in_address = request.scope["query_string"].decode("ascii", "replace")
    if request.method == "GET":
        return parameters.read(in_address)
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != FORM:
        raise bad_data(f"Content-Type: {kind[:100]!r}; write {FORM}")
    body = Body(request, FORM_BYTES)
    body.expected_bytes()
    content = await body.read(FORM_SECONDS)
    return parameters.read(in_address, content.decode("utf-8", "replace"))
