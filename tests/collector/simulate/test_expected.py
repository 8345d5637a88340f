"""Worked examples of what an evaluation has to find, by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from haidang_collector.evaluation.model import Share
from haidang_collector.policy.policy import load
from haidang_collector.simulate.build import build
from haidang_collector.simulate.expected import expected, expected_shares, limits_on
from haidang_collector.simulate.model import Line, Machine, Person, Room, SimUnit, Site

from tests.collector.simulate.conftest import DAY

POLICY = load()
LIMITS = limits_on(DAY, POLICY)
FIBRE = Line("wan1", "VNPT", "fibre", "optical", up=True, mbit=200)
ROOM = Room("Phòng máy 1", "primary", 40, 40, 32, "10.20.1.0/24", reached=True)
SITE = Machine(("site", "host"), "management", "", {"webcam": 1, "printer": 1, "display": 1})
UNIT = SimUnit(
    code="SIM-1",
    name="N",
    district="D",
    level="primary",
    stages=("primary",),
    presence="heard",
    students={"primary": 960},
    lines=(FIBRE, replace(FIBRE, wan="wan2", isp="FPT")),
    rooms=(ROOM,),
    machines=(SITE,),
    equipment={"management_computer": 2, "projector": 1},
    network={"printer": 0, "camera": 2, "display": 0, "access_point": 3},
    groups=(("Tổ Toán", True),),
    people=(Person("leader", "A", "a@x.edu.vn"), Person("officer", "B", "b@x.edu.vn")),
    plan=date(2026, 9, 1),
    portal="https://x.invalid/",
    mail_domain="x.edu.vn",
    site=None,
    mail={"mx": True, "spf": True, "dmarc": True},
    services={"smas": True, "public_enrolment": True, "public_results": True},
)
PORTAL = Site(up=True, tls_left_seconds=1, unchanged_seconds=1, feed_lag_seconds=1)
MIXED = replace(
    UNIT,
    level="mixed",
    stages=("primary", "lower_secondary"),
    students={"primary": 481, "lower_secondary": 320},
    rooms=(replace(ROOM, declared=20, seen=20), replace(ROOM, name="2", level=None, declared=21, seen=21)),
)


def test_a_unit_that_lacks_nothing_meets_every_row_that_is_known() -> None:
    states = expected(UNIT, LIMITS)

    assert states.pop("R9") == "unknown"
    assert states.pop("R14") == "not_applicable"
    assert set(states.values()) == {"met"}
    assert "R10" not in states


@pytest.mark.parametrize(
    ("unit", "state"),
    [
        (UNIT, "met"),
        (replace(UNIT, students={"primary": 961}), "unmet"),
        (replace(UNIT, students={}), "unknown"),
        (replace(UNIT, rooms=(), equipment={"teaching_computer": 0}), "unmet"),
        (replace(UNIT, rooms=(), equipment={}), "unknown"),
        (replace(UNIT, rooms=(replace(ROOM, seen=39),)), "met"),
        (replace(UNIT, rooms=(replace(ROOM, declared=None, seen=39),)), "unmet"),
        (replace(UNIT, presence="silent", rooms=(replace(ROOM, seen=39),)), "met"),
        (replace(UNIT, presence="none", rooms=(replace(ROOM, declared=None),)), "unknown"),
        (replace(UNIT, level="kindergarten", stages=("kindergarten",)), "not_applicable"),
        (MIXED, "met"),
        (replace(MIXED, students={"primary": 481, "lower_secondary": 321}), "unmet"),
    ],
    ids=[
        "960 of primary at 40", "961 at 40", "students untold", "none, and says so", "nothing told of computers",
        "40 declared, 39 seen as yet",
        "39 seen, nothing declared", "40 declared, nobody looks", "a room nobody counted", "no limit for its level",
        "21 + 20 required of 20 + 21 shared", "21 + 21 required",
    ],
)  # fmt: skip
def test_computers_by_the_limit_of_each_level(unit: SimUnit, state: str) -> None:
    assert expected(unit, LIMITS)["R4"] == state


@pytest.mark.parametrize(
    ("row", "unit", "state"),
    [
        ("R1", replace(UNIT, presence="silent"), "unknown"),
        ("R1", replace(UNIT, lines=(replace(FIBRE, medium="copper"),)), "unmet"),
        ("R1", replace(UNIT, lines=(replace(FIBRE, medium="unknown"),)), "unknown"),
        ("R2", replace(UNIT, lines=(FIBRE, replace(FIBRE, wan="wan2"))), "unmet"),
        ("R3", replace(UNIT, rooms=(ROOM, replace(ROOM, name="2", reached=False))), "unmet"),
        ("R3", replace(UNIT, rooms=(ROOM, replace(ROOM, name="2", reached=None))), "unknown"),
        ("R5", replace(UNIT, equipment={}), "unknown"),
        ("R5", replace(UNIT, equipment={"management_computer": 1}), "unmet"),
        ("R5", replace(UNIT, presence="none", equipment={"webcam": 0}), "unmet"),
        ("R6", replace(UNIT, groups=(("A", True), ("B", False))), "unmet"),
        ("R7", replace(UNIT, network=dict(UNIT.network) | {"access_point": 0}), "unknown"),
        ("R7", replace(UNIT, groups=(("A", False),)), "unmet"),
        ("R8", replace(UNIT, machines=(replace(SITE, failed=frozenset({"firewall"})),)), "unmet"),
        ("R8", replace(UNIT, incidents=(("rogue_dhcp", "critical"),)), "unmet"),
        ("R11", replace(UNIT, mail_domain="x.com"), "unmet"),
        ("R11", replace(UNIT, people=()), "unknown"),
        ("R12", replace(UNIT, services={"smas": False}), "unmet"),
        ("R9", replace(UNIT, site=PORTAL), "met"),
        ("R9", replace(UNIT, site=replace(PORTAL, blocked=True)), "unmet"),
        ("R9", replace(UNIT, site=replace(PORTAL, blocked=True), presence="none"), "met"),
        ("R9", replace(UNIT, site=replace(PORTAL, tls_left_seconds=-1)), "unmet"),
        ("R11", replace(UNIT, presence="silent", mail=UNIT.mail | {"mx": False}), "unmet"),
        ("R13", replace(UNIT, services={"smas": True}), "unknown"),
        ("R13", replace(UNIT, services={"public_enrolment": False}), "unknown"),
        ("R13", replace(UNIT, services={"public_results": False}, presence="none"), "unmet"),
        ("R14", replace(UNIT, machines=(SITE, Machine(("host",), "server", "", {}))), "met"),
        ("R14", replace(UNIT, equipment=UNIT.equipment | {"server": 1}), "unknown"),
        ("R14", replace(UNIT, equipment=UNIT.equipment | {"server": 0}), "not_applicable"),
        ("R15", replace(UNIT, people=UNIT.people[:1]), "unmet"),
        ("R16", replace(UNIT, plan=None), "unknown"),
    ],
)
def test_one_thing_changed_changes_its_row(row: str, unit: SimUnit, state: str) -> None:
    assert expected(unit, LIMITS)[row] == state


def test_a_plan_that_is_late_or_never_came_is_unmet_once_it_is_due() -> None:
    late = replace(UNIT, plan=date(2026, 12, 1))

    assert expected(late, limits_on(date(2026, 12, 2), POLICY))["R16"] == "unmet"
    assert expected(replace(UNIT, plan=None), limits_on(date(2027, 3, 1), POLICY))["R16"] == "unmet"


def test_shares_count_every_unit_once_a_row() -> None:
    city = build(200, seed=1, day=DAY)
    shares = expected_shares(city, POLICY)

    assert list(shares) == [f"R{number}" for number in range(1, 17) if number != 10]
    assert all(share.judged + share.unknown + share.not_applicable == 200 for share in shares.values())
    assert shares["R4"] == Share(
        *(sum(expected(unit, LIMITS)["R4"] == state for unit in city.units) for state in ("met", "unmet", "unknown")),
        not_applicable=sum(expected(unit, LIMITS)["R4"] == "not_applicable" for unit in city.units),
    )


def test_a_service_is_judged_in_its_season() -> None:
    unit = replace(UNIT, services={"public_enrolment": False})

    assert expected(unit, LIMITS)["R13"] == "unknown"
    assert expected(unit, limits_on(date(2027, 5, 10), POLICY))["R13"] == "unmet"
