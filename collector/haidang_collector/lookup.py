"""Keys looked up for many at once: who asks while the registry is being asked is in the next question.

A city that comes back, or a collector that was started anew, brings thousands of keys that nobody remembers; asked
about one by one they cost more than the pushes that they come with.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from anyio import CapacityLimiter, to_thread

from haidang_collector.registry.facts import Closer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from haidang_collector.registry.facts import Identity

    Asked = tuple[str, str]
    """An agent and a key."""
    Found = Identity | str | None
    """Whose it is, why it may not come in, or that it is nobody's."""
    Who = Callable[[Sequence[Asked]], Sequence[Identity | Closer | None]]
    WhoAlone = Callable[[str, str], Found]
    Waiting = tuple[Asked, asyncio.Future[Identity | Closer | None]]

AT_ONCE = 2
KEYS_IN_ONE = 100
CLOSER_AT_ONCE = 4
"""Looks at one key each, which may write: whoever waits for the database there holds up nobody else's question."""


class Lookup:
    """For one event loop."""

    def __init__(self, who: Who, closer: WhoAlone) -> None:
        """`who` answers for each in turn; what it raises is raised to all in that question. `closer`: for `Closer`."""
        self._who, self._closer = who, closer
        self._threads, self._closer_threads = CapacityLimiter(AT_ONCE), CapacityLimiter(CLOSER_AT_ONCE)
        self._waiting: list[Waiting] = []
        self._busy = 0
        self._tasks: set[asyncio.Task[None]] = set()

    async def ask(self, agent: str, key: str) -> Found:
        answer: asyncio.Future[Identity | Closer | None] = asyncio.get_running_loop().create_future()
        self._waiting.append(((agent, key), answer))
        if self._busy < AT_ONCE:
            self._busy += 1
            task = asyncio.create_task(self._answer())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        found = await answer
        if isinstance(found, Closer):
            return await to_thread.run_sync(self._closer, agent, key, limiter=self._closer_threads)
        return found

    async def _answer(self) -> None:
        try:
            while self._waiting:
                asked, self._waiting = self._waiting[:KEYS_IN_ONE], self._waiting[KEYS_IN_ONE:]
                await self._tell(asked)
        finally:
            self._busy -= 1

    async def _tell(self, asked: Sequence[Waiting]) -> None:
        open_answers = [(each, answer) for each, answer in asked if not answer.done()]
        if not open_answers:
            return
        try:
            found = await to_thread.run_sync(self._who, [each for each, _ in open_answers], limiter=self._threads)
            for (_, answer), each in zip(open_answers, found, strict=True):
                if not answer.done():
                    answer.set_result(each)
        except Exception as failed:  # noqa: BLE001 - raised to each of them
            for _, answer in open_answers:
                if not answer.done():
                    answer.set_exception(failed)
        finally:
            for _, answer in open_answers:
                answer.cancel()  # of this task's own end: nobody waits for ever
