"""The model keeps dpinger's published rule: what it cannot see in time, and what it holds on to."""

from __future__ import annotations

import time
from contextlib import ExitStack

import pytest

from benchmarks.dpinger import Echo, Pinger, alarms
from tests.lab import VirtualSchool
from tests.waiting import eventually


def line(*dead: tuple[float, float], seconds: float = 300.0, trip: float = 0.01) -> list[Echo]:
    """Two echoes a second, none answered in these times."""
    sent = [0.5 * number for number in range(int(seconds * 2))]
    return [Echo(at, None if any(begin <= at < end for begin, end in dead) else trip) for at in sent]


@pytest.mark.parametrize("seconds", [8.0, 11.0])
def test_a_short_cut_is_never_noticed(seconds: float) -> None:
    """
    22 lost of 120 are 18 %.
    """
    assert alarms(line((100, 100 + seconds))) == []


def test_a_long_cut_is_noticed_when_a_fifth_of_the_minute_is_lost_and_held_until_it_is_forgotten() -> None:
    ((begin, end),) = alarms(line((100, 130)))

    assert begin - 100 == pytest.approx(14.5, abs=1)
    assert end == pytest.approx(130 + 60 - 12.5 + 10, abs=2.5)


def test_two_short_cuts_within_a_minute_raise_an_alarm() -> None:
    ((begin, _),) = alarms(line((100, 108), (120, 128)))

    assert 120 < begin < 130


def test_a_slow_line_is_alarming_at_half_a_second() -> None:
    assert alarms(line(trip=0.49)) == []
    assert len(alarms(line(trip=0.51))) == 1


def test_without_echoes_there_is_no_alarm() -> None:
    assert alarms([]) == []


def lost(pinger: Pinger) -> list[Echo]:
    return [echo for echo in pinger.echoes() if echo.trip is None]


def test_pings_leave_by_their_line_and_what_they_lost_is_known() -> None:
    """
    The spare line, to which no route leads.
    """
    with ExitStack() as stack:
        school = stack.enter_context(VirtualSchool(pcs=0))
        spare = school.isps["Viettel"]
        pinger = stack.enter_context(Pinger(school.router, spare, school.centre_address, school.folder))
        eventually("three answers", lambda: len(pinger.echoes()) > 2, seconds=10)
        began = time.monotonic()
        school.cut_isp("Viettel")
        time.sleep(1.7)  # how long it is dead: part of the story
        school.repair("Viettel")
        dead = time.monotonic() - began
        eventually("it answers again", lambda: lost(pinger), seconds=10)
        echoes = pinger.echoes()

    assert 2 <= sum(echo.trip is None for echo in echoes) <= dead / 0.5 + 1
    assert (echoes[-1].sent - echoes[0].sent) / (len(echoes) - 1) == pytest.approx(0.5, abs=0.1)
