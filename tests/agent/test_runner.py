"""Probes are run, and whatever one does, the others go on and the truth is told."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterable
from dataclasses import replace

import pytest
from haidang_agent.probe import Host, Metric, NothingToMeasureError, ProbeError, Sample, Stateless
from haidang_agent.runner import DURATION, FAILED, OVERRUNS, SUCCESS, Runner
from haidang_agent.schedule import Schedule

from tests.agent.runners import UP, Settings, probe, runner_of
from tests.waiting import eventually


def told(runner: Runner, metric: Metric) -> dict[tuple[str, ...], float]:
    return {sample.labels: sample.value for sample in runner.samples() if sample.metric == metric}


def fails(error: Exception) -> Callable[[Settings, Host], Iterable[Sample]]:
    def collect(_: Settings, __: Host) -> Iterable[Sample]:
        yield Sample(UP, 1.0, ("half",))
        raise error

    return collect


def test_what_a_probe_measured_is_told() -> None:
    runner = runner_of(probe("trial", lambda *_: [Sample(UP, 1.0, ("a",))]))
    runner.run("trial")

    assert told(runner, UP) == {("a",): 1}
    assert told(runner, SUCCESS) == {("trial",): 1}
    assert sum(told(runner, FAILED).values()) == 0
    assert runner.complete()


def test_a_probe_that_fails_tells_the_reason_and_nothing_half_measured() -> None:
    runner = runner_of(probe("trial", fails(ProbeError("denied", "no right"))))
    outcome = runner.run("trial")

    assert told(runner, UP) == {}
    assert told(runner, SUCCESS) == {("trial",): 0}
    assert {reason for (_, reason), value in told(runner, FAILED).items() if value} == {"denied"}
    assert outcome.detail == "no right"


def test_a_crash_is_a_bug_and_stays_in_its_probe() -> None:
    runner = runner_of(probe("crash", fails(ZeroDivisionError())), probe("sound", lambda *_: [Sample(UP, 1.0, ("a",))]))
    for name in ("crash", "sound"):
        runner.run(name)

    assert told(runner, SUCCESS) == {("crash",): 0, ("sound",): 1}
    assert told(runner, FAILED)["crash", "bug"] == 1


def test_nothing_to_measure_is_no_failure() -> None:
    runner = runner_of(probe("ups", fails(NothingToMeasureError("no UPS"))))
    runner.run("ups")

    assert told(runner, UP) == {}
    assert told(runner, SUCCESS) == {("ups",): 1}


@pytest.mark.parametrize(
    ("samples", "said"),
    [
        ([Sample(UP, 1.0, ("a",)), Sample(UP, 0.0, ("a",))], "two values for one series"),
        ([Sample(Metric("school_other", "Other."), 1.0)], "school_other is not among the metrics"),
        ([Sample(UP, 1.0)], "no values of the labels"),
        ([Sample(UP, 1.0, (5,))], "no values of the labels"),
        ([Sample(UP, None, ("a",))], "None is no number"),
        ([Sample(UP, "1", ("a",))], "'1' is no number"),
        (None, "NoneType"),
    ],
)
def test_nonsense_is_the_probes_own_bug_and_stays_out_of_the_snapshot(samples: object, said: str) -> None:
    runner = runner_of(probe("odd", lambda *_: samples))

    assert runner.run("odd").reason == "bug"
    assert said in runner.run("odd").detail
    assert told(runner, UP) == {}


def test_a_probe_that_hangs_fails_by_timeout_until_it_returns() -> None:
    """In its very first run too: the others' vanished series must be ended, which waits for all first runs."""
    release = threading.Event()

    def hang(_: Settings, __: Host) -> Iterable[Sample]:
        release.wait(60)
        return [Sample(UP, 1.0, ("late",))]

    runner = runner_of(probe("hang", hang, every=2), push_interval=0.5)
    thread = threading.Thread(target=runner.run, args=("hang",))
    thread.start()
    try:
        assert not runner.complete()
        eventually("a timeout", lambda: told(runner, FAILED).get(("hang", "timeout")) == 1, seconds=10, every=0.01)
        assert told(runner, SUCCESS) == {("hang",): 0}
        assert told(runner, UP) == {}
        assert runner.complete()
    finally:
        release.set()
        thread.join()

    assert told(runner, UP) == {("late",): 1}
    assert told(runner, SUCCESS) == {("hang",): 1}


