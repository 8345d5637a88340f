"""The evaluation: `/evaluation` is a page; with `.pdf`, `.xlsx` or `.json` it is a file to keep.

`?unit=CODE` or `?district=NAME` (of both the unit counts; neither: the city), `?at=` a day or a time, `?lang=vi|en`.
"""

import hashlib
import io
import sys
from base64 import b64encode
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from functools import partial
from http import HTTPStatus
from typing import Annotated, TypeVar
from urllib.parse import quote, urlencode
from zoneinfo import ZoneInfo

import httpx
from anyio import CancelScope, CapacityLimiter, create_task_group, fail_after, run_process, to_thread
from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.responses import HTMLResponse, Response
from sqlalchemy.exc import SQLAlchemyError

from haidang_collector.access.doors import DoorError, see, visitor
from haidang_collector.access.visitor import Visitor
from haidang_collector.evaluation import as_json, html, moment
from haidang_collector.evaluation.gather import UnknownScopeError, gather
from haidang_collector.evaluation.model import Evaluation
from haidang_collector.evaluation.store import Store, StoreAwayError
from haidang_collector.i18n import language_of
from haidang_collector.policy.policy import Policy
from haidang_collector.registry.store import Registry, UnitFact
from haidang_collector.settings import Settings
from haidang_collector.tenants import Reader, Tenants, authorities
from haidang_collector.web.pages import SECURITY_HEADERS, page

T = TypeVar("T")

PARAMETERS = ("unit", "district", "at", "lang")
AT_ONCE = 2
"""Evaluations that are made and given their form; that of a city takes some 100 MB."""
UNITS_AT_ONCE = 4
"""Those of single units, for their pages."""
PDF_SECONDS = 300.0
"""To wait for one's turn, and to have it made."""
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
STYLE = b64encode(hashlib.sha256(html.STYLE.encode()).digest()).decode()
HEADERS = SECURITY_HEADERS | {
    "Content-Security-Policy": SECURITY_HEADERS["Content-Security-Policy"].replace(
        "style-src 'self'", f"style-src 'sha256-{STYLE}'"
    )
}
"""The document carries its style in itself, and that very style is let in."""


def _in_scope(request: Request, asking: Annotated[Visitor, Depends(visitor)]) -> None:
    """Raises HTTPException 403 for what the visitor may not see; a unit that is not registered is the city's."""
    if asking.scope.city:
        return
    asked = _asked(request)
    unit, district = asked.get("unit", ""), asked.get("district", "")
    if unit:
        try:
            units = request.app.state.registry.units()
        except SQLAlchemyError:
            raise DoorError("registry") from None
        of = next((found.district for found in units if found.code == unit), None)
        if of is None:
            raise DoorError("scope")
        district = of
    see(asking, district=district, unit=unit)


def _asked(request: Request) -> dict[str, str]:
    """The parameters; who asks for nothing in particular is shown all that is theirs."""
    asked = dict(request.query_params)
    scope = request.state.visitor.scope
    if not (asked.get("unit") or asked.get("district")):
        asked |= {"unit": scope.unit, "district": scope.district}
    return asked


router = APIRouter(include_in_schema=False, dependencies=[Depends(_in_scope)])


