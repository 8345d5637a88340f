"""Agents: `/agents` lists those of the visitor's scope, `/agents/revoke/ID` takes one's right to push away."""

import time
from collections.abc import Sequence
from functools import partial
from typing import Annotated, NamedTuple
from urllib.parse import quote

from anyio import to_thread
from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from haidang_collector.access.audit import record
from haidang_collector.access.doors import absent, form, operating, see, visitor
from haidang_collector.access.visitor import Scope, Visitor
from haidang_collector.registry.store import Registry
from haidang_collector.web.agent_refusals import Refusals, refusals
from haidang_collector.web.agent_rows import STATES, AgentRow, agent_rows, states
from haidang_collector.web.answering import RegistryRoute
from haidang_collector.web.asking import LARGE, asked_for, holds, page_of, wanted_words
from haidang_collector.web.pages import page
from haidang_collector.web.state import natural

PAGE_ROWS = 100

router = APIRouter(include_in_schema=False, route_class=RegistryRoute)
Reader = Annotated[Visitor, Depends(visitor)]
Operator = Annotated[Visitor, Depends(operating)]


class Asked(NamedTuple):
    """Which agents the address asks for; empty: whichever."""

    district: str
    state: str
    role: str
    os: str
    version: str
    refused: str

    def holds(self, row: AgentRow) -> bool:
        return (
            self.state in ("", row.state)
            and self.district in ("", row.agent.district)
            and (not self.role or self.role in row.agent.roles)
            and self.os in ("", row.agent.os)
            and (self.version != "behind" or row.behind)
            and (self.refused != "1" or bool(row.refused))
        )


class Known(NamedTuple):
    """Agents of a scope at a time; `refused` is None where nobody knows of whom pushes were refused."""

    at: float
    rows: Sequence[AgentRow]
    refused: Refusals | None

    def is_large(self) -> bool:
        return len(self.rows) >= LARGE


@router.get("/agents")
async def agents(request: Request, asking: Reader) -> HTMLResponse:
    """`?q=` words of unit and agent, `?district=`, `?state=`, `?role=`, `?os=`, `?page=` of 100.

    `?version=behind`, `?refused=1`: only those.
    """
    known = await _known(request, asking.scope)
    seen = known.rows
    text, number = asked_for(request, "q", "page")
    asked, wanted = Asked(*asked_for(request, *Asked._fields)), wanted_words(text)
    chosen = [
        row
        for row in seen
        if asked.holds(row) and (not wanted or holds(wanted, row.agent.unit, row.unit_name, row.agent.agent))
    ]
    at, pages = page_of(len(chosen), PAGE_ROWS, number)
    shown = chosen[(at - 1) * PAGE_ROWS : at * PAGE_ROWS]
    if known.is_large():
        shown = [row for row in await _as_of_now(request, shown) if asked.holds(row)]
    return page(
        request,
        "agents.html",
        now=known.at,
        rows=shown,
        found=len(chosen),
        all=len(seen),
        counts=states(seen),
        states=STATES,
        behind=sum(row.behind for row in seen),
        refused=None if known.refused is None else sum(bool(row.refused) for row in seen),
        newest=request.app.version,
        number=at,
        pages=pages,
        q=text,
        asked=asked._asdict(),
        districts=sorted({row.agent.district for row in seen}, key=natural),
        systems=sorted({row.agent.os for row in seen}),
    )


@router.get("/agents/revoke/{agent}")
async def revocation(request: Request, agent: str, asking: Operator) -> HTMLResponse:
    """Asks once more."""
    return page(request, "agent_revoke.html", row=await to_thread.run_sync(_one, request, agent, asking))


@router.post("/agents/revoke/{agent}")
async def revoke(request: Request, agent: str, asking: Operator) -> Response:
    """Takes its right to push away for good; 303 to the agents of its unit."""
    row = await to_thread.run_sync(_one, request, agent, asking)
    await form(request)
    also = partial(record, who=asking.name, what="agent.revoked", subject=agent, unit=row.agent.unit)
    await to_thread.run_sync(registry_of(request).revoke_agent, agent, also)
    return RedirectResponse(f"/agents?q={quote(row.agent.unit)}", 303)


def registry_of(request: Request) -> Registry:
    registry: Registry = request.app.state.registry
    return registry


async def _known(request: Request, scope: Scope) -> Known:
    """Of a large city all as they were some seconds ago."""
    make = partial(_look, request.app, scope)
    if not scope.city:
        return await make()
    known: Known = await request.app.state.kept.look("the agents", make, Known.is_large)
    return known


async def _look(app: FastAPI, scope: Scope) -> Known:
    at, refused = time.time(), await refusals(app.state.measurements)
    make = partial(agent_rows, app.state.registry, app.state.facts, app.version, refused or {}, scope=scope)
    rows = await to_thread.run_sync(make)
    return Known(at, [row for row in rows if scope.sees(district=row.agent.district, unit=row.agent.unit)], refused)


async def _as_of_now(request: Request, rows: Sequence[AgentRow]) -> list[AgentRow]:
    """The same agents: who was revoked a moment ago is shown as such."""
    refused, state = {row.agent.agent: row.refused for row in rows}, request.app.state
    make = partial(agent_rows, state.registry, state.facts, request.app.version, refused, only=list(refused))
    return await to_thread.run_sync(make)


def _one(request: Request, agent: str, asking: Visitor) -> AgentRow:
    """Raises HTTPException 404, and 403 where it is not in the visitor's scope."""
    rows = agent_rows(registry_of(request), request.app.state.facts, request.app.version, only=[agent])
    row = next(iter(rows), None)
    if row is None:
        raise absent(asking, "agent")
    see(asking, district=row.agent.district, unit=row.agent.unit)
    return row
