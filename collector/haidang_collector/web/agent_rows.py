"""Agents as their page shows them: who is heard, who went, whose program is behind."""

from __future__ import annotations

import re
import time
from collections import Counter
from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from haidang_collector.access.visitor import Scope
from haidang_collector.registry.facts import is_lately
from haidang_collector.web.state import SILENT_SECONDS, natural

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from haidang_collector.metrics import FactCollector
    from haidang_collector.registry.facts import AgentFact
    from haidang_collector.registry.store import Registry

State = Literal["silent", "never", "goodbye", "heard", "revoked"]
STATES: tuple[State, ...] = ("silent", "never", "goodbye", "heard", "revoked")
"""In the order of what somebody has to look at. `goodbye`: it was switched off in order."""
NOTHING: Mapping[str, int] = MappingProxyType({})
NOBODY: Mapping[str, Mapping[str, int]] = MappingProxyType({})
CITY = Scope()
NUMBERS = 6
"""Parts of a version that count."""


@dataclass(frozen=True, slots=True)
class AgentRow:
    """An agent; `behind`: its version is older than that of the collector; `refused`: pushes of it, by reason."""

    agent: AgentFact
    unit_name: str
    state: State
    behind: bool
    refused: Mapping[str, int] = field(default_factory=dict)

    @property
    def doubled(self) -> bool:
        """Two machines shared its identity within the last day."""
        return is_lately(self.agent.doubled_at)

    @property
    def put_back(self) -> bool:
        """Its machine came with the key of before within the last day; that of a second machine does not count."""
        return is_lately(self.agent.put_back_at) and not self.doubled


def agent_rows(
    registry: Registry,
    facts: FactCollector,
    newest: str,
    refused: Mapping[str, Mapping[str, int]] = NOBODY,
    *,
    scope: Scope = CITY,
    only: Collection[str] | None = None,
) -> list[AgentRow]:
    """Those of a scope (or `only` these) that ever enrolled, as this collector heard them last.

    Those `refused` first, then by state and unit.
    """
    now = time.time()
    part = (scope.unit or None, None if scope.unit else scope.district or None)
    found = [*facts.agents(*part, only=only), *registry.agents(*part, only=only, only_revoked=True)]
    concerned = None if only is None else {agent.unit for agent in found}
    names = {unit.code: unit.name for unit in registry.units(*part, only=concerned)}
    rows = [
        AgentRow(
            agent,
            names.get(agent.unit, agent.unit),
            _state(agent, now),
            is_behind(agent, newest),
            refused.get(agent.agent, NOTHING),
        )
        for agent in found
    ]
    rows.sort(key=_place)
    return rows


def _place(row: AgentRow) -> tuple[int, int, tuple[tuple[str, int], ...], str, str]:
    often = sum(row.refused.values())
    return -often, STATES.index(row.state), natural(row.agent.district), row.agent.unit, row.agent.agent


def states(rows: Iterable[AgentRow]) -> Counter[State]:
    return Counter(row.state for row in rows)


def is_behind(agent: AgentFact, newest: str) -> bool:
    """Whether it can still push, and runs an older program; a version that tells no numbers is not judged."""
    own = _numbers(agent.version)
    return not agent.revoked and bool(own) and own < _numbers(newest)


def _state(agent: AgentFact, now: float) -> State:
    if agent.revoked:
        return "revoked"
    if agent.last_seen is None:
        return "never"
    if agent.stopped:
        return "goodbye"
    return "heard" if now - agent.last_seen < SILENT_SECONDS else "silent"


@lru_cache(maxsize=1_000)
def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(digits) for digits in re.findall(r"[0-9]{1,9}", version.partition("+")[0])[:NUMBERS])
