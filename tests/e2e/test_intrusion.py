"""Attacks on a school's LAN, from the first hostile frame to the mailbox and the webhook; a normal day is none."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from tests.e2e.attacked_school import AttackedSchool
from tests.lab.everyday import EverydaySchool
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

PUSH_SECONDS = 5
CHECK_SECONDS = 2.0
TOLD_SECONDS, OVER_SECONDS = 45, 60
TRIED = ("rogue_dhcp", "dns_tampered", "tls_intercepted")
"""Those that are over soon after they stop; `python -m benchmarks intrusion` tries the others too."""

FRAMES, LEAST_FRAMES = "haidang_intrusion_frames_total", 200

pytestmark = pytest.mark.timeout(240)


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AttackedSchool]:
    folder = tmp_path_factory.mktemp("city")
    with AttackedSchool(folder, push_seconds=PUSH_SECONDS, check_seconds=CHECK_SECONDS) as running:
        running.ready()
        yield running


def test_a_normal_day_is_no_incident(city: AttackedSchool) -> None:
    """Leases, restarts, a VRRP pair that changes hands, another printer: not one, not even for information."""
    before = city.value(FRAMES)
    with EverydaySchool(city.school) as school:
        for happens in school.day():
            happens()
        eventually("all was watched", lambda: city.value(FRAMES) > before + LEAST_FRAMES, seconds=3 * PUSH_SECONDS)

        assert city.incidents() == []
        assert {heard.alert for heard in city.hook} <= {"Watchdog"}


def test_attacks_reach_people_and_are_over_when_they_stop(city: AttackedSchool) -> None:
    attacks = city.attacks()
    with ExitStack() as stack:
        began = {kind: stack.enter_context(attacks[kind]).began for kind in TRIED}
        for kind, at in began.items():
            hook, mail = city.told(attacks[kind].alert, "firing", at, TOLD_SECONDS)
            assert max(hook, mail) - at <= TOLD_SECONDS
        assert city.active() == set(TRIED), "and nothing else"
    for kind, at in began.items():
        city.told(attacks[kind].alert, "resolved", at, OVER_SECONDS)

    cases = {case["kind"]: case for case in city.incidents()}
    assert {kind: case["severity"] for kind, case in cases.items()} == dict.fromkeys(TRIED, "critical")
    assert cases["dns_tampered"]["file"], "the frames of the questions and their answers are kept"


def test_poisoning_by_a_machine_that_forwards_reaches_people(city: AttackedSchool) -> None:
    attack = city.attacks()["arp_spoof"]
    with attack:
        hook, mail = city.told(attack.alert, "firing", attack.began, TOLD_SECONDS)

    assert max(hook, mail) - attack.began <= TOLD_SECONDS
