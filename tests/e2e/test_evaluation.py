"""From packets on a LAN to "this school lacks three computers": `haidang evaluate` says exactly what was built."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.e2e.evaluated_school import NEW_CARD, OTHER_LEASE, EvaluatedSchool
from tests.lab.campus import OFFICE, ROOM_2, ROOM_3, SERVER

pytestmark = pytest.mark.timeout(300)

ROOMS = ("lab-1", "lab-2", "lab-3")
DECLARED, BUILT, ON, WITH_AGENT = (15, 12, 10), (15, 10, 10), (12, 8, 8), (0, 1, 1)
"""Computers of each room: as the registry says, as they are there, as they are on afterwards, and with an agent."""
STATES = {
    "R1": ("met", "declared"),
    "R2": ("met", "mixed"),
    "R3": ("met", "measured"),
    "R4": ("unmet", "mixed"),
    "R5": ("met", "mixed"),
    "R6": ("unmet", "declared"),
    "R7": ("met", "mixed"),
    "R8": ("unknown", None),
    "R9": ("unknown", None),
    "R10": ("unknown", None),
    "R11": ("met", "declared"),
    "R12": ("unknown", None),
    "R13": ("unknown", None),
    "R14": ("not_applicable", None),
    "R15": ("met", "declared"),
    "R16": ("met", "declared"),
}
"""Nobody looks at posture, portal, news and services here, and no machine is a server."""
FIGURES = {
    "R1": {("fibre_evidence", "declared"): 1},
    "R2": {("isps",): 2},
    "R3": {("labs", "registered"): 3, ("labs", "connected"): 3, ("labs", "unconnected"): 0},
    "R5": {
        ("equipment", "management_computer", "agent"): 1,
        ("equipment", "management_computer", "declared"): 2,
        ("equipment", "subject_group_computer", "agent"): 0,
        ("equipment", "teaching_computer", "declared"): 2,
        ("equipment", "webcam", "agent"): 1,
        ("equipment", "printer", "agent"): 1,
        ("equipment", "printer", "network"): 2,
        ("equipment", "printer", "declared"): 1,
        ("equipment", "camera", "network"): 2,
        ("equipment", "display", "network"): 1,
        ("equipment", "access_point", "network"): 1,
        ("equipment", "projector", "declared"): 3,
        ("equipment_missing", "management_computer"): 0,
        ("equipment_missing", "printer"): 0,
        ("equipment_missing", "webcam"): 0,
    },
    "R6": {("subject_groups", "with"): 2, ("subject_groups", "without"): 1},
    "R7": {
        ("eschool_parts", part): 1
        for part in (
            "lan", "internet", "wifi", "lab", "management_computer", "subject_group_computer", "printer", "camera",
            "projection",
        )
    },
    "R11": {("mail", "domain"): 1, ("mail", "leaders"): 1},
    "R15": {("contacts", "leader"): 1, ("contacts", "officer"): 1},
}  # fmt: skip
TEACHING = {
    ("teaching_computers", "primary", "measured"): 15,
    ("teaching_computers", "lower_secondary", "measured"): 10,
    ("teaching_computers", "", "measured"): 10,
    ("teaching_computers", "", "declared"): 2,
}


def rooms(**states: tuple[int, ...]) -> dict[tuple[str, ...], float]:
    return {(lab, state): each for state, told in states.items() for lab, each in zip(ROOMS, told, strict=True)}


def computers(city: EvaluatedSchool) -> dict[tuple[str, ...], float]:
    return city.counts("school_lab_computers", "lab", "state")


def figures(row: dict[str, Any]) -> dict[tuple[str, ...], float]:
    return {(fact["name"], *fact["labels"].values()): fact["value"] for fact in row["facts"]}


def students_per_computer(city: EvaluatedSchool, at: datetime | None = None) -> dict[tuple[str, ...], float]:
    return {told: pytest.approx(value) for told, value in figures(city.evaluate(at)["R4"]).items()}


def settled(look: Callable[[], Any], expected: object, seconds: float = 60) -> Any:
    """What is seen as soon as it is as expected, else when the time is over."""
    deadline = time.monotonic() + seconds
    while (seen := look()) != expected and time.monotonic() < deadline:
        time.sleep(0.3)
    return seen


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EvaluatedSchool]:
    """All computers were on, and were seen; now a fifth is off, one has another network card, one another system."""
    with EvaluatedSchool(tmp_path_factory.mktemp("city")) as city:
        school = city.school
        school.switch_on()
        for number, system in ((OFFICE, "linux"), (ROOM_2, "linux"), (ROOM_3, "windows"), (SERVER, "linux")):
            city.start_agent(number, system)
        all_on = rooms(declared=DECLARED, seen=BUILT, online=BUILT, agent=WITH_AGENT)
        assert settled(lambda: computers(city), all_on) == all_on
        school.switch_on(share_off=0.2)
        school.replace_card(ROOM_2, NEW_CARD)
        school.boot_other_system(ROOM_3, OTHER_LEASE)
        for number in (ROOM_2, ROOM_3):
            city.start_agent(number)
        city.restart_agent(SERVER)
        yield city


def test_the_rooms_computers_in_their_four_states(city: EvaluatedSchool) -> None:
    """Lab-1 is behind the router; lab-2 is told by switch ports and lab-3 by a list of machines, in one VLAN.

    The new card of lab-2's PC counts as the PC it is in, and lab-3's PC with two systems, and an agent on each, once.
    """
    expected = rooms(declared=DECLARED, seen=BUILT, online=ON, agent=WITH_AGENT)

    assert settled(lambda: computers(city), expected) == expected
    assert len(city.query('school_machine_info{lab="lab-3"}')) == 2


def test_who_answers_for_others_and_who_hides_is_no_equipment(city: EvaluatedSchool) -> None:
    """The router answers ARP for all of VLAN 20; of six guests with random addresses two are telephones, two laptops.

    The computers are those of the rooms, the server and the management's. What runs Linux' snmpd and routes may be
    taken for a router or for nothing in particular.
    """
    equipment = {
        "computer": 37,
        "printer": 2,
        "camera": 2,
        "display": 1,
        "ap": 1,
        "phone": 2,
        "switch, router, unknown": 6,
    }

    def seen() -> dict[str, float]:
        counts = {
            class_: count for (class_,), count in city.counts('school_devices{state="seen"} > 0', "class").items()
        }
        rest = counts.pop("network", 0) + counts.pop("unknown", 0)
        return counts | {"switch, router, unknown": rest}

    assert settled(seen, equipment) == equipment
    (problem,) = city.sweep("10.20.20.0/24")["problems"]
    assert "addresses of 10.20.20.0/24 (proxy ARP): it counts as one device" in problem


def test_every_row_is_judged_as_the_school_was_built(city: EvaluatedSchool) -> None:
    def states() -> dict[str, tuple[str, str | None]]:
        return {row: (judged["state"], judged["source"]) for row, judged in city.evaluate().items()}

    assert settled(states, STATES) == STATES


def test_the_figures_are_those_of_what_was_built(city: EvaluatedSchool) -> None:
    def told() -> dict[str, dict[tuple[str, ...], float]]:
        rows = city.evaluate()
        return {row: figures(rows[row]) for row in FIGURES}

    assert settled(told, FIGURES) == FIGURES


def test_the_school_lacks_three_computers_and_eight_with_more_students(city: EvaluatedSchool) -> None:
    """480 and 320 pupils need 20 and 20, then 600 need 25; 15 and 10 are in rooms of their level.

    The 12 shared ones go to the levels by what each lacks. What was true then stays so.
    """
    before = TEACHING | {
        ("students", "primary"): 480,
        ("students", "lower_secondary"): 320,
        ("computers_required", "primary"): 20,
        ("computers_required", "lower_secondary"): 20,
        ("computers_missing",): 3,
        ("students_per_computer", "primary"): 480 / (15 + 12 * 5 / 15),
        ("students_per_computer", "lower_secondary"): 320 / (10 + 12 * 10 / 15),
    }
    after = before | {
        ("students", "primary"): 600,
        ("computers_required", "primary"): 25,
        ("computers_missing",): 8,
        ("students_per_computer", "primary"): 600 / (15 + 12 * 10 / 20),
        ("students_per_computer", "lower_secondary"): 320 / (10 + 12 * 10 / 20),
    }

    assert settled(lambda: students_per_computer(city), before) == before
    then = datetime.now(UTC)
    city.import_students(600, 320)

    assert settled(lambda: students_per_computer(city), after) == after
    assert students_per_computer(city, then) == before
