"""The pages: the start page (`/`) and a unit's page (`/units/CODE`). No script, nothing from outside."""

import unicodedata
from functools import lru_cache

from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.responses import FileResponse, HTMLResponse
from sqlalchemy.exc import SQLAlchemyError

from haidang_collector.auth import operator
from haidang_collector.i18n import language_of
from haidang_collector.web.lines import Lines, lines_of
from haidang_collector.web.pages import FOLDER, page
from haidang_collector.web.security import Security, security_of
from haidang_collector.web.state import ORDER, City, Figures, UnansweredError, UnitRow, city, natural

PAGE_ROWS = 100
FIRST_INCIDENTS = 5
LONGEST_SEARCH = 100
STATIC = {file.name: file for file in (FOLDER / "static").iterdir()}

router = APIRouter(include_in_schema=False, dependencies=[Depends(operator)])


@router.get("/")
async def start(request: Request) -> HTMLResponse:
    """Where the city stands, worst units first: `?q=` words, `?district=`, `?state=`, `?page=` of 100 rows."""
    now = await _city(request)
    if now is None:
        return page(request, "registry.html", 503)
    asked = request.query_params
    text, district, state = (asked.get(name, "")[:LONGEST_SEARCH].strip() for name in ("q", "district", "state"))
    wanted = _folded(text).split()
    chosen = [
        row
        for row in now.rows
        if district in ("", row.unit.district) and state in ("", row.state) and _holds(row, wanted)
    ]
    pages = max(1, -(-len(chosen) // PAGE_ROWS))
    number = min(max(1, _number(asked.get("page", ""))), pages)
    return page(
        request,
        "start.html",
        city=now,
        counts=now.counts(),
        order=ORDER,
        names={row.unit.code: row.unit for row in now.rows},
        first_incidents=FIRST_INCIDENTS,
        rows=chosen[(number - 1) * PAGE_ROWS : number * PAGE_ROWS],
        found=len(chosen),
        number=number,
        pages=pages,
        q=text,
        district=district,
        state=state,
        districts=sorted({row.unit.district for row in now.rows}, key=natural),
    )


@router.get("/units/{code:path}")
async def unit(request: Request, code: str) -> HTMLResponse:
    """One unit: what to do, its lines, its security, its open alerts, its Internet, its agents."""
    now = await _city(request)
    if now is None:
        return page(request, "registry.html", 503)
    row = now.row(code)
    if row is None:
        return page(request, "missing.html", 404, code=code[:LONGEST_SEARCH])
    return page(
        request,
        "unit.html",
        city=now,
        row=row,
        names={row.unit.code: row.unit},
        incidents=[incident for incident in now.incidents if incident.unit == code],
        agents=[agent for agent in now.agents if agent.unit == code],
        figures=await _figures(request, code),
        wan=await _lines(request, code),
        security=await _security(request, code),
    )


@router.get("/docs")
def docs(request: Request) -> HTMLResponse:
    """The API, to read; drawn here, because the usual viewer comes from somebody else's servers."""
    return page(request, "docs.html", api=request.app.openapi())


@router.get("/static/{name}")
def static(name: str) -> FileResponse:
    """Style and picture of the pages; asked for with the version, so that a new one is seen at once."""
    if name not in STATIC:
        raise HTTPException(404)
    return FileResponse(STATIC[name], headers={"Cache-Control": "max-age=86400", "X-Content-Type-Options": "nosniff"})


async def _city(request: Request) -> City | None:
    """None where the registry does not answer."""
    state = request.app.state
    try:
        return await city(state.registry, state.facts, state.measurements)
    except SQLAlchemyError:
        return None


async def _figures(request: Request, code: str) -> Figures | None:
    """None where the store does not answer."""
    try:
        figures: Figures = await request.app.state.measurements.figures(code)
    except UnansweredError:
        return None
    return figures


async def _lines(request: Request, code: str) -> Lines | None:
    """None where the store does not answer."""
    try:
        return await lines_of(request.app.state.measurements, code)
    except UnansweredError:
        return None


async def _security(request: Request, code: str) -> Security | None:
    """None where the store does not answer."""
    try:
        return await security_of(request.app.state.measurements, code, language_of(request))
    except UnansweredError:
        return None


def _holds(row: UnitRow, wanted: list[str]) -> bool:
    if not wanted:
        return True
    text = _folded(f"{row.unit.code} {row.unit.name}")
    return all(word in text for word in wanted)


@lru_cache(maxsize=20_000)
def _folded(text: str) -> str:
    """Without case and diacritics, as people type in a hurry: `đống đa` is found by `dong da`."""
    letters = unicodedata.normalize("NFD", text.casefold()).replace("đ", "d")
    return "".join(letter for letter in letters if not unicodedata.combining(letter))


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < LONGEST_SEARCH else 1
