"""Answers to who brings too much are held back, so that coming again at once costs it time, and us next to nothing.

A sound agent has one connection and waits as it is told anyway: it loses a second.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from haidang_collector.ingest.refusal import Refusal
    from haidang_collector.registry.store import Identity

TOO_MUCH = {"rate", "series", "busy"}
HELD_SECONDS = 1.0
"""For each answer to the agent that is held back at the time, this one included: more connections help nobody."""
LONGEST_SECONDS = 8.0
"""Below the 15 s that agents wait for an answer, and the 10 s that a stop gives to answers under way."""


class Holding:
    """For one event loop."""

    def __init__(self) -> None:
        self._held: Counter[str] = Counter()

    async def hold(self, sender: Identity | None, refusal: Refusal) -> None:
        """Returns when the answer may go; at once for a stranger, who cannot be told from others."""
        if sender is None or refusal.reason not in TOO_MUCH:
            return
        agent = sender.agent
        self._held[agent] += 1
        try:
            await asyncio.sleep(min(self._held[agent] * HELD_SECONDS, LONGEST_SECONDS))
        finally:
            self._held[agent] -= 1
            if not self._held[agent]:
                del self._held[agent]
