"""Logging in at the OIDC provider: `/login/oidc` leads there, `/login/oidc/callback` is where it leads back to."""

import json
import logging
from functools import partial
from urllib.parse import unquote_plus

from anyio import to_thread
from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from haidang_collector.access.cookies import is_https
from haidang_collector.access.grants import parse_grants
from haidang_collector.access.oidc import CALLBACK, Flow, OidcError, Provider, ProviderAwayError
from haidang_collector.access.people import enter_as
from haidang_collector.auth import address_of
from haidang_collector.web.access_pages import NO_STORE, failed, local_path, sign_in, welcome
from haidang_collector.web.answering import RegistryRoute

COOKIE = "haidang_oidc"
PATH = "/login/oidc"
FLOW_SECONDS = 600
LONGEST = 4000

router = APIRouter(include_in_schema=False, route_class=RegistryRoute)
log = logging.getLogger(__name__)


@router.get(PATH)
async def start(request: Request) -> Response:
    """Away to the provider, with a cookie that knows the way back."""
    provider = _provider(request)
    wanted = local_path(request.query_params.get("next", ""))
    if request.app.state.attempts.closed(address_of(request)):
        return await sign_in(request, 429, wanted, "closed")
    try:
        url, flow = await provider.start(wanted)
    except OidcError as wrong:
        return await _failed(request, wrong, wanted)
    answer = RedirectResponse(url, 303, NO_STORE)
    answer.set_cookie(
        COOKIE, flow.cookie(), max_age=FLOW_SECONDS, path=PATH, httponly=True, samesite="lax", secure=is_https(request)
    )
    return answer


@router.get(CALLBACK)
async def callback(request: Request) -> Response:
    """Back from the provider: with a code that it gives a checked identity for, or with its refusal.

    Who brings no cookie or no code has guessed nothing, and is not counted: a picture on any page of the web can make
    a browser come here, and would close its address to everybody in the same office.
    """
    provider, flow, address = _provider(request), _flow(request.cookies.get(COOKIE, "")), address_of(request)
    state, code = (request.query_params.get(name, "")[:LONGEST] for name in ("state", "code"))
    if request.app.state.attempts.closed(address):
        return await sign_in(request, 429, "", "closed")
    if flow is None or not code:
        refusal = request.query_params.get("error", "")[:LONGEST]
        log.warning("OIDC: came back without %s: %r", "code" if flow else "cookie", refusal)
        return await sign_in(request, 400, "", "oidc")
    try:
        claims = await provider.finish(flow, state, code)
    except OidcError as wrong:
        return await _failed(request, wrong, flow.next)
    settings = request.app.state.settings
    grants = parse_grants(settings.oidc_roles)
    enter = partial(
        enter_as, request.app.state.registry.database, claims, grants, settings.oidc_role_claim, address
    )  # fmt: skip
    opened = await to_thread.run_sync(enter)
    answer = await (
        sign_in(request, 403, flow.next, "stranger") if opened is None else welcome(request, opened, flow.next)
    )
    answer.delete_cookie(COOKIE, path=PATH)
    return answer


async def _failed(request: Request, wrong: OidcError, wanted: str) -> HTMLResponse:
    log.warning("OIDC: %s", wrong)
    if isinstance(wrong, ProviderAwayError):
        return await sign_in(request, 503, wanted, "away")
    await failed(request, address_of(request))
    return await sign_in(request, 400, wanted, "oidc")


def _provider(request: Request) -> Provider:
    provider: Provider | None = request.app.state.oidc
    if provider is None:
        raise HTTPException(404)
    return provider


def _flow(cookie: str) -> Flow | None:
    if not cookie or len(cookie) > LONGEST:
        return None
    try:
        return Flow(**{str(name): str(value) for name, value in json.loads(unquote_plus(cookie)).items()})
    except (ValueError, TypeError, AttributeError):
        return None
