"""Shares out between the agents that bring backlog what the store can take of it, and keeps the present out of its way.

How much that is depends on the store and the machine, so it is found out: while requests of backlog have to wait for
one another, the store takes what it can, and a little less than that is granted from then on; while they don't, more.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from haidang_collector.ingest.memory import Memory
from haidang_collector.ingest.refusal import UNAVAILABLE, Refusal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

OLD_SECONDS = 120.0
"""A request whose newest sample is older than this is backlog."""
COUNTED_SECONDS = 300.0
"""An agent that brought backlog has more, and with a small share it is minutes until its next request."""
AWAY_SECONDS = 60.0
"""Who was not heard for so long is taken to have backlog, before it brings any."""
MOST_AGENTS = 1_000_000
AT_ONCE = 8
"""Requests of backlog on the way to the store: of the 32 there are places for, the rest is the present's."""
WAITING = 256
"""For their turn; the next one is told to come later, and leaves its place in the collector to the present."""
TURN_SECONDS = 2.0
RETRY_SECONDS = 5.0
FIRST_RATE = 200_000.0
"""Where more agents come than can be on the way at once: about what a core of Prometheus takes."""
LEAST_RATE = 5_000.0
LOOK_SECONDS = 5.0
LONG_WAIT_SECONDS = 0.5
TAKEN_SHARE, GROWTH = 0.8, 1.15


class BacklogShares:
    """For one event loop. All agents together are granted at most `most` samples per second."""

    def __init__(self, most: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._rate = min(most, FIRST_RATE)
        self._clock = clock
        self._senders: Memory[bool] = Memory(COUNTED_SECONDS, MOST_AGENTS, clock)
        self._heard: Memory[bool] = Memory(AWAY_SECONDS, MOST_AGENTS, clock)
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._waiting = 0
        self._looked_at = clock()
        self._longest = self._taken = 0.0

    def grant(self, agent: str, newest_age: float | None) -> float:
        """Samples per second that `agent` may go on with, after a request whose newest sample had that age.

        Few agents can't have more on the way than the store's places for it: they go as fast as they are answered.
        """
        if is_backlog(newest_age) or self._heard.get(agent) is None:
            self._senders.put(agent, value=True)
        self._heard.put(agent, value=True)
        senders = max(1, len(self._senders))
        return max(1.0, (self._most if senders <= AT_ONCE else self._rate) / senders)

    @asynccontextmanager
    async def turn(self, newest_age: float | None, samples: int, series: int) -> AsyncIterator[None]:
        """To be held while a request is stored. Only backlog waits; raises Refusal where it would for long."""
        if not is_backlog(newest_age) and samples <= 2 * series:
            yield
            return
        began = self._clock()
        if not await self._has_turn():
            self._look(TURN_SECONDS)
            text = "others bring what they kept, too; go on with the present, and come again with the past"
            raise Refusal(UNAVAILABLE, "backlog", text, RETRY_SECONDS)
        try:
            self._look(self._clock() - began)
            yield
            self._taken += samples
        finally:
            self._turns.release()

    async def _has_turn(self) -> bool:
        """After some waiting; False where that would be for too long, or too many wait."""
        if self._waiting >= WAITING:
            return False
        self._waiting += 1
        try:
            async with asyncio.timeout(TURN_SECONDS):
                await self._turns.acquire()
        except TimeoutError:
            return False
        finally:
            self._waiting -= 1
        return True

    def _look(self, waited: float) -> None:
        """At what was taken meanwhile, every few seconds, when the next one has got its turn."""
        self._longest = max(self._longest, waited)
        seconds = self._clock() - self._looked_at
        if seconds < LOOK_SECONDS:
            return
        if self._longest > LONG_WAIT_SECONDS:
            self._rate = max(LEAST_RATE, self._rate / 2, TAKEN_SHARE * self._taken / seconds)
        else:
            self._rate *= GROWTH
        self._rate = min(self._rate, self._most)
        self._longest = self._taken = 0.0
        self._looked_at = self._clock()


def is_backlog(newest_age: float | None) -> bool:
    """`newest_age`: seconds since the newest sample of a request was taken; None without samples."""
    return newest_age is not None and newest_age > OLD_SECONDS
