"""The life of incidents, and tables that do not grow: what a live capture relies on."""

from __future__ import annotations

import gc
import tracemalloc
from typing import TYPE_CHECKING

import pytest
from haidang_advice.kinds import KINDS
from haidang_agent.intrusion.check import discover
from haidang_agent.lanwatch import detectors
from haidang_agent.lanwatch.bounded import Recent, Table
from haidang_agent.lanwatch.frames import dissect
from haidang_agent.lanwatch.pcap import Packet
from haidang_agent.lanwatch.watch import Watch
from hypothesis import given
from hypothesis import strategies as st

from tests.agent.lanwatch.building import (
    START,
    Timed,
    asks,
    look,
)  # fmt: skip
from tests.agent.lanwatch.strangers import MAKERS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from haidang_agent.lanwatch.incident import Change

SCANNER = "00:1f:16:00:10:02"


def feed(watch: Watch, seconds: float, frame: bytes) -> list[Change]:
    taken = dissect(Packet(1, START + seconds, 0, 1, len(frame), frame))
    assert taken is not None
    return list(watch.feed(taken))


def sweep(since: float) -> list[Timed]:
    return [(since + count / 10, asks(SCANNER, "10.0.0.7", f"10.0.1.{count}")) for count in range(100)]


def test_an_incident_opens_once_changes_and_closes_when_it_is_over():
    watch = Watch()
    changes = [
        change
        for count in range(100)
        for change in feed(watch, count / 10, asks(SCANNER, "10.0.0.7", f"10.0.1.{count}"))
    ]

    assert [change.state for change in changes] == ["opened"] + ["changed"] * 50
    assert (changes[0].incident.first_seen, changes[-1].incident.last_seen) == (START, pytest.approx(START + 9.9))
    assert list(watch.tick(START + 200)) == []
    (closed,) = watch.tick(START + 400)
    assert (closed.state, closed.incident.kind, closed.incident.last_seen) == (
        "closed", "arp_scan", changes[-1].incident.last_seen,
    )  # fmt: skip
    assert list(watch.tick(START + 800)) == []


def test_what_comes_again_is_one_incident_of_a_capture_and_two_of_a_live_watch():
    frames = [
        (since + count / 10, asks(SCANNER, "10.0.0.7", f"10.0.1.{count}"))
        for since in (0, 5000)
        for count in range(100)
    ]
    watch = Watch()
    states = [change.state for when, frame in frames for change in feed(watch, when, frame)]
    (incident,) = look(frames).incidents

    assert (states.count("opened"), states.count("closed")) == (2, 1)
    assert incident.last_seen - incident.first_seen == pytest.approx(5009.9)


def test_a_clock_that_jumps_back_closes_nothing():
    watch = Watch()
    for count in range(60):
        feed(watch, 10_000 + count / 10, asks(SCANNER, "10.0.0.7", f"10.0.1.{count}"))

    (change,) = feed(watch, 0, asks(SCANNER, "10.0.0.7", "10.0.0.1"))

    assert (change.state, change.incident.last_seen) == ("changed", START + 10_005.9)


def test_one_broadcast_on_forty_interfaces_is_no_loop():
    watch = Watch()
    frame = asks(SCANNER, "10.0.0.7", "10.0.0.1")
    taken = [dissect(Packet(number, START, number, 1, len(frame), frame)) for number in range(40)]

    assert [change for one in taken if one for change in watch.feed(one)] == []


def test_every_kind_has_words_and_a_detector_of_its_name_or_a_check(tmp_path: Path):
    names = {file.stem for file in map(type(tmp_path), detectors.__path__) for file in file.glob("[a-z]*.py")}
    checked = {kind for check in discover().values() for kind in check.kinds}

    assert names | checked == set(KINDS)


@pytest.mark.parametrize("make", MAKERS, ids=lambda make: make.__name__)
def test_strangers_without_number_do_not_grow_the_tables(make: Callable[[int], bytes]):
    """The first 9,000 fill every table that the kind of frame reaches; 6,000 more must not add a tenth."""
    frames = [(number / 1000, make(number)) for number in range(15_000)]
    watch = Watch()
    sizes = []
    tracemalloc.start()
    try:
        for part in (frames[:9_000], frames[9_000:]):
            for when, frame in part:
                feed(watch, when, frame)
            gc.collect()
            sizes.append(tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()

    assert sizes[1] < sizes[0] * 1.1
    assert sizes[1] < 16 << 20


@given(st.lists(st.integers(0, 50), max_size=100))
def test_a_table_keeps_what_was_used_last(keys):
    table: Table[int, int] = Table(5, int)
    for key in keys:
        table[key] = key
    latest = list(dict.fromkeys(reversed(keys)))[:5]

    assert list(table) == list(reversed(latest))


@given(st.lists(st.tuples(st.floats(0, 100), st.integers(0, 3)), max_size=60).map(sorted))
def test_recent_counts_what_lies_within_its_window(events):
    recent: Recent[int] = Recent(10.0, 1000)
    for when, key in events:
        recent.add(when, key)
        inside = [one for other, one in events[: events.index((when, key)) + 1] if other >= when - 10.0]
        assert recent.keys.keys() >= set(inside)
    if events:
        newest = events[-1][0]
        assert len(recent) == sum(when >= newest - 10.0 for when, _key in events) == sum(recent.keys.values())
