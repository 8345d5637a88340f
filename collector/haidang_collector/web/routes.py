"""The pages: the start page (`/`) and a unit's page (`/units/CODE`). No script, nothing from outside."""

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import httpx
import jinja2
from anyio import to_thread
from fastapi import APIRouter, Depends, HTTPException, Query, Request
from fastapi.responses import FileResponse, HTMLResponse

from haidang_collector.auth import operator
from haidang_collector.i18n import COOKIE, LANGUAGES, language_of, translations
from haidang_collector.web.state import ORDER, City, Series, UnitRow, city

FOLDER = Path(__file__).parent
SCHOOL_TIME = ZoneInfo("Asia/Ho_Chi_Minh")
PAGE_ROWS = 100
REFRESH_SECONDS = 30
SECURITY_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
UNIT_QUERIES = {
    "rtt": 'school_internet_rtt_seconds{unit="%s"}',
    "loss": 'school_internet_loss_ratio{unit="%s"}',
    "devices": 'sum by (agent) (school_devices{state="online", unit="%s"})',
}

router = APIRouter(include_in_schema=False, dependencies=[Depends(operator)])


def _environment(language: str) -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(FOLDER / "templates"), autoescape=True, extensions=["jinja2.ext.i18n"]
    )
    environment.install_gettext_translations(translations(language), newstyle=True)  # type: ignore[attr-defined]  # by the extension
    environment.filters["moment"] = _moment
    environment.globals |= {"language": language, "order": ORDER, "refresh_seconds": REFRESH_SECONDS}
    return environment


ENVIRONMENTS: dict[str, jinja2.Environment] = {}


@router.get("/")
async def start(
    request: Request,
    q: Annotated[str, Query(max_length=100)] = "",
    district: Annotated[str, Query(max_length=100)] = "",
    page: Annotated[int, Query(ge=1, le=10_000)] = 1,
) -> HTMLResponse:
    """Where the city stands, worst units first."""
    state = request.app.state
    now = await city(state.registry, state.facts, state.measurements)
    chosen = [row for row in now.rows if _matches(row, q, district)]
    return _page(
        request,
        "start.html",
        city=now,
        counts=now.counts(),
        rows=chosen[(page - 1) * PAGE_ROWS : page * PAGE_ROWS],
        found=len(chosen),
        page=page,
        pages=max(1, -(-len(chosen) // PAGE_ROWS)),
        q=q,
        district=district,
        districts=sorted({row.unit.district for row in now.rows}),
    )


@router.get("/units/{code}")
async def unit(request: Request, code: str) -> HTMLResponse:
    """One unit: its agents, its Internet, its open incidents."""
    state = request.app.state
    now: City = await city(state.registry, state.facts, state.measurements)
    row = next((row for row in now.rows if row.unit.code == code), None)
    if row is None:
        raise HTTPException(404, f"there is no unit {code[:40]!r}")
    agents = [fact for fact in await to_thread.run_sync(state.facts.agents) if fact.unit == code]
    return _page(
        request,
        "unit.html",
        city=now,
        row=row,
        agents=agents,
        incidents=[incident for incident in now.incidents if incident.unit == code],
        figures=await _figures(request, code),
    )


@router.get("/docs")
def docs(request: Request) -> HTMLResponse:
    """The API, to read; drawn here, because the usual viewer comes from somebody else's servers."""
    return _page(request, "docs.html", api=request.app.openapi())


@router.get("/static/{name}")
def static(name: str) -> FileResponse:
    """Style and picture of the pages."""
    known = {file.name: file for file in (FOLDER / "static").iterdir()}
    if name not in known:
        raise HTTPException(404)
    return FileResponse(known[name], headers={"Cache-Control": "max-age=3600", "X-Content-Type-Options": "nosniff"})


def _matches(row: UnitRow, text: str, district: str) -> bool:
    if district and row.unit.district != district:
        return False
    return text.casefold() in f"{row.unit.code} {row.unit.name}".casefold()


async def _figures(request: Request, code: str) -> dict[str, Sequence[Series]] | None:
    """Measured now, by name; None where the store does not answer."""
    ask = request.app.state.measurements.query
    try:
        return {name: await ask(query % code) for name, query in UNIT_QUERIES.items()}
    except (httpx.HTTPError, KeyError, ValueError):
        return None


def _page(request: Request, template: str, **content: Any) -> HTMLResponse:
    language = language_of(request)
    if language not in ENVIRONMENTS:
        ENVIRONMENTS[language] = _environment(language)
    text = ENVIRONMENTS[language].get_template(template).render(now=time.time(), url=request.url, **content)
    answer = HTMLResponse(text, headers=SECURITY_HEADERS)
    if request.query_params.get("lang") in LANGUAGES:
        answer.set_cookie(COOKIE, language, max_age=365 * 86400, httponly=True, samesite="lax")
    return answer


def _moment(when: float | datetime) -> str:
    """In school time: `14:05:09 24/11/2026`."""
    moment = when if isinstance(when, datetime) else datetime.fromtimestamp(when, UTC)
    return f"{moment.astimezone(SCHOOL_TIME):%H:%M:%S %d/%m/%Y}"
