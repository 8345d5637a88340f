"""Incidents: `/incidents`, `/incidents/{id}` with what people do about it, and exports `/incidents.csv` and `.json`.

Filters, of pages and exports alike: `?view=`, `severity=`, `category=`, `district=`, `unit=`; `&page=` of 50. An export
holds all views where none is asked for. Everybody sees what lies in their scope.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import Annotated, Any

from anyio import to_thread
from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response, StreamingResponse

from haidang_collector.access.doors import form, operating, see, visitor
from haidang_collector.access.visitor import Visitor
from haidang_collector.i18n import language_of
from haidang_collector.incidents import export
from haidang_collector.incidents.figures import STEPS, figures
from haidang_collector.incidents.finding import (
    CATEGORIES,
    SEVERITIES,
    VIEWS,
    IncidentRow,
    View,
    Wanted,
    count,
    earlier,
    events,
    find,
    in_charge,
    one,
)
from haidang_collector.incidents.handling import Action, EmptyTextError, UnknownIncidentError, act
from haidang_collector.registry.database import Database
from haidang_collector.web.answering import RegistryRoute
from haidang_collector.web.asking import database_of, page_of
from haidang_collector.web.pages import SECURITY_HEADERS, page

PAGE_ROWS = 50
FIGURE_DAYS = 30
LONGEST_WORD = 100
FILTERS = ("view", "severity", "category", "district", "unit")
ACTIONS: dict[str, Action] = {
    "acknowledge": "ack", "note": "note", "assign": "assign", "close": "close", "reopen": "reopen",
}  # fmt: skip

router = APIRouter(include_in_schema=False, route_class=RegistryRoute)
Reader = Annotated[Visitor, Depends(visitor)]
Operator = Annotated[Visitor, Depends(operating)]


@router.get("/incidents")
async def incidents(request: Request, asking: Reader) -> HTMLResponse:
    """The gravest first, with how long it took people within the last 30 days."""
    wanted = _wanted(request, asking, "now")
    asked = request.query_params.get("page", "")
    content = await to_thread.run_sync(_listed, database_of(request), wanted, asked)
    return page(
        request,
        "incidents.html",
        **content,
        wanted=wanted,
        views=VIEWS,
        severities=SEVERITIES,
        categories=CATEGORIES,
        steps=STEPS,
        days=FIGURE_DAYS,
    )


@router.get("/incidents.csv")
def as_csv(request: Request, asking: Reader) -> StreamingResponse:
    """One line for an incident, for spreadsheets; see `export`."""
    wanted = _wanted(request, asking, "all")
    lines = export.as_csv(database_of(request), wanted, language_of(request))
    return StreamingResponse(_begun(lines), headers=_file("incidents.csv"), media_type="text/csv; charset=utf-8")


@router.get("/incidents.json")
def as_json(request: Request, asking: Reader) -> StreamingResponse:
    """Incidents with their time lines, and figures of these incidents; see `export`."""
    parts = export.as_json(database_of(request), _wanted(request, asking, "all"))
    return StreamingResponse(_begun(parts), headers=_file("incidents.json"), media_type="application/json")


@router.get("/incidents/{number}")
async def incident(request: Request, number: int, asking: Reader) -> HTMLResponse:
    """One incident: what it means, what people did, and what they can do now."""
    found = await _seen(request, number, asking)
    database = database_of(request)
    return page(
        request,
        "incident.html",
        incident=found,
        events=(await to_thread.run_sync(events, database, [number])).get(number, []),
        earlier=await to_thread.run_sync(earlier, database, number),
        people=await to_thread.run_sync(in_charge, database, found),
    )


@router.post("/incidents/{number}/{action}")
async def handle(request: Request, number: int, action: str, asking: Operator) -> Response:
    """`acknowledge`, `note` (field `text`), `assign` (`person`, empty: nobody), `close`, `reopen`; then its page."""
    if action not in ACTIONS:
        raise HTTPException(404)
    await _seen(request, number, asking)
    fields = await form(request)
    text = fields.get("person" if action == "assign" else "text", "")
    if not isinstance(text, str):
        raise HTTPException(422, "text: send words, not a file")
    try:
        await to_thread.run_sync(act, database_of(request), number, ACTIONS[action], asking.name, text)
    except UnknownIncidentError:
        raise HTTPException(404) from None
    except EmptyTextError:
        raise HTTPException(422, "text: write a word") from None
    return RedirectResponse(f"/incidents/{number}", 303)


async def _seen(request: Request, number: int, asking: Visitor) -> IncidentRow:
    """Raises HTTPException 404, and 403 where it is not in the visitor's scope."""
    found = await to_thread.run_sync(one, database_of(request), number) if number < 1 << 31 else None
    if found is None:
        raise HTTPException(404)
    see(asking, district=found.district or "", unit=found.unit or "")
    return found


def _listed(database: Database, wanted: Wanted, asked: str) -> dict[str, Any]:
    found = count(database, wanted)
    number, pages = page_of(found, PAGE_ROWS, asked)
    lately = Wanted(wanted.scope, district=wanted.district, since=datetime.now(UTC) - timedelta(days=FIGURE_DAYS))
    return {
        "rows": find(database, wanted, (number - 1) * PAGE_ROWS, PAGE_ROWS),
        "found": found,
        "number": number,
        "pages": pages,
        "figures": figures(database, lately),
    }


def _wanted(request: Request, asking: Visitor, view: View) -> Wanted:
    """What is asked for in the address; a view that is none of ours is `view`."""
    asked = request.query_params
    severity, category, district, unit = (asked.get(name, "")[:LONGEST_WORD].strip() for name in FILTERS[1:])
    chosen = next((known for known in VIEWS if known == asked.get("view")), view)
    return Wanted(asking.scope, chosen, severity, category, district, unit, me=asking.name)


def _begun(parts: Iterator[str]) -> Iterator[str]:
    """The same, once the database has answered for the first: while there is no status yet, an error can be told.

    A later one ends the connection without the end of the body, which clients take for a transfer that broke off.
    """
    return chain([next(parts)], parts)


def _file(name: str) -> dict[str, str]:
    return SECURITY_HEADERS | {"Content-Disposition": f'attachment; filename="{name}"'}
