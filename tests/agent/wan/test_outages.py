"""Outages are counted once, by one cause, for the time in which somebody looked; over restarts too."""

from __future__ import annotations

import json

import pytest
from haidang_agent.probe import Totals
from haidang_agent.wan.outages import CAUSES, OUTAGE_ACTIVE, OUTAGE_SECONDS, OUTAGES, OutageBook
from haidang_agent.wan.times import earlier
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.agent.wan.moments import Clocks

PATH, LINE = "", "wan1"


class Watched:
    """A book whose clocks are turned by hand; each second looked at."""

    def __init__(self) -> None:
        self.clocks, self.totals = Clocks(), Totals()
        self.book = OutageBook(self.totals, [LINE])

    def fails(self, cause: str, seconds: int, wan: str = LINE, delay: float = 0.0) -> None:
        """Found out `delay` after the fact, then for so many seconds."""
        began = earlier(self.clocks.moment(), delay)
        self.book.fails(wan, cause, began, self.clocks.moment())
        for _ in range(seconds):
            self.clocks.passes(1)
            self.book.fails(wan, cause, began, self.clocks.moment())

    def works(self, wan: str = LINE) -> None:
        self.book.works(wan, self.clocks.moment())

    def restarts(self) -> None:
        """The outbox keeps totals and memory as JSON."""
        self.totals = Totals(self.totals.copy())
        self.book = OutageBook(self.totals, [LINE], json.loads(json.dumps(self.book.as_json())))

    def told(self, metric, wan: str = LINE) -> dict[str, float]:
        """By cause, only what is not 0."""
        found = {each.labels: each.value for each in self.book.samples() if each.metric == metric}
        return {cause: value for (cause, of), value in found.items() if of == wan and value}


@pytest.fixture
def watched() -> Watched:
    return Watched()


def test_all_series_are_there_from_the_start(watched):
    """So that an increase is seen; a line has only the causes that a line can have."""
    samples = list(watched.book.samples())

    assert len(samples) == 3 * (len(CAUSES) + 4)
    assert {sample.value for sample in samples} == {0}


def test_an_outage_is_counted_with_its_seconds_from_the_fact_on(watched):
    watched.fails("isp", 30, delay=2.0)
    watched.works()

    assert (watched.told(OUTAGES), watched.told(OUTAGE_SECONDS)) == ({"isp": 1}, {"isp": 32.0})
    assert watched.told(OUTAGE_ACTIVE) == {}
    (closed,) = watched.book.closed
    assert (closed.ended, closed.seconds) == (watched.clocks.moment(), 32.0)


def test_the_cause_may_become_clearer_at_first_and_is_counted_once(watched):
    watched.fails("isp", 5)
    assert (watched.told(OUTAGES), watched.told(OUTAGE_ACTIVE)) == ({}, {"isp": 1})
    watched.fails("carrier", 5)
    watched.works()

    assert (watched.told(OUTAGES), watched.told(OUTAGE_SECONDS)) == ({"carrier": 1}, {"carrier": 10.0})


def test_after_15_s_the_cause_stands(watched):
    watched.fails("isp", 15)
    assert watched.told(OUTAGES) == {"isp": 1}
    watched.fails("carrier", 15)
    watched.works()

    assert (watched.told(OUTAGES), watched.told(OUTAGE_SECONDS)) == ({"isp": 1}, {"isp": 30.0})


def test_what_works_and_never_failed_is_nothing(watched):
    watched.works()
    watched.book.unknown(LINE, watched.clocks.moment())

    assert (watched.told(OUTAGES), list(watched.book.closed)) == ({}, [])


def test_unknown_time_counts_for_nothing_and_does_not_end_it(watched):
    watched.fails("isp", 10)
    for _ in range(100):
        watched.book.unknown(LINE, watched.clocks.passes(1))
    watched.fails("isp", 10)
    watched.works()

    assert (watched.told(OUTAGES), watched.told(OUTAGE_SECONDS)) == ({"isp": 1}, {"isp": 20.0})


@pytest.mark.parametrize("seconds", [5, 20])
def test_sleep_of_the_machine_counts_for_nothing(watched, seconds):
    """Whether the outage goes on behind it or not."""
    watched.fails("isp", seconds)
    watched.clocks.passes(8 * 3600)
    watched.fails("isp", 10)
    watched.clocks.passes(8 * 3600)
    slept_since = watched.clocks.moment().monotonic - 8 * 3600
    watched.works()

    assert (watched.told(OUTAGES), watched.told(OUTAGE_SECONDS)) == ({"isp": 1}, {"isp": seconds + 10.0})
    assert watched.book.closed[-1].ended.monotonic == slept_since