class RefusedError(Exception):
    """There is no such evaluation now: `reason` is one that `refused.html` knows."""

    def __init__(self, status: HTTPStatus, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.status, self.reason, self.detail = status, reason, detail


class Evaluations:
    """Makes evaluations in threads, and PDFs in processes of their own, so that no agent's push waits for them."""

    def __init__(self, settings: Settings, registry: Registry, policy: Policy) -> None:
        self._registry = registry
        self._policy = policy
        self._zone = ZoneInfo(settings.time_zone)
        self._client = httpx.Client(
            trust_env=False,
            auth=Reader(Tenants(settings)),
            verify=authorities(settings.store_ca) or True,
        )
        self._store = Store(self._client, settings.prometheus_url)
        self._threads = CapacityLimiter(AT_ONCE)
        self._unit_threads = CapacityLimiter(UNITS_AT_ONCE)
        self._pdf = CapacityLimiter(1)

    async def of(self, asked: Mapping[str, str], form: Callable[[Evaluation], T]) -> T:
        """What `form` makes of the evaluation that a request's parameters ask for. Raises RefusedError."""
        unit, district = asked.get("unit", ""), asked.get("district", "")
        try:
            at = moment.read(asked.get("at") or None, self._zone)
            make = partial(self._make, form, unit=unit, district="" if unit else district)
            return await to_thread.run_sync(make, at, limiter=self._threads)
        except moment.BadMomentError as bad:
            raise RefusedError(HTTPStatus.BAD_REQUEST, "moment", str(bad)) from bad
        except UnknownScopeError as unknown:
            raise RefusedError(HTTPStatus.NOT_FOUND, "unit" if unit else "district", str(unknown)) from unknown
        except StoreAwayError as away:
            raise RefusedError(HTTPStatus.SERVICE_UNAVAILABLE, "store", str(away)) from away
        except SQLAlchemyError as failed:
            raise RefusedError(HTTPStatus.SERVICE_UNAVAILABLE, "registry", "the registry does not answer") from failed

    async def of_unit(self, unit: UnitFact) -> Evaluation:
        """How it stands now; waits for no evaluation of a city. Raises StoreAwayError."""
        at = moment.read(None, self._zone)
        make = partial(gather, self._store, [unit], self._policy, at, unit=unit.code)
        return await to_thread.run_sync(make, limiter=self._unit_threads, abandon_on_cancel=True)

    async def pdf(self, document: str, gone: Callable[[], Awaitable[None]]) -> bytes:
        """One at a time: that of a city takes a processor for 30 s, and 700 MB. Raises RefusedError.

        `gone` returns when nobody waits for it any more: it is given up then.
        """
        maker = [sys.executable, "-m", "haidang_collector.evaluation.pdf"]
        done = None
        try:
            with fail_after(PDF_SECONDS):
                async with create_task_group() as work:
                    work.start_soon(_cancel_after, gone, work.cancel_scope)
                    async with self._pdf:
                        done = await run_process(maker, input=document.encode(), check=False)
                    work.cancel_scope.cancel()
        except TimeoutError as late:
            raise RefusedError(HTTPStatus.SERVICE_UNAVAILABLE, "busy", f"no PDF within {PDF_SECONDS:g} s") from late
        if done is None:
            raise RefusedError(HTTPStatus.SERVICE_UNAVAILABLE, "busy", "who asked has gone")
        if done.returncode:
            why = done.stderr.decode(errors="replace").strip()
            raise RefusedError(
                HTTPStatus.SERVICE_UNAVAILABLE, "pdf", why.splitlines()[-1] if why else "no PDF was made"
            )
        return done.stdout

    def close(self) -> None:
        """To be called when no request is under way."""
        self._client.close()

    def _make(self, form: Callable[[Evaluation], T], at: datetime, *, unit: str, district: str) -> T:
        return form(gather(self._store, self._registry.units(), self._policy, at, unit=unit, district=district))


@router.get("/evaluation")
async def evaluation(request: Request) -> HTMLResponse:
    """The document, with ways on to units, districts and files."""
    language = language_of(request)
    form = partial(html.page, language=language, link=partial(_link, request))
    try:
        text = await _evaluations(request).of(_asked(request), form)
    except RefusedError as refused:
        return _refusal(request, refused)
    return HTMLResponse(text, headers=HEADERS | {"Content-Language": language})


@router.get("/evaluation.pdf")
async def evaluation_pdf(request: Request) -> Response:
    """The document for paper."""
    form = _named(partial(html.page, language=language_of(request), printed=True))
    try:
        name, document = await _evaluations(request).of(_asked(request), form)
        content = await _evaluations(request).pdf(document, partial(_gone, request))
    except RefusedError as refused:
        return _refusal(request, refused)
    return _file(content, "application/pdf", f"{name}.pdf")


@router.get("/evaluation.xlsx")
async def evaluation_xlsx(request: Request) -> Response:
    """A sheet a row of the directive."""
    form = _named(partial(_xlsx, language=language_of(request)))
    try:
        name, content = await _evaluations(request).of(_asked(request), form)
    except RefusedError as refused:
        return _refusal(request, refused)
    return _file(content, XLSX, f"{name}.xlsx")


@router.get("/evaluation.json")
async def evaluation_json(request: Request) -> Response:
    """For programs; refusals are `{"detail": …}`."""
    form = partial(as_json.text, language=language_of(request))
    try:
        text = await _evaluations(request).of(_asked(request), form)
    except RefusedError as refused:
        raise HTTPException(refused.status, refused.detail) from refused
    return Response(text, media_type="application/json", headers=SECURITY_HEADERS)


def _xlsx(found: Evaluation, language: str) -> bytes:
    from haidang_collector.evaluation import xlsx  # noqa: PLC0415 - loads what only spreadsheets need

    file = io.BytesIO()
    xlsx.write(found, language, file)
    return file.getvalue()


async def _gone(request: Request) -> None:
    """When the connection is closed."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _cancel_after(event: Callable[[], Awaitable[None]], scope: CancelScope) -> None:
    await event()
    scope.cancel()


def _evaluations(request: Request) -> Evaluations:
    evaluations: Evaluations = request.app.state.evaluations
    return evaluations


def _refusal(request: Request, refused: RefusedError) -> HTMLResponse:
    if refused.reason == "registry":
        return page(request, "registry.html", refused.status)
    return page(request, "refused.html", refused.status, reason=refused.reason, detail=refused.detail)


def _link(request: Request, **changes: str) -> str:
    """The query of this page with other parameters; an empty value drops one."""
    kept = {name: request.query_params.get(name, "") for name in PARAMETERS}
    return "?" + urlencode({name: value for name, value in (kept | changes).items() if value}, errors="replace")


def _named(form: Callable[[Evaluation], T]) -> Callable[[Evaluation], tuple[str, T]]:
    """With the name of a file for it, which has no ending yet."""
    return lambda found: (f"evaluation {found.of or 'city'} {found.at:%Y-%m-%d %H%M}", form(found))


def _file(content: bytes, media_type: str, name: str) -> Response:
    quoted = quote(name, safe="", errors="replace")
    headers = SECURITY_HEADERS | {"Content-Disposition": f"attachment; filename*=UTF-8''{quoted}"}
    return Response(content, media_type=media_type, headers=headers)
