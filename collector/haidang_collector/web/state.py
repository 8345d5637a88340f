"""What the pages show: the registry's facts joined with what the recording rules say now. Nothing is computed anew."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import httpx
from anyio import to_thread

if TYPE_CHECKING:
    from haidang_collector.metrics import FactCollector
    from haidang_collector.registry.store import AgentFact, IncidentFact, Registry, UnitFact

State = Literal["down", "unknown", "stopped", "waiting", "up"]
ORDER: tuple[State, ...] = ("down", "unknown", "stopped", "waiting", "up")
"""Worst first. `waiting`: no agent was ever heard. `stopped`: the agents said goodbye. `unknown`: nobody can tell."""

QUERY_SECONDS = 5.0

Series = tuple[Mapping[str, str], float]


@dataclass(frozen=True, slots=True)
class UnitRow:
    """One unit on the start page; `last_seen` in Unix seconds."""

    unit: UnitFact
    state: State
    last_seen: float | None
    agents: int


@dataclass(frozen=True, slots=True)
class City:
    """`measured` is False where the store does not answer; then every state that depends on it is unknown."""

    rows: Sequence[UnitRow]
    incidents: Sequence[IncidentFact]
    measured: bool

    def counts(self) -> Counter[State]:
        return Counter(row.state for row in self.rows)


class Measurements:
    """Instant queries of the store. Raises httpx.HTTPError where it does not answer as it should."""

    def __init__(self, client: httpx.AsyncClient, prometheus_url: str) -> None:
        self._client = client
        self._url = f"{prometheus_url}/api/v1/query"

    async def query(self, expression: str) -> list[Series]:
        answer = await self._client.post(self._url, data={"query": expression}, timeout=QUERY_SECONDS)
        answer.raise_for_status()
        return [(item["metric"], float(item["value"][1])) for item in answer.json()["data"]["result"]]


async def city(registry: Registry, facts: FactCollector, measurements: Measurements) -> City:
    """Everything of the start page, worst units first."""
    units, agents, incidents, internet = await asyncio.gather(
        to_thread.run_sync(registry.units),
        to_thread.run_sync(facts.agents),
        to_thread.run_sync(registry.open_incidents),
        _internet(measurements),
    )
    by_unit: defaultdict[str, list[AgentFact]] = defaultdict(list)
    for agent in agents:
        by_unit[agent.unit].append(agent)
    rows = [_row(unit, by_unit.get(unit.code, []), internet) for unit in units]
    rows.sort(key=lambda row: (ORDER.index(row.state), row.unit.district, row.unit.code))
    return City(rows, incidents, measured=internet is not None)


def _row(unit: UnitFact, agents: Sequence[AgentFact], internet: Mapping[str, float] | None) -> UnitRow:
    heard = [agent for agent in agents if agent.last_seen is not None]
    last_seen = max((agent.last_seen or 0.0 for agent in heard), default=None)
    return UnitRow(unit, _state(unit, heard, internet), last_seen, len(agents))


def _state(unit: UnitFact, heard: Sequence[AgentFact], internet: Mapping[str, float] | None) -> State:
    if not heard:
        return "waiting"
    if internet is None:
        return "unknown"
    if unit.code in internet:
        return "up" if internet[unit.code] else "down"
    return "stopped" if all(agent.stopped for agent in heard) else "unknown"


async def _internet(measurements: Measurements) -> dict[str, float] | None:
    """Unit to 0 or 1; None where the store does not answer."""
    try:
        return {labels["unit"]: value for labels, value in await measurements.query("unit:school_internet_up")}
    except (httpx.HTTPError, KeyError, ValueError):
        return None
