from __future__ import annotations

import random
import tracemalloc
from collections import Counter

import pytest
from haidang_collector.ingest.batch import Checker
from haidang_collector.ingest.layouts import LAYOUTS_PER_AGENT, Layout, Layouts, _columns
from haidang_collector.ingest.sketch import Sketch
from haidang_collector.registry.store import Identity
from haidang_collector.settings import Settings

from tests.collector import remote_write as rw
from tests.collector.ingest import full_parse

NOW = 1_795_000_000.0
SENDERS = (Identity("a-1", "TH-001", "Quận 1"), Identity("a-22", "THCS-00022", "Q. 7"))
MESSAGE = rw.simple("down", 0, NOW - 15, isp="VNPT") + rw.simple("up", 1, NOW - 15, wan="1")
NEXT = rw.simple("down", 1, NOW, isp="VNPT") + rw.simple("up", float("nan"), NOW, wan="1")


def checker_that_knows(message: bytes) -> Checker:
    checker = Checker(Settings())
    checker.check(rw.snappy(message), SENDERS[0], NOW)
    return checker


def test_the_next_request_of_the_same_series_is_recognised_and_passed_on_like_any_other() -> None:
    checker = checker_that_knows(MESSAGE)

    known = checker.recognise(rw.snappy(NEXT), SENDERS[0], NOW)

    assert known == Checker(Settings()).check(rw.snappy(NEXT), SENDERS[0], NOW)


def test_a_unit_that_moved_gets_its_new_labels_at_once() -> None:
    checker = checker_that_knows(MESSAGE)
    moved = Identity("a-1", "THPT-0000000000000000000000000000001", "Quận Bình Tân")

    known = checker.recognise(rw.snappy(NEXT), moved, NOW)

    assert known == Checker(Settings()).check(rw.snappy(NEXT), moved, NOW)


@pytest.mark.parametrize(
    ("message", "why"),
    [
        (MESSAGE[:-1], "a byte is missing"),
        (MESSAGE + MESSAGE, "twice the series"),
        (MESSAGE.replace(b"VNPT", b"VNPU"), "another label of the same length"),
        (MESSAGE.replace(b"isp", b"job"), "a label that is the centre's to give"),
        (rw.simple("down", 0, NOW - 31 * 86400, isp="VNPT") + rw.simple("up", 1, NOW, wan="1"), "too old"),
        (rw.simple("down", 0, NOW + 301, isp="VNPT") + rw.simple("up", 1, NOW, wan="1"), "in the future"),
        (MESSAGE[:-1] + b"\x80", "a time that never ends"),
        (MESSAGE[:-7] + b"\x12" + MESSAGE[-6:], "no time"),
    ],
)
def test_whatever_is_not_as_last_time_is_left_to_the_full_check(message: bytes, why: str) -> None:
    assert checker_that_knows(MESSAGE).recognise(rw.snappy(message), SENDERS[0], NOW) is None, why


def test_what_another_agent_sent_last_counts_for_that_one_only() -> None:
    assert checker_that_knows(MESSAGE).recognise(rw.snappy(NEXT), SENDERS[1], NOW) is None


@pytest.mark.parametrize("body", [b"", b"not snappy", rw.snappy(bytes(1 << 20))])
def test_broken_and_long_bodies_are_left_to_the_full_check(body: bytes) -> None:
    assert checker_that_knows(MESSAGE).recognise(body, SENDERS[0], NOW) is None


def test_taken_is_only_what_a_full_parse_takes_and_passed_on_is_all_of_it() -> None:
    """
    `python -m benchmarks mutations` does the same over millions of bodies.
    """
    noise = random.Random(20261126)
    checker = Checker(Settings())
    outcomes: Counter[str] = Counter()
    for _ in range(400):
        message = full_parse.generated(noise, NOW)
        for body in (
            message,
            full_parse.with_new_samples(noise, message, NOW),
            full_parse.in_another_form(noise, message),
            *(full_parse.mutated(noise, message) for _ in range(4)),
        ):
            outcomes[full_parse.compare(checker, body, noise.choice(SENDERS), NOW)] += 1

    assert min(outcomes.values()) > 30, outcomes
    assert outcomes.keys() == {"recognised", "taken", "refused", "refused for its form"}


def labels(*names: str) -> list[bytes]:
    return [rw.label("__name__", name) for name in names]


def one_layout(series: int) -> int:
    """What a layout of so many short series takes; the names below are of at most four letters."""
    return Layout(labels(*(f"m{number:03}" for number in range(series))), Sketch()).memory_bytes


def test_agents_that_send_the_same_share_what_is_remembered() -> None:
    layouts = Layouts(most_bytes=one_layout(2))

    for agent in ("a", "b", "c"):
        layouts.keep(agent, labels("up", "down"), Sketch())

    size = len(rw.simple("up", 1, NOW) + rw.simple("down", 1, NOW))
    found = [layouts.find(agent, size) for agent in ("a", "b", "c")]
    assert found[0] is not None
    assert found[0] is found[1] is found[2]


def test_what_was_not_used_for_the_longest_time_is_forgotten_first() -> None:
    layouts = Layouts(most_bytes=2 * one_layout(2))
    size = len(rw.simple("a1", 1, NOW) * 2)
    layouts.keep("a", labels("a1", "a2"), Sketch())
    layouts.keep("b", labels("b1", "b2"), Sketch())
    layouts.find("a", size)

    layouts.keep("c", labels("c1", "c2"), Sketch())

    assert [layouts.find(agent, size) is not None for agent in ("a", "b", "c")] == [True, False, True]


def test_an_agent_that_sends_something_else_each_time_takes_no_others_place() -> None:
    layouts = Layouts(most_bytes=(1 + LAYOUTS_PER_AGENT + 1) * one_layout(1))
    layouts.keep("good", labels("up"), Sketch())

    for number in range(100):
        layouts.keep("restless", labels(f"m{number:03}"), Sketch())

    assert layouts.find("good", len(rw.simple("up", 1, NOW))) is not None


def fill(layouts: Layouts, longest: int, lengths_of_ours: int) -> None:
    """Forty agents, each with 100 series of its own, spliced for units with labels of so many lengths."""
    for agent in range(40):
        series = [
            rw.label("__name__", f"m{number:03}") + rw.label("wan", f"{agent}-{number}".ljust(longest))
            for number in range(100)
        ]
        layouts.keep(f"a-{agent}", series, Sketch())
        message = b"".join(rw.field(1, each + rw.sample(1, round(NOW * 1000))) for each in series)
        for length in range(lengths_of_ours):
            layout = layouts.find(f"a-{agent}", len(message))
            if layout is not None:
                assert layout.splice(message, (b"a", b"d", b"u" * length)) is not None
        layouts.find(f"a-{agent}", len(message))


@pytest.mark.parametrize(("longest", "lengths_of_ours"), [(8, 0), (8, 3), (300, 1)])
def test_what_layouts_take_is_counted_in_bytes_and_not_below_what_it_is(longest: int, lengths_of_ours: int) -> None:
    """
    Series with longer labels are another burden: the bound is of memory, and the account is honest.
    """
    layouts = Layouts()
    _columns.cache_clear()
    tracemalloc.start()
    try:
        fill(layouts, longest, lengths_of_ours)
        _columns.cache_clear()
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert taken * 0.95 < layouts.memory_bytes < taken * 1.3


def test_the_longest_labels_take_no_more_than_is_granted() -> None:
    layouts = Layouts(most_bytes=1_000_000)

    fill(layouts, 450, 2)

    assert 500_000 < layouts.memory_bytes <= 1_000_000
