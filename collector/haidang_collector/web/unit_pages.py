"""The list of units (`/units`) and a unit's page (`/units/CODE`)."""

import asyncio
import time
from typing import Annotated

from anyio import fail_after, to_thread
from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse

from haidang_collector.access.doors import see, visitor
from haidang_collector.access.visitor import Scope, Visitor
from haidang_collector.evaluation.model import ROWS, STATES
from haidang_collector.evaluation.model import State as Judgement
from haidang_collector.evaluation.store import StoreAwayError
from haidang_collector.i18n import language_of
from haidang_collector.registry.store import UnitFact
from haidang_collector.web.answering import RegistryRoute
from haidang_collector.web.asking import (
    LONGEST_SEARCH,
    asked_for,
    city_now,
    database_of,
    holds,
    known,
    page_of,
    wanted_words,
)
from haidang_collector.web.judged import Judged, judged_of
from haidang_collector.web.larger import larger_of
from haidang_collector.web.lines import CAUSES, lines_of
from haidang_collector.web.pages import page
from haidang_collector.web.rooms import rooms_of
from haidang_collector.web.rows import judged
from haidang_collector.web.security import security_of
from haidang_collector.web.self_checks import self_checks_of
from haidang_collector.web.state import ORDER, QUERY_SECONDS
from haidang_collector.web.timeline import LEVELS, SLOTS, timeline_of

PAGE_ROWS = 100
MOST_OUTAGES = 40
"""Of a line, in the table."""
MOST_FIGURES = 12
"""Of a requirement."""
MOST_SELF_CHECKS = 10
ASKED = ("q", "district", "state", "row", "judged")

router = APIRouter(include_in_schema=False, route_class=RegistryRoute)


@router.get("/units")
async def units(request: Request, asking: Annotated[Visitor, Depends(visitor)]) -> HTMLResponse:
    """Worst first: `?q=` words, `?district=`, `?state=` of the Internet, `?row=` with `?judged=`, `?page=` of 100."""
    asked = dict(zip(ASKED, asked_for(request, *ASKED), strict=True))
    row_code = asked["row"] if asked["row"] in ROWS else ""
    now, judgements = await asyncio.gather(city_now(request, asking.scope), _judgements(request, row_code))
    wanted = wanted_words(asked["q"])
    chosen = [
        row
        for row in now.rows
        if asked["district"] in ("", row.unit.district)
        and asked["state"] in ("", row.state)
        and (not row_code or asked["judged"] in ("", (judgements or {}).get(row.unit.code, "unknown")))
        and (not wanted or holds(wanted, row.unit.code, row.unit.name))
    ]
    number, pages = page_of(len(chosen), PAGE_ROWS, request.query_params.get("page", ""))
    return page(
        request,
        "units.html",
        now=now.at,
        city=now,
        counts=now.counts(),
        order=ORDER,
        rows=chosen[(number - 1) * PAGE_ROWS : number * PAGE_ROWS],
        found=len(chosen),
        number=number,
        pages=pages,
        asked=asked | {"row": row_code},
        row_codes=ROWS,
        row_states=STATES,
        judgements=judgements,
        districts=list(now.districts),
    )


@router.get("/units/{code:path}")
async def unit(request: Request, code: str, asking: Annotated[Visitor, Depends(visitor)]) -> HTMLResponse:
    """One unit: what to do first, then its alerts, lines, requirements, rooms, equipment, security and agents."""
    now = await city_now(request, Scope(unit=code))
    row = now.row(code)
    see(asking, district=row.unit.district if row else "", unit=code)
    if row is None:
        return page(request, "missing.html", 404, code=code[:LONGEST_SEARCH])
    measurements = request.app.state.measurements.of(row.unit.district)
    figures, wan, timeline, rooms, security, evaluation = await asyncio.gather(
        known(measurements.figures(code)),
        known(lines_of(measurements, code)),
        known(timeline_of(measurements, code, time.time())),
        known(rooms_of(measurements, code)),
        known(security_of(measurements, code, language_of(request))),
        _evaluation(request, row.unit),
    )
    agents = await to_thread.run_sync(request.app.state.facts.agents, code)
    self_checks = await to_thread.run_sync(self_checks_of, database_of(request), code, language_of(request))
    return page(
        request,
        "unit.html",
        city=now,
        row=row,
        names={row.unit.code: row.unit},
        incidents=now.incidents,
        larger=await larger_of(database_of(request), row.unit.district, wan),
        agents=agents,
        figures=figures,
        wan=wan,
        timeline=timeline,
        slots=SLOTS,
        levels=LEVELS,
        causes=CAUSES,
        most_outages=MOST_OUTAGES,
        most_figures=MOST_FIGURES,
        rooms=rooms,
        security=security,
        evaluation=evaluation,
        self_checks=self_checks,
        most_self_checks=MOST_SELF_CHECKS,
    )


async def _judgements(request: Request, row: str) -> dict[str, Judgement] | None:
    """By unit; None where no row was asked for, or the store does not answer."""
    return await known(judged(request.app.state.measurements, row)) if row else None


async def _evaluation(request: Request, unit: UnitFact) -> Judged | None:
    """None where the store does not answer."""
    try:
        with fail_after(QUERY_SECONDS):
            return judged_of(await request.app.state.evaluations.of_unit(unit))
    except (StoreAwayError, TimeoutError):
        return None
