"""`/agents/config`: what is set for agents, layer by layer, and how many of them run it already."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated

from anyio import to_thread
from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse

from haidang_collector.access.doors import visitor
from haidang_collector.access.visitor import Visitor
from haidang_collector.registry.config_layers import Layer
from haidang_collector.registry.config_versions import Standing, standings
from haidang_collector.registry.facts import AgentFact
from haidang_collector.web.agent_pages import registry_of
from haidang_collector.web.answering import RegistryRoute
from haidang_collector.web.asking import asked_for, page_of
from haidang_collector.web.pages import page

PAGE_ROWS = 100

router = APIRouter(include_in_schema=False, route_class=RegistryRoute)
Reader = Annotated[Visitor, Depends(visitor)]


@dataclass(frozen=True, slots=True)
class LayerRow:
    """`reached` agents are told the layer; `new` of them say they run what was set last, `silent` said nothing."""

    standing: Standing
    reached: int
    new: int
    silent: int


@router.get("/agents/config")
async def configuration(request: Request, asking: Reader) -> HTMLResponse:
    """Layers that reach agents of the visitor's scope, what is staged first. `?page=` of 100."""
    rows = await to_thread.run_sync(_rows, request, asking)
    at, pages = page_of(len(rows), PAGE_ROWS, asked_for(request, "page")[0])
    shown = rows[(at - 1) * PAGE_ROWS : at * PAGE_ROWS]
    return page(request, "agents_config.html", rows=shown, found=len(rows), number=at, pages=pages)


def _rows(request: Request, asking: Visitor) -> list[LayerRow]:
    registry = registry_of(request)
    seen = [
        agent
        for agent in registry.agents()
        if not agent.revoked and asking.scope.sees(district=agent.district, unit=agent.unit)
    ]
    districts = {unit.code: unit.district for unit in registry.units()}
    rows = [
        _row(standing, list(_reached(standing.layer, seen)))
        for standing in standings(registry.database)
        if _in_scope(standing.layer, asking, districts, seen)
    ]
    return sorted(rows, key=lambda row: row.standing.staged is None)


def _in_scope(layer: Layer, asking: Visitor, districts: dict[str, str], seen: Sequence[AgentFact]) -> bool:
    match layer.kind:
        case "unit":
            return asking.scope.sees(district=districts.get(layer.name, ""), unit=layer.name)
        case "district":
            own = asking.scope.district or districts.get(asking.scope.unit or "", "")
            return asking.scope.city or layer.name == own
        case "agent":
            return any(agent.agent == layer.name for agent in seen)
        case _:
            return True


def _reached(layer: Layer, agents: Sequence[AgentFact]) -> Iterator[AgentFact]:
    for agent in agents:
        of_it = {"default": "", "district": agent.district, "unit": agent.unit, "agent": agent.agent}
        if layer.name in agent.roles if layer.kind == "role" else layer.name == of_it[layer.kind]:
            yield agent


def _row(standing: Standing, reached: Sequence[AgentFact]) -> LayerRow:
    wanted = standing.staged or standing.number
    runs = [(agent.config or {}).get(str(standing.layer), 0) for agent in reached if agent.config is not None]
    return LayerRow(standing, len(reached), sum(number == wanted for number in runs), len(reached) - len(runs))
