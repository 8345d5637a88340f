from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

import pytest
from haidang_collector.lookup import AT_ONCE, KEYS_IN_ONE, Lookup

if TYPE_CHECKING:
    from collections.abc import Sequence


class Held:
    """A registry that answers when it may, and knows the even ones."""

    def __init__(self) -> None:
        self.sizes: list[int] = []
        self.begun = threading.Semaphore(0)
        self.may = threading.Event()

    def who(self, asked: Sequence[tuple[str, str]]) -> list[str | None]:
        self.sizes.append(len(asked))
        self.begun.release()
        self.may.wait()
        if any(agent == "broken" for agent, _ in asked):
            raise RuntimeError(f"one of {len(asked)}")
        return [None if int(agent) % 2 else f"{agent} by {key}" for agent, key in asked]


async def begin(lookup: Lookup, held: Held) -> list[asyncio.Task[object]]:
    """As many questions as there can be at a time, which wait now."""
    tasks = []
    for number in range(AT_ONCE):
        tasks.append(asyncio.create_task(lookup.ask(str(2 * number), "k")))
        await asyncio.to_thread(held.begun.acquire)
    return tasks


def test_who_asks_meanwhile_is_in_the_next_question_and_hears_of_itself() -> None:
    held = Held()

    async def run() -> list[object]:
        lookup = Lookup(held.who)
        first = await begin(lookup, held)
        later = [asyncio.create_task(lookup.ask(str(number), f"k{number}")) for number in range(KEYS_IN_ONE + 3)]
        await asyncio.sleep(0)  # they wait now
        later[4].cancel()
        held.may.set()
        return await asyncio.gather(*first, *later, return_exceptions=True)

    answers = asyncio.run(run())[AT_ONCE:]

    assert held.sizes[:AT_ONCE] == [1] * AT_ONCE
    assert sorted(held.sizes[AT_ONCE:]) == [3, KEYS_IN_ONE]
    assert isinstance(answers.pop(4), asyncio.CancelledError)
    numbers = [number for number in range(KEYS_IN_ONE + 3) if number != 4]
    assert answers == [None if number % 2 else f"{number} by k{number}" for number in numbers]


def test_what_fails_is_told_to_those_in_it_and_the_next_are_asked_about() -> None:
    held = Held()

    async def run() -> tuple[list[object], object]:
        lookup = Lookup(held.who)
        first = await begin(lookup, held)
        broken = [asyncio.create_task(lookup.ask(agent, "k")) for agent in ("broken", "2")]
        await asyncio.sleep(0)  # they wait now
        held.may.set()
        await asyncio.gather(*first)
        return await asyncio.gather(*broken, return_exceptions=True), await lookup.ask("2", "k")

    failed, after = asyncio.run(run())

    assert [str(each) for each in failed] == ["one of 2"] * 2
    assert after == "2 by k"


@pytest.mark.parametrize("number", [1, 2])
def test_one_alone_is_answered(number: int) -> None:
    held = Held()
    held.may.set()

    assert asyncio.run(Lookup(held.who).ask(str(number), "k")) == (None if number % 2 else "2 by k")
