from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

from haidang_collector.lookup import AT_ONCE, KEYS_IN_ONE, Lookup
from haidang_collector.registry.facts import Closer, Identity

if TYPE_CHECKING:
    from collections.abc import Sequence


def of(agent: str) -> Identity:
    return Identity(agent, "TH-001", "Q1")


class Held:
    """A registry that answers when it may. It knows the even ones; of every third it has to look closer."""

    def __init__(self) -> None:
        self.sizes: list[int] = []
        self.begun, self.ended = threading.Semaphore(0), threading.Semaphore(0)
        self.may = threading.Event()

    def who(self, asked: Sequence[tuple[str, str]]) -> list[Identity | Closer | None]:
        self.sizes.append(len(asked))
        self.begun.release()
        self.may.wait()
        self.ended.release()
        if any(agent == "broken" for agent, _ in asked):
            raise RuntimeError(f"one of {len(asked)}")
        if any(agent == "short" for agent, _ in asked):
            return []
        return [self._at_once(int(agent)) for agent, _ in asked]

    def _at_once(self, number: int) -> Identity | Closer | None:
        if number % 3 == 0:
            return Closer.LOOK
        return None if number % 2 else of(str(number))

    def closer(self, agent: str, key: str) -> str:
        return f"{agent} by {key}"


async def begin(lookup: Lookup, held: Held) -> list[asyncio.Task[object]]:
    """As many questions as there can be at a time, which wait now."""
    tasks = []
    for _ in range(AT_ONCE):
        tasks.append(asyncio.create_task(lookup.ask("2", "k")))
        await asyncio.to_thread(held.begun.acquire)
    return tasks


def test_who_asks_meanwhile_is_in_the_next_question_and_hears_of_itself() -> None:
    held = Held()

    async def run() -> list[object]:
        lookup = Lookup(held.who, held.closer)
        first = await begin(lookup, held)
        later = [asyncio.create_task(lookup.ask(str(number), f"k{number}")) for number in range(KEYS_IN_ONE + 3)]
        await asyncio.sleep(0)  # they wait now
        later[4].cancel()
        held.may.set()
        return await asyncio.gather(*first, *later, return_exceptions=True)

    answers = asyncio.run(run())[AT_ONCE:]

    assert held.sizes[:AT_ONCE] == [1] * AT_ONCE
    assert sorted(held.sizes[AT_ONCE:]) == [3, KEYS_IN_ONE - 1]
    assert isinstance(answers.pop(4), asyncio.CancelledError)
    numbers = [number for number in range(KEYS_IN_ONE + 3) if number != 4]
    expected = [f"{each} by k{each}" if each % 3 == 0 else None if each % 2 else of(str(each)) for each in numbers]
    assert answers == expected


def test_what_fails_is_told_to_those_in_it_and_the_next_are_asked_about() -> None:
    held = Held()

    async def run() -> tuple[list[object], object]:
        lookup = Lookup(held.who, held.closer)
        first = await begin(lookup, held)
        broken = [asyncio.create_task(lookup.ask(agent, "k")) for agent in ("broken", "2")]
        await asyncio.sleep(0)  # they wait now
        held.may.set()
        await asyncio.gather(*first)
        failed = await asyncio.gather(*broken, lookup.ask("short", "k"), return_exceptions=True)
        return failed, await lookup.ask("2", "k")

    failed, after = asyncio.run(run())

    assert [type(each) for each in failed] == [RuntimeError, RuntimeError, ValueError]
    assert after == of("2")


def test_who_asks_in_the_very_moment_in_which_all_questions_end_is_answered() -> None:
    """
    Both answers come while the loop does something else, and the next one asks so many turns of the loop later.
    """

    async def ask_after(turns: int) -> object:
        held = Held()
        lookup = Lookup(held.who, held.closer)
        first = await begin(lookup, held)
        held.may.set()
        for _ in first:
            held.ended.acquire()
        for _ in range(turns):
            await asyncio.sleep(0)
        async with asyncio.timeout(30):
            return await lookup.ask("4", "k")

    assert [asyncio.run(ask_after(turns)) for turns in range(8)] == [of("4")] * 8
