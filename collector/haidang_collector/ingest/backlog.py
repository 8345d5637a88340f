"""Shares the store out between the agents that bring backlog."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from haidang_collector.ingest.memory import Memory

if TYPE_CHECKING:
    from collections.abc import Callable

OLD_SECONDS = 120.0
"""A request whose newest sample is older than this is backlog."""
COUNTED_SECONDS = 30.0
MOST_AGENTS = 1_000_000


class BacklogShares:
    """Grants each agent `rate` divided by how many sent backlog in the last 30 s."""

    def __init__(self, rate: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._senders: Memory[bool] = Memory(COUNTED_SECONDS, MOST_AGENTS, clock)

    def grant(self, agent: str, age_seconds: float | None) -> float:
        """Samples per second that `agent` may go on with, after a request whose newest sample had that age."""
        if age_seconds is not None and age_seconds > OLD_SECONDS:
            self._senders.put(agent, value=True)
        return self._rate / max(1, len(self._senders))
