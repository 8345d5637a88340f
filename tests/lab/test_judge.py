"""The judge is not to be deceived: the truth told in time passes, and each way of telling it wrongly is found."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.lab import VirtualSchool
from tests.lab.faults import KINDS, LONGEST_SECONDS, SHORTEST_SECONDS, Facts, Fault, Move, random_faults
from tests.lab.judge import judge, judge_quiet
from tests.lab.stream import Gap
from tests.lab.watching import Series, Timeline, Watcher
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Mapping

Told = dict[float, dict[str, float | None]]
"""What the agent says from these seconds on; the fault is from 10 to 20, and all is over at 30."""

UP1, UP2 = 'school_wan_up{wan="wan1",isp="VNPT"}', 'school_wan_up{wan="wan2",isp="Viettel"}'
ACTIVE1, ACTIVE2 = 'school_wan_active{wan="wan1",isp="VNPT"}', 'school_wan_active{wan="wan2",isp="Viettel"}'
CARRIER1, LOSS1 = 'school_wan_carrier{wan="wan1"}', 'school_wan_loss_ratio{wan="wan1",isp="VNPT"}'
CHANGES1 = 'school_wan_changes_total{wan="wan1",isp="VNPT"}'
START: Told = {0.0: {UP1: 1, UP2: 1, ACTIVE1: 1, ACTIVE2: 0, CARRIER1: 1, CHANGES1: 0, LOSS1: 0}}


def outages(cause: str, wan: str = "wan1") -> str:
    return f'school_outages_total{{cause="{cause}",wan="{wan}"}}'


def active(cause: str, wan: str = "wan1") -> str:
    return f'school_outage_active{{cause="{cause}",wan="{wan}"}}'


def seconds(cause: str, wan: str = "wan1") -> str:
    return f'school_outage_seconds_total{{cause="{cause}",wan="{wan}"}}'


MOVED = 'school_wan_failovers_total{from="wan1",to="wan2"}'
LASTED = 'school_wan_last_failover_duration_seconds{from="wan1",to="wan2"}'
FIBRE: Told = {
    10.3: {UP1: 0, CARRIER1: 0, active("carrier"): 1, CHANGES1: 1},
    20.4: {UP1: 1, CARRIER1: 1, active("carrier"): 0, outages("carrier"): 1, seconds("carrier"): 10},
}
CORE: Told = {
    12.4: {UP1: 0, active("isp"): 1, outages("isp"): 1, outages("isp", ""): 1, CHANGES1: 1},
    21.0: {UP1: 1, active("isp"): 0, seconds("isp"): 10.6, seconds("isp", ""): 10.4},
}
MOVE: Told = {10.5: {ACTIVE1: 0, ACTIVE2: 1, MOVED: 1, LASTED: 0.1}}
LOSS: Told = {11.0: {LOSS1: 0.05}, 16.0: {LOSS1: 0.07}}


def timeline(told: Told, lie: Told) -> Timeline:
    """A lie stands in the place of what would have been said of its series."""
    lied = {series for changes in lie.values() for series in changes}
    kept = {at: {s: v for s, v in changes.items() if s not in lied} for at, changes in told.items()}
    records: list[Mapping[str, Any]] = [
        {"at": at, "changes": changes} for part in (START, kept, lie) for at, changes in part.items()
    ]
    return Timeline([*sorted(records, key=lambda record: record["at"]), {"at": 40.0}])


def facts(fault: Fault) -> Facts:
    gaps = [Gap(10.0, 20.0, 1000)] if fault.active and fault.cut else [Gap(10.4, 10.5, 10)] * (not fault.percent)
    moves = [Move(10.4, "wan1", "wan2")] if fault.kind == "failover" else []
    downs = [(10.0, 20.0)] if fault.cut else []
    return Facts(fault, "wan1", 10, 20, 30, downs, moves, gaps, {"a": 3, "b": 5} if fault.percent else {})


CUT = Fault("fibre cut", active=False, seconds=10, cut="fibre")
DEAD = Fault("ISP cut", active=True, seconds=10, cut="core")
MOVING = Fault("failover", active=True, seconds=10)
LOSSY = Fault("loss", active=False, seconds=10, percent=30)
TRUE = [(CUT, FIBRE), (DEAD, CORE), (MOVING, MOVE), (LOSSY, LOSS)]


@pytest.mark.parametrize(("fault", "told"), TRUE, ids=lambda value: getattr(value, "kind", ""))
def test_the_truth_passes(fault: Fault, told: Told) -> None:
    assert judge(facts(fault), timeline(told, {})).wrong == []


@pytest.mark.parametrize(
    ("fault", "told", "lie", "found"),
    [
        pytest.param(CUT, FIBRE, {20.4: {outages("isp"): 1}}, "outages ('isp', 'wan1')", id="another cause as well"),
        pytest.param(CUT, FIBRE, {20.4: {outages("carrier"): 0}}, "0, not 1 to 1", id="not counted"),
        pytest.param(CUT, FIBRE, {20.4: {outages("carrier"): 2}}, "2, not 1 to 1", id="counted twice"),
        pytest.param(CUT, FIBRE, {20.4: {outages("carrier", ""): 1}}, "('carrier', '')", id="the path was well"),
        pytest.param(
            CUT, FIBRE, {11.2: {CARRIER1: 0}, 20.4: {CARRIER1: 1}}, "after 1.20 s, not 1 s", id="carrier late"
        ),
        pytest.param(CUT, FIBRE, {11.2: {UP1: 0}, 20.4: {UP1: 1}}, "after 1.20 s, not 1 s", id="state late"),
        pytest.param(CUT, FIBRE, {10.3: {UP1: 0}, 23.4: {UP1: 1}}, "became 1 after 3.40 s", id="well again late"),
        pytest.param(CUT, FIBRE, {10.3: {UP1: 0}}, "did not become 1", id="never well again"),
        pytest.param(CUT, FIBRE, {15.0: {UP2: 0}, 16.0: {UP2: 1}}, "untouched", id="the other line"),
        pytest.param(CUT, FIBRE, {10.3: {active("carrier"): 1}}, "is still there", id="never closed"),
        pytest.param(CUT, FIBRE, {20.4: {seconds("carrier"): 7}}, "10.0 s counted as 7.0 s", id="seconds lacking"),
        pytest.param(CUT, FIBRE, {10.3: {CHANGES1: 2}}, "times down", id="two flaps of one"),
        pytest.param(
            CUT,
            FIBRE,
            {10.3: {UP1: 0}, 12.0: {UP1: 1}, 12.2: {UP1: 0}, 20.4: {UP1: 1}},
            "4 times, not 2",
            id="wavering",
        ),
        pytest.param(DEAD, CORE, {12.4: {CARRIER1: 0}}, "carrier of wan1", id="carrier was there"),
        pytest.param(DEAD, CORE, {12.4: {outages("isp", ""): 0}}, "('isp', ''): 0", id="path not counted"),
        pytest.param(DEAD, CORE, {12.4: {outages("router", ""): 1}}, "('router', '')", id="path for another cause"),
        pytest.param(DEAD, CORE, {13.2: {UP1: 0}, 20.4: {UP1: 1}}, "after 3.20 s, not 3 s", id="state later than 3 s"),
        pytest.param(DEAD, CORE, {12.4: {ACTIVE1: 0, ACTIVE2: 1}}, "the route did not move", id="invented activity"),
        pytest.param(DEAD, CORE, {12.4: {MOVED: 1}}, "failovers [('wan1', 'wan2')], not []", id="invented failover"),
        pytest.param(MOVING, MOVE, {10.5: {MOVED: 0}}, "failovers [], not", id="failover not counted"),
        pytest.param(MOVING, MOVE, {10.5: {LASTED: 0.9}}, "0.90 s, the stream saw 0.10 s", id="wrong gap"),
        pytest.param(MOVING, MOVE, {10.5: {LASTED: None}}, "no duration", id="no gap"),
        pytest.param(MOVING, MOVE, {11.6: {ACTIVE1: 0, ACTIVE2: 1}}, "after 1.20 s, not 1 s", id="active late"),
        pytest.param(MOVING, MOVE, {10.5: {outages("isp"): 1}}, "outages ('isp', 'wan1')", id="outage of a move"),
        pytest.param(LOSSY, LOSS, {11.0: {LOSS1: 0}}, "did not rise", id="loss unseen"),
        pytest.param(LOSSY, LOSS, {11.0: {UP1: 0}, 12.0: {UP1: 1}}, "changed 2 times, not 0", id="loss called down"),
        pytest.param(
            LOSSY, LOSS, {12.0: {'school_wan_loss_ratio{wan="wan2"}': 0.1}}, "loss of wan2", id="loss elsewhere"
        ),
    ],
)
def test_a_lie_is_found(fault: Fault, told: Told, lie: Told, found: str) -> None:
    wrong = judge(facts(fault), timeline(told, lie)).wrong

    assert any(found in line for line in wrong), wrong


@pytest.mark.parametrize(("ratio", "right"), [(0.46, True), (0.74, True), (0.44, False), (0.76, False)])
def test_a_long_loss_shows_its_share(ratio: float, right: bool) -> None:
    long = facts(Fault("loss", active=False, seconds=62, percent=60))

    assert (judge(long, timeline(LOSS, {19.0: {LOSS1: ratio}})).wrong == []) is right


def test_a_loss_that_follows_a_cut_need_not_raise_the_figure() -> None:
    before: Told = {9.0: {LOSS1: 0.5}, 11.0: {LOSS1: 0.4}}

    assert judge(facts(LOSSY), timeline(START, before)).wrong == []
    assert len(judge(facts(LOSSY), timeline(START, {9.0: {LOSS1: 0.02}, 11.0: {LOSS1: 0.01}})).wrong) == 1


def test_silence_of_metrics_is_found() -> None:
    said = Timeline(
        [{"at": 0.0, "changes": START[0.0]}, {"at": 12.0, "failure": "ConnectionRefusedError"}, {"at": 40.0}]
    )

    assert any("ConnectionRefusedError" in line for line in judge(facts(LOSSY), said).wrong)


def test_quiet_is_when_nothing_is_said() -> None:
    assert judge_quiet(21.5, 40, timeline(FIBRE, {})) == []
    assert judge_quiet(1, 40, timeline(LOSS, {})) == [
        'school_wan_loss_ratio{isp="VNPT",wan="wan1"} rose to 0.050 after 10.0 s',
        'school_wan_loss_ratio{isp="VNPT",wan="wan1"} rose to 0.070 after 15.0 s',
    ]
    assert len(judge_quiet(1, 40, timeline(FIBRE, {}))) == 8


def test_random_faults_come_again_from_their_seed() -> None:
    faults = random_faults(7, 30)

    assert faults == random_faults(7, 30) != random_faults(8, 30)
    assert sorted(fault.kind for fault in faults) == sorted(KINDS * 6)
    assert all(SHORTEST_SECONDS - 1 <= fault.seconds <= LONGEST_SECONDS + 1 for fault in faults)


def test_the_watcher_writes_down_what_changes() -> None:
    """
    A stand-in for the agent, fed by hand: a file behind Python's web server.
    """
    with VirtualSchool(isps=("VNPT",), pcs=0) as school:
        page = school.folder / "metrics"
        page.write_text(f"# HELP x y\n{UP1} 1.0\nschool_devices 3\n", encoding="utf-8")
        school.router.start(
            sys.executable, "-m", "http.server", "-b", "127.0.0.1", "-d", str(school.folder), "9810", stderr=-3
        )
        with Watcher(school.router, "http://127.0.0.1:9810/metrics", school.folder) as watcher:
            eventually("it is up", lambda: watcher.timeline().at(1e9, "school_wan_up"), seconds=10)
            page.write_text(f"{UP1} 0.0\n", encoding="utf-8")
            eventually(
                "it is down", lambda: watcher.timeline().value(1e9, "school_wan_up", wan="wan1") == 0, seconds=10
            )
            page.write_text("", encoding="utf-8")
            eventually("it is gone", lambda: watcher.timeline().at(1e9, "school_wan_up") == [], seconds=10)
            said = watcher.timeline()
    steps = said.steps("school_wan_up", 0, 1e9)

    assert [step.value for step in steps] == [1, 0, None]
    assert {step.series for step in steps} == {Series.read(UP1)}
    assert said.at(1e9, "school_devices") == []
