from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import pytest
from haidang_collector.ingest import backlog
from haidang_collector.ingest.backlog import AT_ONCE, BacklogShares
from haidang_collector.ingest.refusal import Refusal

OLD, MOST = 86_400.0, 900_000.0


class Clock:
    """Told by the test."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_the_rate_is_divided_by_those_who_brought_backlog_lately() -> None:
    shares = BacklogShares(900, clock := Clock())

    assert shares.grant("a", 15) == 900
    assert shares.grant("a", 120.5) == 900
    assert shares.grant("b", OLD) == 450
    assert shares.grant("c", OLD) == 300
    for clock.now in range(0, 280, 20):
        assert shares.grant("a", 130) == 300
    for clock.now in range(280, 560, 20):
        live = shares.grant("a", 1)
    assert live == 900
    clock.now = 570
    assert shares.grant("a", None) == 900


def test_who_was_away_counts_before_it_brings_anything() -> None:
    """
    A city that comes back shows the newest first: nobody is to be told then that all of the store is theirs.
    """
    shares = BacklogShares(900, clock := Clock())

    granted = [shares.grant(agent, 1) for agent in ("a", "b", "c")]
    for clock.now in range(0, 310, 15):
        later = shares.grant("a", 1)

    assert granted == [900, 450, 300]
    assert later == 900


def crowded(clock: Clock) -> BacklogShares:
    """More of them than can be on the way at once, so that the rate shows."""
    shares = BacklogShares(MOST, clock)
    for number in range(10):
        shares.grant(f"a-{number}", OLD)
    return shares


def test_nobody_is_granted_nothing() -> None:
    """
    A rate of 0 would read as none.
    """
    shares = BacklogShares(10, Clock())

    assert [shares.grant(f"a-{number}", OLD) for number in range(50)][-1] == 1


def test_a_store_that_keeps_up_is_given_more_until_all_is_granted() -> None:
    shares = crowded(clock := Clock())
    began = shares.grant("a-0", OLD)

    async def bring(times: int) -> float:
        for _ in range(times):
            clock.now += 6
            async with shares.turn(OLD, 100_000, 1):
                pass
        for number in range(10):
            shares.grant(f"a-{number}", OLD)
        return shares.grant("a-0", OLD)

    soon, late = asyncio.run(bring(2)), asyncio.run(bring(30))

    assert began < soon < late
    assert late == MOST / 10


def test_a_store_that_does_not_is_given_less_than_it_took() -> None:
    """
    900,000 samples in six seconds, and the next one had to wait for its turn.
    """

    async def swamped() -> float:
        shares = crowded(clock := Clock())

        async with AsyncExitStack() as stack:
            for _ in range(AT_ONCE):
                await stack.enter_async_context(shares.turn(OLD, 900_000 // AT_ONCE, 1))
            waiting = asyncio.create_task(_held(shares))
            await asyncio.sleep(0)  # it waits now
            clock.now = 6
        await waiting
        for number in range(10):
            shares.grant(f"a-{number}", OLD)
        return shares.grant("a-0", OLD)

    assert asyncio.run(swamped()) == pytest.approx(0.8 * 900_000 / 6 / 10)


def test_the_present_does_not_wait_for_backlog_and_backlog_not_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backlog, "TURN_SECONDS", 0.01)

    async def full() -> Refusal:
        shares = BacklogShares(MOST)
        async with AsyncExitStack() as stack:
            for age in (*[OLD] * AT_ONCE, 1.0, None):
                await stack.enter_async_context(shares.turn(age, 1, 1))
            with pytest.raises(Refusal) as refused:
                await stack.enter_async_context(shares.turn(OLD, 1, 1))
        return refused.value

    refused = asyncio.run(full())

    assert (refused.status, refused.reason) == (503, "backlog")
    assert int(refused.response().headers["Retry-After"]) >= 5


def test_of_more_that_wait_than_there_are_places_for_the_last_are_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Before the time for which the others may wait is over, and that gets less for all.
    """
    monkeypatch.setattr(backlog, "WAITING", 3)

    async def full() -> Refusal:
        shares = crowded(clock := Clock())
        async with AsyncExitStack() as stack:
            for _ in range(AT_ONCE):
                await stack.enter_async_context(shares.turn(OLD, 1, 1))
            waiting = [asyncio.create_task(_held(shares)) for _ in range(3)]
            await asyncio.sleep(0)  # they wait now
            clock.now = 6
            granted = shares.grant("a-0", OLD)
            with pytest.raises(Refusal) as refused:
                await stack.enter_async_context(shares.turn(OLD, 1, 1))
            assert shares.grant("a-0", OLD) < granted
        await asyncio.gather(*waiting)
        return refused.value

    assert asyncio.run(full()).reason == "backlog"


async def _held(shares: BacklogShares) -> None:
    async with shares.turn(OLD, 1, 1):
        pass


def test_what_is_brought_again_after_a_quick_restart_of_the_store_waits_its_turn_though_it_is_young() -> None:
    inside = most = 0

    async def all_at_once() -> None:
        shares = BacklogShares(1_000_000)
        await asyncio.gather(*(bring(shares) for _ in range(4 * AT_ONCE)), return_exceptions=True)

    async def bring(shares: BacklogShares) -> None:
        nonlocal inside, most
        async with shares.turn(60.0, 2_000, 200):
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0)
            inside -= 1

    asyncio.run(all_at_once())

    assert most == AT_ONCE
