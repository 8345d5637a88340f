"""The stream sees what was done to the way of the traffic, to some 10 ms, and the daemon moves it away."""

from __future__ import annotations

import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.lab import VirtualSchool, failover_daemon
from tests.lab.measuring import reaches
from tests.lab.stream import EVERY_SECONDS, Arrival, Gap, Stream, gaps
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any


@pytest.fixture(scope="module")
def built() -> Iterator[VirtualSchool]:
    with VirtualSchool(isps=("VNPT", "Viettel"), pcs=1) as school:
        yield school


@pytest.fixture
def school(built: VirtualSchool) -> Iterator[VirtualSchool]:
    built.use_isp("VNPT")
    yield built
    built.repair_all()


@pytest.fixture
def stream(school: VirtualSchool) -> Iterator[Stream]:
    with Stream(school.pc(1), school.centre, school.centre_address, school.folder) as flowing:
        eventually("it flows", lambda: len(flowing.arrivals()) > 10, seconds=10)
        yield flowing


@contextmanager
def failing_over(school: VirtualSchool, *options: str) -> Iterator[subprocess.Popen[Any]]:
    """The daemon runs and has chosen its first line."""
    lines = [f"{isp.wan}={isp.gateway}={isp.target}" for isp in school.isps.values()]
    command = [sys.executable, "-IS", failover_daemon.__file__, *options, *lines]
    with school.router.start(*command, stdout=subprocess.PIPE, text=True) as daemon:
        try:
            assert daemon.stdout is not None
            assert daemon.stdout.readline().split()[1] == "wan1"
            yield daemon
        finally:
            daemon.kill()
            school.router.run("ip", "-force", "-batch", "-", input="rule del priority 201\nrule del priority 202\n")


def moved(daemon: subprocess.Popen[Any]) -> tuple[float, str]:
    """The next move that it tells of."""
    assert daemon.stdout is not None
    at, interface = daemon.stdout.readline().split()
    return float(at), interface


def longest(found: list[Gap]) -> Gap:
    """A busy machine adds short ones of its own."""
    return max(found, key=lambda gap: gap.seconds)


def arrived_after(stream: Stream, at: float) -> bool:
    return any(arrival.sent > at for arrival in stream.arrivals()[-20:])


def test_without_a_fault_there_is_no_gap(school: VirtualSchool, stream: Stream) -> None:
    """A busy machine makes some of its own, but not always."""

    def undisturbed() -> list[int]:
        began = time.monotonic()
        eventually("two seconds of stream", lambda: arrived_after(stream, began + 2), seconds=10)
        disturbed = stream.gaps(began, began + 2)
        return [] if disturbed else [each.number for each in stream.arrivals() if began < each.sent < began + 2]

    numbers = eventually("two seconds without a gap", undisturbed, seconds=15)
    assert numbers == list(range(numbers[0], numbers[-1] + 1))
    assert len(numbers) == pytest.approx(2 / EVERY_SECONDS, rel=0.2)


@pytest.mark.parametrize("cut", ["cut_fibre", "cut_isp", "cut_gateway"])
def test_a_gap_is_as_long_as_the_cut(school: VirtualSchool, stream: Stream, cut: str) -> None:
    """
    The router may need until its next question for the gateway's MAC address, up to a second. Where it knows that it
    has to ask, because the carrier was lost, nothing is lost of so short a cut, but all of it comes late.
    """
    began = time.monotonic()
    getattr(school, cut)("VNPT")
    time.sleep(1.5)  # how long it is cut: part of the story
    mended = time.monotonic()
    school.repair("VNPT")
    eventually("it flows again", lambda: arrived_after(stream, mended + 0.3), seconds=10)
    gap = longest(stream.gaps(began, mended))

    assert gap.begin == pytest.approx(began, abs=0.5)
    assert mended - 0.02 < gap.end < mended + (1 if cut == "cut_isp" else 3)
    assert gap.lost == (0 if cut == "cut_fibre" else pytest.approx(gap.seconds / EVERY_SECONDS, rel=0.3))


def test_another_daemon_moves_the_traffic_of_a_dead_isp_and_moves_it_back(
    school: VirtualSchool, stream: Stream
) -> None:
    """
    Two pings, a second apart, each waited for a second; and the way back costs nothing.
    """
    with failing_over(school) as daemon:
        began = time.monotonic()
        school.cut_isp("VNPT")
        away, first = moved(daemon)
        eventually("it flows again", lambda: arrived_after(stream, away + 0.3), seconds=10)
        school.repair("VNPT")
        back, second = moved(daemon)
        eventually("it flows still", lambda: arrived_after(stream, back + 0.3), seconds=10)
    gap = longest(stream.gaps(began, back))

    assert (first, second) == ("wan2", "wan1")
    assert 1 < gap.seconds < 15
    assert gap.end == pytest.approx(away, abs=0.5)


def test_a_lost_carrier_moves_the_traffic_at_once(school: VirtualSchool, stream: Stream) -> None:
    with failing_over(school, "--carrier-only") as daemon:
        began = time.monotonic()
        school.cut_fibre("VNPT")
        away, interface = moved(daemon)
        eventually("it flows again", lambda: arrived_after(stream, away + 0.3), seconds=10)

    assert interface == "wan2"
    assert [gap for gap in stream.gaps(began, away) if gap.seconds > 0.9] == []
    assert reaches(school.pc(1), school.common_target)


@given(st.lists(st.integers(0, 400), unique=True), st.floats(0, 2))
def test_every_gap_lies_between_arrivals_and_counts_what_lacks(numbers: list[int], delay: float) -> None:
    """
    Lines that lose, and take a steady time over it.
    """
    came = [Arrival(number, number * EVERY_SECONDS, number * EVERY_SECONDS + delay) for number in sorted(numbers)]
    found = gaps(came)

    for gap in found:
        assert gap.lost == pytest.approx(gap.seconds / EVERY_SECONDS)
        assert not any(gap.begin - 1e-6 < arrival.arrived < gap.end - 1e-6 for arrival in came)
    assert sum(gap.lost for gap in found) <= max(numbers, default=0) + 1 - len(numbers)


@pytest.mark.parametrize(
    ("came", "lengths"),
    [
        pytest.param([(1, 0.01, 0.01), (2, 0.5, 0.5), (3, 0.51, 0.51)], [], id="sender late"),
        pytest.param([(1, 0.01, 0.01), (5, 0.05, 0.05)], [], id="three lost"),
        pytest.param([(1, 0.01, 0.01), (7, 0.07, 0.07)], [0.05], id="five lost"),
        pytest.param([(1, 0.01, 0.01), (2, 0.02, 0.9), (3, 0.03, 0.9), (90, 0.9, 0.9)], [0.88], id="all held"),
    ],
)
def test_what_is_a_gap(came: list[tuple[int, float, float]], lengths: list[float]) -> None:
    assert [gap.seconds for gap in gaps([Arrival(*one) for one in came])] == pytest.approx(lengths)
