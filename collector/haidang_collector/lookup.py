"""Keys looked up for many at once: who asks while the registry is being asked is in the next question.

A city that comes back, or a collector that was started anew, brings thousands of keys that nobody remembers; asked
about one by one they cost more than the pushes that they come with.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from anyio import CapacityLimiter, to_thread

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from haidang_collector.registry.facts import Identity

    Asked = tuple[str, str]
    """An agent and a key."""
    Found = Identity | str | None
    """Whose it is, why it may not come in, or that it is nobody's."""

AT_ONCE = 2
"""Questions to the registry: one that waits for a lock of the database does not hold up all."""
KEYS_IN_ONE = 100


class Lookup:
    """For one event loop."""

    def __init__(self, who: Callable[[Sequence[Asked]], Sequence[Found]]) -> None:
        """`who` answers for each in turn; what it raises is raised to all that were in that question."""
        self._who = who
        self._threads = CapacityLimiter(AT_ONCE)
        self._waiting: list[tuple[Asked, asyncio.Future[Found]]] = []
        self._running: set[asyncio.Task[None]] = set()

    async def ask(self, agent: str, key: str) -> Found:
        answer: asyncio.Future[Found] = asyncio.get_running_loop().create_future()
        self._waiting.append(((agent, key), answer))
        if len(self._running) < AT_ONCE:
            task = asyncio.create_task(self._answer())
            self._running.add(task)
            task.add_done_callback(self._running.discard)
        return await answer

    async def _answer(self) -> None:
        while self._waiting:
            asked, self._waiting = self._waiting[:KEYS_IN_ONE], self._waiting[KEYS_IN_ONE:]
            try:
                found = await to_thread.run_sync(self._who, [each for each, _ in asked], limiter=self._threads)
            except Exception as failed:  # noqa: BLE001 - raised to each of them
                for _, answer in asked:
                    if not answer.done():
                        answer.set_exception(failed)
            else:
                for (_, answer), each in zip(asked, found, strict=True):
                    if not answer.done():
                        answer.set_result(each)
