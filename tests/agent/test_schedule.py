"""Probes run when they should, whatever the others and the clock of the machine do."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from haidang_agent.runner import OVERRUNS, Runner
from haidang_agent.schedule import SNAPSHOT, Schedule

from tests.agent.runners import probe, runner_of
from tests.waiting import eventually


@contextmanager
def going(runner: Runner, take_snapshot: threading.Event | None = None) -> Iterator[Schedule]:
    schedule = Schedule(runner, (take_snapshot or threading.Event()).set, 0.2)
    schedule.start()
    try:
        yield schedule
    finally:
        schedule.stop()


class Hang:
    """A probe that does not return until it is released."""

    def __init__(self) -> None:
        self.begun, self.release = threading.Event(), threading.Event()

    def __call__(self, *_: object) -> list:
        self.begun.set()
        self.release.wait(60)
        return []


class Count:
    def __init__(self) -> None:
        self._rounds = threading.Semaphore(0)

    def __call__(self, *_: object) -> list:
        self._rounds.release()
        return []

    def reaches(self, number: int) -> bool:
        return all(self._rounds.acquire(timeout=30) for _ in range(number))


def overruns(runner: Runner, name: str) -> float:
    return next(s.value for s in runner.samples() if s.metric == OVERRUNS and s.labels == (name,))


def test_a_slow_probe_delays_neither_the_quick_one_nor_snapshots() -> None:
    slow, quick, snapshot = Hang(), Count(), threading.Event()
    with going(runner_of(probe("slow", slow), probe("quick", quick, every=0.05)), snapshot):
        assert slow.begun.wait(30)
        assert quick.reaches(5)
        snapshot.clear()
        assert snapshot.wait(30)
        slow.release.set()


def test_runs_left_out_are_counted_and_the_probe_goes_on_when_it_is_free_again() -> None:
    slow = Hang()
    runner = runner_of(probe("slow", slow, every=0.05), probe("quick", Count()))
    with going(runner):
        assert slow.begun.wait(30)
        eventually("overruns", lambda: runner._host.totals.sample(OVERRUNS, ("slow",)).value >= 2, seconds=10)
        slow.begun.clear()
        slow.release.set()
        assert slow.begun.wait(30), "it is run again"
    assert overruns(runner, "quick") == 0


def test_all_probes_run_at_once_however_seldom_they_run() -> None:
    daily = Count()
    with going(runner_of(probe("daily", daily, every=86400))):
        assert daily.reaches(1)


@pytest.mark.parametrize("off", [timedelta(hours=1), timedelta(days=-26 * 365)], ids=["set back", "set forward"])
def test_a_clock_that_is_set_neither_stops_measuring_nor_makes_up_for_the_years(off: timedelta) -> None:
    """To the scheduler it looks as if all runs lay ahead, or were due since then."""
    count, snapshot = Count(), threading.Event()
    with going(runner_of(probe("quick", count, every=0.05)), snapshot) as schedule:
        assert count.reaches(1)
        for job in schedule._scheduler.get_jobs():
            job.modify(next_run_time=job.next_run_time + off)
        assert count.reaches(20)
        snapshot.clear()
        assert snapshot.wait(30)


def test_a_snapshot_that_crashes_is_not_the_last() -> None:
    tries = threading.Semaphore(0)

    def crash() -> None:
        tries.release()
        raise ZeroDivisionError

    schedule = Schedule(runner_of(), crash, 0.05)
    schedule.start()
    try:
        assert all(tries.acquire(timeout=30) for _ in range(3))
    finally:
        schedule.stop()


def test_a_hanging_run_does_not_keep_the_process_alive() -> None:
    slow = Hang()
    with going(runner_of(probe("slow", slow))):
        assert slow.begun.wait(30)
    (thread,) = (thread for thread in threading.enumerate() if thread.name == "slow")
    slow.release.set()

    assert thread.daemon
    assert SNAPSHOT not in {thread.name for thread in threading.enumerate() if not thread.daemon}
