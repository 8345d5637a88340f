"""Letting agents in: `/agents/enrol` makes a token, shows once what to type at the school, and lists open tokens."""

import re
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Annotated
from urllib.parse import quote, urlsplit

import segno
from anyio import to_thread
from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from markupsafe import Markup
from sqlalchemy.orm import Session

from haidang_collector.access.audit import record
from haidang_collector.access.doors import absent, form, operating, see
from haidang_collector.access.visitor import Visitor
from haidang_collector.auth import LOCAL_NAMES
from haidang_collector.evaluation.rows import _
from haidang_collector.registry import tokens
from haidang_collector.registry.facts import UnitFact
from haidang_collector.registry.tokens import NewToken, TokenFact
from haidang_collector.web.answering import RegistryRoute
from haidang_collector.web.asking import asked_for, database_of, holds, text_of, wanted_words, whole
from haidang_collector.web.pages import page

if TYPE_CHECKING:
    from haidang_collector.registry.store import Registry

OFFERED_UNITS = 30
MOST_USES = 500
LIFETIMES = {"1": _("one day"), "7": _("seven days"), "30": _("thirty days"), "90": _("ninety days")}
"""Days that a token may hold."""
SERVER = re.compile(r"https?://[A-Za-z0-9.:\[\]-]{1,253}")
"""As agents take it: without a path; and nothing in it that a shell would read otherwise."""
FILES = "https://files.department.example"
"""Stands for where the department keeps its bundles, where HAIDANG_BUNDLES_URL does not say it: no collector serves
them.
"""

router = APIRouter(include_in_schema=False, route_class=RegistryRoute)
Operator = Annotated[Visitor, Depends(operating)]


@router.get("/agents/enrol")
async def enrolment(request: Request, asking: Operator) -> HTMLResponse:
    """`?unit=` is whose agents a token shall let in; `?q=` looks for one. Open tokens are listed."""
    return await to_thread.run_sync(partial(_enrolment, request, asking))


@router.post("/agents/enrol")
async def make_token(request: Request, asking: Operator) -> HTMLResponse:
    """Makes a token and shows it, this once: an address to lead to would hold it, or somebody would have to keep it."""
    fields = await form(request)
    unit, server, days, uses = (text_of(fields, name).strip() for name in ("unit", "server", "days", "uses"))
    await to_thread.run_sync(_unit, request, unit, asking)
    if wrong := _wrong(server, days, uses):
        typed = {"server": server, "days": days, "uses": uses}
        return await to_thread.run_sync(
            partial(_enrolment, request, asking, unit=unit, typed=typed, wrong=wrong, status=422)
        )
    make = partial(
        tokens.create_token, uses=whole(uses), lifetime=timedelta(days=int(days)), also=partial(_noted, asking)
    )
    made = await to_thread.run_sync(make, database_of(request), unit)
    return await to_thread.run_sync(partial(_enrolment, request, asking, unit=unit, made=made, server=server))


@router.post("/agents/tokens/{token_id}/revoke")
async def revoke_token(request: Request, token_id: str, asking: Operator) -> Response:
    """Lets nobody else in with it; 303 to where tokens are made."""
    database = database_of(request)
    known = await to_thread.run_sync(tokens.list_tokens, database)
    token = next((each for each in known if each.id == token_id), None)
    if token is None:
        raise HTTPException(404)
    await to_thread.run_sync(_unit, request, token.unit, asking)
    await form(request)
    also = partial(record, who=asking.name, what="token.revoked", subject=token_id, unit=token.unit)
    await to_thread.run_sync(tokens.revoke_token, database, token_id, also)
    return RedirectResponse(f"/agents/enrol?unit={quote(token.unit)}", 303)


def is_server(url: str) -> bool:
    """Whether agents take it as the collector's address."""
    if not SERVER.fullmatch(url):
        return False
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and parts.port != 0 and (parts.scheme == "https" or parts.hostname in LOCAL_NAMES)
    except ValueError:
        return False


def commands(server: str, token: str) -> dict[str, str]:
    """What to type at the school, by system: the token goes by a pipe, where no list of processes shows it."""
    enrol = f"haidang-agent enrol --server {server} --token-file -"
    return {"linux": f"printf '%s\\n' {token} | sudo {enrol}", "windows": f"'{token}' | {enrol}"}