@pytest.mark.parametrize("before", [5, 30])
@pytest.mark.parametrize("reboot", [False, True])
def test_an_outage_that_began_before_a_restart_goes_on(watched, before, reboot):
    """The time in between is not its own; it is one outage, counted once."""
    watched.fails("isp", before)
    if reboot:
        watched.clocks.reboots(500)
    else:
        watched.clocks.passes(500)
    watched.restarts()
    assert watched.told(OUTAGE_ACTIVE) == {}
    watched.fails("isp", 30)
    assert watched.told(OUTAGE_ACTIVE) == {"isp": 1}
    watched.works()

    assert (watched.told(OUTAGES), watched.told(OUTAGE_SECONDS)) == ({"isp": 1}, {"isp": before + 30.0})


@pytest.mark.parametrize("before", [5, 30])
def test_an_outage_that_ended_while_the_agent_was_off_ended_when_it_was_last_seen(watched, before):
    watched.fails("isp", before)
    last = watched.clocks.moment()
    watched.clocks.passes(500)
    watched.restarts()
    watched.works()

    assert (watched.told(OUTAGES), watched.told(OUTAGE_SECONDS)) == ({"isp": 1}, {"isp": float(before)})
    assert watched.book.closed[-1].ended == last


@pytest.mark.parametrize("asleep", [True, False])
def test_that_its_state_is_unknown_at_first_does_not_move_the_end(watched, asleep):
    """After a restart, or a sleep of the machine, it takes a moment until somebody knows."""
    watched.fails("isp", 5)
    last = watched.clocks.moment()
    watched.clocks.passes(500)
    if not asleep:
        watched.restarts()
    watched.book.unknown(LINE, watched.clocks.moment())
    watched.clocks.passes(1)
    watched.works()

    assert watched.told(OUTAGE_SECONDS) == {"isp": 5.0}
    assert watched.book.closed[-1].ended == last


def test_a_lines_outage_and_the_paths_are_apart(watched):
    watched.fails("isp", 20)
    watched.fails("lan", 20, wan=PATH)
    watched.works()

    assert watched.told(OUTAGES) == {"isp": 1}
    assert watched.told(OUTAGES, PATH) == {"lan": 1}
    assert watched.told(OUTAGE_ACTIVE, PATH) == {"lan": 1}


def test_what_is_known_only_when_over_counts_at_once(watched):
    began = watched.clocks.moment()
    watched.book.happened("power", began, watched.clocks.reboots(700), 700.0)
    watched.book.happened("power", began, watched.clocks.reboots(700), None)

    assert watched.told(OUTAGES, PATH) == {"power": 2}
    assert watched.told(OUTAGE_SECONDS, PATH) == {"power": 700.0}


def test_no_more_than_the_last_50_are_remembered(watched):
    for _ in range(60):
        watched.fails("isp", 1)
        watched.works()

    assert len(watched.book.as_json()) == 50
    assert watched.told(OUTAGES) == {"isp": 60}


def test_a_line_that_is_no_longer_configured_is_forgotten(watched):
    watched.fails("isp", 20)
    stored = json.loads(json.dumps(watched.book.as_json()))
    book = OutageBook(Totals(), ["wan2"], stored)

    assert book.open == {}
    assert {labels[1] for _, _, labels in book.samples()} == {PATH, "wan2"}


@pytest.mark.parametrize("stored", [[5], [None], ["x"], [{}], [{"wan": "wan1"}], [[1, 2]]])
def test_what_cannot_be_read_is_left_out(stored):
    book = OutageBook(Totals(), [LINE], stored)

    assert (book.open, list(book.closed)) == ({}, [])


WHAT = st.sampled_from(["isp", "carrier", "router", "service", "works", "unknown", "restart", "reboot", "sleep"])


@settings(deadline=None)
@given(st.lists(st.tuples(WHAT, st.sampled_from([LINE, PATH]), st.integers(0, 20)), max_size=25))
def test_counters_never_go_back_and_never_exceed_what_was_watched(steps):
    watched, watched_seconds, before = Watched(), 0.0, {}
    for what, wan, seconds in steps:
        if what in CAUSES:
            watched.fails(what, seconds, wan)
            watched_seconds += seconds
        elif what == "works":
            watched.works(wan)
        elif what == "unknown":
            watched.book.unknown(wan, watched.clocks.passes(seconds))
        elif what == "sleep":
            watched.clocks.passes(seconds + 60)
        else:
            if what == "reboot":
                watched.clocks.reboots(seconds)
            watched.restarts()
        now = watched.totals.copy()
        assert all(now[key] >= value for key, value in before.items())
        before = now
    counted = sum(value for key, value in before.items() if key.startswith(OUTAGE_SECONDS.name))
    assert counted <= 2 * watched_seconds + 5 * len(steps)
    assert len(watched.book.open) <= 2
