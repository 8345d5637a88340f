"""What an agent is told when it asks, and what is learnt of it."""

from __future__ import annotations

import asyncio
from asyncio import FIRST_COMPLETED
from typing import TYPE_CHECKING

import pytest
from fastapi import HTTPException
from haidang_collector.registry.agent_asks import LONGEST_RANGES, Answer, Asking, answer, asking, ranges
from haidang_collector.registry.agent_keys import want_new_keys
from haidang_collector.registry.config_layers import DEFAULT
from haidang_collector.registry.config_versions import put
from haidang_collector.registry.facts import Identity, is_lately
from haidang_collector.registry.models import Agent
from haidang_collector.registry.routes import ANSWERED_AT_ONCE, MOST_WAITING, Questions
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import update

from tests.collector.registry.test_agent_keys import fact, newcomer

if TYPE_CHECKING:
    from haidang_collector.registry.store import Registry

FIRST, SECOND, THIRD = "a" * 16, "b" * 16, "c" * 16


def ask(registry: Registry, agent: str, *, config: str = "", run: str = "") -> str:
    """The ETag without quotes."""
    who = Identity(agent, "TH-001", "Quận Bắc")
    return answer(registry.database, Asking(who, config, run, "")).etag.strip('"')


def test_an_agent_that_runs_what_it_is_told_is_known_to(registry: Registry) -> None:
    agent, _ = newcomer(registry)
    put(registry.database, DEFAULT, {"agent": {"push_interval": "5s"}}, "lan")
    first = ask(registry, agent)
    assert fact(registry, agent).config is None, "it was told, and has not said that it runs it"
    ask(registry, agent, config=first)
    assert fact(registry, agent).config == {"default": 1}

    put(registry.database, DEFAULT, {"agent": {"push_interval": "15s"}}, "lan")
    second = ask(registry, agent, config=first)
    assert fact(registry, agent).config == {"default": 1}, "it still runs the first"
    ask(registry, agent, config=second)
    assert fact(registry, agent).config == {"default": 2}


def test_a_restarted_machine_is_one_machine(registry: Registry) -> None:
    agent, _ = newcomer(registry)
    for run in (FIRST, FIRST, SECOND, SECOND, THIRD, ""):
        ask(registry, agent, run=run)

    assert fact(registry, agent).doubled_at is None


def test_a_run_that_comes_back_is_a_second_machine(registry: Registry) -> None:
    agent, _ = newcomer(registry)
    for run in (FIRST, SECOND, FIRST):
        ask(registry, agent, run=run)

    assert is_lately(fact(registry, agent).doubled_at)


def test_who_is_wanted_for_a_new_key_is_told(registry: Registry) -> None:
    (agent, _), (other, _) = newcomer(registry), newcomer(registry)
    want_new_keys(registry.database, agent, "lan")

    told = [answer(registry.database, Asking(Identity(each, "TH-001", "D"), "", "", "")) for each in (agent, other)]
    assert [each.headers.get("Haidang-New-Key") for each in told] == ["wanted", None]


@pytest.mark.parametrize("word", ["", "short", "A" * 16, "a" * 65, "a" * 15 + "\n", "'; DROP TABLE agent"])
def test_what_is_no_word_of_ours_is_left_out(word: str) -> None:
    who = Identity("a-1", "TH-001", "D")
    headers = {"haidang-config": word, "haidang-run": word, "haidang-export": word}

    assert asking(who, headers) == Asking(who, "", "", "")


def named(text: str) -> list[int]:
    """The numbers of `0-11,13`."""
    found: list[int] = []
    for part in filter(None, text.split(",")):
        first, _, last = part.partition("-")
        found += range(int(first), int(last or first) + 1)
    return found


@given(st.sets(st.integers(0, 20_000), max_size=2000))
def test_ranges_name_these_numbers_and_no_others(numbers: set[int]) -> None:
    text = ranges(sorted(numbers))
    told = named(text)

    assert len(text) <= LONGEST_RANGES
    assert len(told) == len(set(told))
    assert set(told) <= numbers
    assert told or not numbers
    if len(told) < len(numbers):
        assert len(text) > LONGEST_RANGES - len(",19999-20000")


def test_of_more_ranges_than_fit_each_is_told_some_time() -> None:
    """Whatever the agent has settled of them: nobody hears of that."""
    numbers = range(0, 2000, 2)
    told: set[int] = set()
    for _ in range(200):
        told.update(named(ranges(numbers)))

    assert told == set(numbers)


def test_a_city_that_asks_at_once_is_answered_but_for_what_would_wait_too_long(registry: Registry) -> None:
    agent, _ = newcomer(registry)
    asked = Asking(Identity(agent, "TH-001", "Quận Bắc"), "", "", "")

    async def city() -> list[Answer | BaseException]:
        questions = Questions(600)
        number = ANSWERED_AT_ONCE + MOST_WAITING + 1
        together = (questions.ask(registry.database, asked) for _ in range(number))
        return [*await asyncio.gather(*together, return_exceptions=True), await questions.ask(registry.database, asked)]

    *answers, refused, later = asyncio.run(city())

    assert {type(answer) for answer in (*answers, later)} == {Answer}
    assert isinstance(refused, HTTPException)
    assert (refused.status_code, refused.headers) == (503, {"Retry-After": "60"})


def test_a_question_behind_others_that_take_long_is_put_off(registry: Registry) -> None:
    """
    Those before it have something to keep, and somebody else is writing.
    """
    agent, _ = newcomer(registry)
    asked = Asking(Identity(agent, "TH-001", "Quận Bắc"), "", FIRST, "")

    async def scene() -> tuple[BaseException | None, list[Answer]]:
        questions = Questions(0.5)
        together = [questions.ask(registry.database, asked) for _ in range(ANSWERED_AT_ONCE + 1)]
        with registry.database.write() as session:
            session.execute(update(Agent).where(Agent.id == agent).values(os="haiku"))
            (refused,), blocked = await asyncio.wait(map(asyncio.create_task, together), return_when=FIRST_COMPLETED)
        return refused.exception(), await asyncio.gather(*blocked)

    refused, answers = asyncio.run(scene())

    assert isinstance(refused, HTTPException)
    assert (refused.status_code, refused.headers) == (503, {"Retry-After": "60"})
    assert len(answers) == ANSWERED_AT_ONCE