def test_a_probe_of_another_platform_says_so() -> None:
    runner = runner_of(replace(probe("other", lambda *_: []), platforms=frozenset({"plan9"})))

    assert runner.run("other").reason == "unsupported"


def test_only_probes_of_the_roles_are_started() -> None:
    site = replace(probe("a", lambda *_: []), roles=frozenset({"site"}))
    host = replace(probe("b", lambda *_: []), roles=frozenset({"host"}))

    assert list(runner_of(site, host, roles=("host",)).probes) == ["b"]


def test_old_results_are_no_longer_told() -> None:
    """
    Fresh means three intervals of the probe, and two pushes at least; after that the last value is not the present one.
    """
    runner = runner_of(probe("slow", lambda *_: [Sample(UP, 1.0, ("a",))], every=0.01))
    outcome = runner.run("slow")
    runner._outcomes["slow"] = replace(outcome, at=outcome.at - 10)

    assert told(runner, UP) == {}
    assert told(runner, DURATION) == {}
    assert told(runner, SUCCESS) == {("slow",): 0}


def test_a_probe_that_hangs_delays_no_other_and_is_counted() -> None:
    release, rounds = threading.Event(), threading.Semaphore(0)

    def hang(_: Settings, __: Host) -> Iterable[Sample]:
        release.wait(60)
        return []

    def quick(_: Settings, __: Host) -> Iterable[Sample]:
        rounds.release()
        return [Sample(UP, 1.0, ("quick",))]

    runner = runner_of(probe("hang", hang, every=0.1), probe("quick", quick, every=0.1), push_interval=30)
    snapshots = threading.Event()
    schedule = Schedule(runner, snapshots.set, 1.0)
    schedule.start()
    try:
        for _ in range(5):
            assert rounds.acquire(timeout=30), "the quick probe goes on"
        assert snapshots.wait(30), "and so do snapshots"
        eventually("counted", lambda: runner._host.totals.sample(OVERRUNS, ("hang",)).value > 0, seconds=10)
        assert told(runner, UP) == {("quick",): 1}
    finally:
        release.set()
        schedule.stop()


def test_a_live_probe_tells_what_it_knows_whenever_somebody_looks() -> None:
    """It measures by itself; but nobody starts it by looking."""
    counted = itertools.count()
    runner = runner_of(replace(probe("live", lambda *_: [Sample(UP, float(next(counted)), ("a",))]), live=True))
    assert told(runner, UP) == {}
    runner.run("live")

    assert [told(runner, UP) for _ in range(2)] == [{("a",): 1}, {("a",): 2}]


def test_what_was_measured_last_is_told_after_the_end_and_no_probe_is_started_again() -> None:
    """A run that the schedule had begun just before would else leave threads and sockets behind."""
    counted = itertools.count(1)
    live = replace(probe("live", lambda *_: [Sample(UP, float(next(counted)), ("a",))]), live=True)
    runner = runner_of(live)
    runner.run("live")
    runner.close()
    runner.run("live")

    assert told(runner, UP) == {("a",): 1}


def test_a_probe_that_was_being_started_at_the_end_is_closed() -> None:
    """The end does not wait for it, and it does not outlive the end."""
    starting, go_on, closed = threading.Event(), threading.Event(), threading.Event()

    class Slow(Stateless[Settings]):
        def close(self) -> None:
            closed.set()

    def start(settings: Settings, host: Host) -> Slow:
        starting.set()
        go_on.wait(30)
        return Slow(lambda *_: [], settings, host)

    runner = runner_of(replace(probe("slow", lambda *_: []), start=start))
    thread = threading.Thread(target=runner.run, args=("slow",))
    thread.start()
    assert starting.wait(30)
    runner.close()
    go_on.set()
    thread.join()

    assert closed.is_set()


def test_probes_know_the_tables_and_roles() -> None:
    """What there is to watch."""
    seen = []
    runner = runner_of(probe("trial", lambda _, host: seen.append(host.watch) or []))
    runner.run("trial")

    assert (seen[0].roles, seen[0].wan) == (("site",), ())