def installers(server: str, files: str = FILES) -> dict[str, str]:
    """Where nothing is installed yet, by system: fetch the bundle, unpack it in a new folder, run its installer."""
    linux, windows = (
        f"{files.rstrip('/')}/haidang-agent-{name}" for name in ("linux-x86_64.tar.gz", "windows-amd64.zip")
    )
    return {
        "linux": f'cd "$(mktemp -d)" && curl -fsSL {linux} | tar -xzf - --strip-components=1'
        f" && sudo sh install.sh --server {server}",
        "windows": "& { $ErrorActionPreference = 'Stop'; cd (New-Item -ItemType Directory \"$env:TEMP\\$(New-Guid)\"); "
        f"Invoke-WebRequest -UseBasicParsing {windows} -OutFile bundle.zip; Expand-Archive bundle.zip .; "
        f"cd haidang-agent-*; powershell -ExecutionPolicy Bypass -File install.ps1 -Server {server} }}",
    }


def qr_code(text: str) -> Markup:
    """As an SVG element: the picture is in the page, and is kept nowhere."""
    return Markup(segno.make(text, error="m").svg_inline(scale=4, border=4, light="#fff", omitsize=True))  # noqa: S704 - made of numbers by the library


def _units(request: Request) -> list[UnitFact]:
    registry: Registry = request.app.state.registry
    return registry.units()


def _unit(request: Request, code: str, asking: Visitor) -> UnitFact:
    """Raises HTTPException 404, and 403 where it is not in the visitor's scope."""
    unit = next((unit for unit in _units(request) if unit.code == code), None)
    if unit is None:
        raise absent(asking, "unit")
    see(asking, district=unit.district, unit=unit.code)
    return unit


def _enrolment(
    request: Request,
    asking: Visitor,
    *,
    unit: str = "",
    typed: dict[str, str] | None = None,
    wrong: str = "",
    made: NewToken | None = None,
    server: str = "",
    status: int = 200,
) -> HTMLResponse:
    text, asked = asked_for(request, "q", "unit")
    code = unit or asked or asking.scope.unit
    seen = [each for each in _units(request) if asking.scope.sees(district=each.district, unit=each.code)]
    chosen = _unit(request, code, asking) if code else None
    wanted = wanted_words(text)
    offered = [each for each in seen if holds(wanted, each.code, each.name)] if not chosen else []
    typing = commands(server, made.token) if made else {}
    bundles = request.app.state.settings.bundles_url
    return page(
        request,
        "enrol.html",
        status,
        unit=chosen,
        q=text,
        offered=offered[:OFFERED_UNITS],
        more=max(0, len(offered) - OFFERED_UNITS),
        typed=typed or {"server": server or _own_address(request), "days": "7", "uses": "1"},
        wrong=wrong,
        most_uses=MOST_USES,
        lifetimes=LIFETIMES,
        made=made,
        commands=typing,
        installers=installers(server, bundles or FILES) if made else {},
        knows_bundles=bool(bundles),
        code=qr_code(typing["linux"]) if made else "",
        open=_open_tokens(request, {each.code: each for each in seen}, chosen),
    )


def _open_tokens(
    request: Request, seen: dict[str, UnitFact], chosen: UnitFact | None
) -> list[tuple[TokenFact, UnitFact]]:
    theirs = {chosen.code: chosen} if chosen else seen
    known = tokens.list_tokens(database_of(request))
    return [(token, theirs[token.unit]) for token in known if token.state == "usable" and token.unit in theirs]


def _own_address(request: Request) -> str:
    """How this collector was reached, by https where that is not this machine itself: a guess, which can be changed."""
    host = request.url.hostname or ""
    return f"{request.url.scheme if host in LOCAL_NAMES else 'https'}://{request.url.netloc}"


def _noted(asking: Visitor, session: Session, made: NewToken) -> None:
    detail = {"uses": made.uses, "expires_at": made.expires_at.isoformat()}
    record(session, asking.name, "token.made", made.id, detail, unit=made.unit)


def _wrong(server: str, days: str, uses: str) -> str:
    """The field that cannot be, or nothing."""
    if not is_server(server):
        return "server"
    if days not in LIFETIMES:
        return "days"
    return "" if 1 <= whole(uses) <= MOST_USES else "uses"
