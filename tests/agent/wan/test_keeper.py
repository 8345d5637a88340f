"""What the keeper of the lines counts besides outages, and that its faults stay its own."""

from __future__ import annotations

import time
from dataclasses import dataclass

import pytest
from haidang_agent.probe import Host, Memory, Moment, Watch
from haidang_agent.tables import Wan
from haidang_agent.wan.keeper import Keeper
from haidang_agent.wan.metrics import OBSERVED, UNOBSERVED

LINE = Wan("wan1", "VNPT")


@dataclass
class Boottime:
    """Counts on while the machine sleeps, as CLOCK_BOOTTIME does."""

    slept: float = 0.0

    def moment(self) -> Moment:
        return Moment("boot", time.monotonic() + self.slept, time.time() + self.slept, None)


def keeper(clock: Boottime) -> tuple[Keeper, Host]:
    host = Host(time=clock, watch=Watch(roles=("site",), wan=(LINE,)))
    return Keeper(host, lambda _witness, _lock: None), host


def test_sleep_is_neither_watched_nor_an_outage():
    clock = Boottime()
    watching, host = keeper(clock)
    host.evidence.tell("internet", "", {"up": True, "since": None}, 600)
    clock.slept = 8 * 3600.0
    watching.look()

    assert host.totals.sample(UNOBSERVED, ("asleep",)).value == pytest.approx(8 * 3600, abs=1)
    assert host.totals.sample(OBSERVED, ("wan1", "VNPT")).value < 1
    assert watching.book.open == {}
    watching.close()


def test_a_fault_of_the_keeper_does_not_reach_the_probe_that_told():
    """It shows by itself."""
    watching, host = keeper(Boottime())
    assert not watching.broken
    host.evidence.tell("internet", "", {"nothing": "that it knows"}, 60)

    assert watching.broken
    watching.close()


@pytest.mark.parametrize("stored", [5, "x", [5], [["a"]], {"a": 1}, [{"wan": 1}], [["a", "b", None, "x"]]])
def test_what_was_remembered_in_another_shape_is_passed_over(stored):
    host = Host(
        memory=Memory(dict.fromkeys(("wan.outages", "wan.moves", "wan.alive"), stored)), watch=Watch(wan=(LINE,))
    )
    watching = Keeper(host, lambda _witness, _lock: None)

    assert (watching.book.open, watching.moves) == ({}, {})
    watching.close()
