from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from haidang_collector.ingest.batch import Batch, Checker
from haidang_collector.ingest.limits import BURST_SECONDS, REQUEST_SAMPLES, UNCHECKED_SECONDS, Limits
from haidang_collector.ingest.refusal import Refusal
from haidang_collector.ingest.sketch import Sketch
from haidang_collector.registry.store import Identity
from haidang_collector.settings import Settings

from tests.collector import remote_write as rw

if TYPE_CHECKING:
    from collections.abc import Callable

GREEDY = Identity("greedy", "TH-001", "Quận 1")
BESIDE = Identity("beside", "TH-001", "Quận 1")
ELSEWHERE = Identity("elsewhere", "TH-002", "Quận 1")


class Clock:
    seconds = 10_000.0

    def __call__(self) -> float:
        return self.seconds


def limits(clock: Clock, agent: float = 10_000, unit: float = 20_000, series: int = 1_000) -> Limits:
    settings = Settings(
        agent_samples_per_second=agent, unit_samples_per_second=unit, agent_series=series, unit_series=2 * series
    )
    return Limits(settings, clock)


def is_let_in(kept: Limits, sender: Identity) -> bool:
    return refused(lambda: kept.admit(sender)) != "rate"


def refused(step: Callable[[], None]) -> str | None:
    try:
        step()
    except Refusal as refusal:
        return refusal.reason
    return None


def batch(first: int, number: int) -> Batch:
    seen = Sketch(b"series %d" % each for each in range(first, first + number))
    return Batch(b"", number, number, None, seen, cost=number)


def is_counted(kept: Limits, sender: Identity, brought: Batch) -> bool:
    return refused(lambda: kept.count(sender, brought)) != "series"


def test_an_agent_that_brings_too_much_waits_and_then_may_go_on() -> None:
    clock = Clock()
    kept = limits(clock)
    for _ in range(2):
        kept.admit(GREEDY)
        kept.charge(GREEDY, 100_000)

    with pytest.raises(Refusal) as refused:
        kept.admit(GREEDY)
    clock.seconds += refused.value.retry_seconds

    assert is_let_in(kept, GREEDY)


def test_a_flood_of_empty_requests_is_one_too() -> None:
    kept = limits(Clock())
    for _ in range(round(10_000 * BURST_SECONDS / REQUEST_SAMPLES)):
        kept.admit(GREEDY)
        kept.charge(GREEDY, 0)

    assert not is_let_in(kept, GREEDY)


def test_a_flood_of_small_pushes_is_one_too_and_what_a_relay_brings_is_not_counted_with_it() -> None:
    clock = Clock()
    kept = limits(clock)
    pushes = Settings().agent_pushes_per_second

    let_in = sum(refused(lambda: kept.admit_push(GREEDY)) is None for _ in range(1_000))
    clock.seconds += 10 / pushes
    later = sum(refused(lambda: kept.admit_push(GREEDY)) is None for _ in range(1_000))

    assert (let_in, later) == (pushes * BURST_SECONDS, 10)
    assert [is_let_in(kept, GREEDY), refused(lambda: kept.admit_push(BESIDE))] == [True, None]


def test_others_are_let_in_and_a_units_agents_share_what_is_the_units() -> None:
    clock = Clock()
    kept = limits(clock)
    kept.charge(GREEDY, 200_000)

    assert [is_let_in(kept, sender) for sender in (GREEDY, BESIDE, ELSEWHERE)] == [False, True, True]

    kept.charge(BESIDE, 200_000)
    clock.seconds += 1

    assert [is_let_in(kept, sender) for sender in (GREEDY, BESIDE, ELSEWHERE)] == [False, False, True]


def test_new_series_beyond_the_limit_are_refused_and_known_ones_still_taken() -> None:
    kept = limits(Clock())
    assert is_counted(kept, GREEDY, batch(0, 500))

    assert not is_counted(kept, GREEDY, batch(500, 5_000))
    assert is_counted(kept, GREEDY, batch(0, 500))
    assert is_counted(kept, ELSEWHERE, batch(0, 500))


def test_a_units_agents_share_its_series() -> None:
    kept = limits(Clock())
    agents = [Identity(f"a{number}", "TH-001", "Quận 1") for number in range(10)]

    taken = [is_counted(kept, agent, batch(1_000 * number, 500)) for number, agent in enumerate(agents)]

    assert taken[0] is True
    assert taken[-1] is False


def test_after_too_many_series_nothing_of_the_agent_is_checked_for_a_while() -> None:
    clock = Clock()
    kept = limits(clock)
    assert is_counted(kept, GREEDY, batch(0, 600))
    assert refused(lambda: kept.admit_unknown(GREEDY)) is None

    assert not is_counted(kept, GREEDY, batch(10_000, 900))
    during = [refused(lambda sender=each: kept.admit_unknown(sender)) for each in (GREEDY, BESIDE)]
    clock.seconds += UNCHECKED_SECONDS

    assert during == ["series", None]
    assert refused(lambda: kept.admit_unknown(GREEDY)) is None


def test_an_hour_later_series_count_anew() -> None:
    clock = Clock()
    kept = limits(clock)
    is_counted(kept, GREEDY, batch(0, 600))
    assert not is_counted(kept, GREEDY, batch(10_000, 900))

    clock.seconds += 3600

    assert is_counted(kept, GREEDY, batch(10_000, 600))


NOW = 1_795_000_000.0


def pushed(checker: Checker, name: str, number: int) -> Batch:
    """As the route takes it: recognised where it can be, else checked in full."""
    body = rw.snappy(b"".join(rw.simple(f"{name}_{each}", 1, NOW) for each in range(number)))
    return checker.recognise(body, GREEDY, NOW) or checker.check(body, GREEDY, NOW)


def test_what_was_refused_for_its_series_is_refused_again_when_it_is_recognised() -> None:
    kept, checker = limits(Clock()), Checker(Settings())
    assert is_counted(kept, GREEDY, pushed(checker, "known", 500))

    taken = [is_counted(kept, GREEDY, pushed(checker, "more", 3_000)) for _ in range(3)]

    assert taken == [False, False, False]
    assert is_counted(kept, GREEDY, pushed(checker, "known", 500))


def test_what_is_recognised_counts_in_the_next_hour_too() -> None:
    clock = Clock()
    kept, checker = limits(clock), Checker(Settings())
    for name in ("first", "second") * 2:
        assert is_counted(kept, GREEDY, pushed(checker, name, 360))

    clock.seconds += 3600
    for name in ("first", "second"):
        assert is_counted(kept, GREEDY, pushed(checker, name, 360))

    assert not is_counted(kept, GREEDY, batch(0, 720))
    assert is_counted(kept, GREEDY, pushed(checker, "first", 360))
