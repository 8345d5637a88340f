"""An ISP fails in three districts: who is in charge of each, and of the city, gets one message; no school does.

What is independent of it is told to its own people meanwhile.
"""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.e2e.stormy_city import FAILS, School, StormyCity, build, stormy_city, strike
from tests.e2e.telling_centre import CITY, leader_of, officer_of, operator_of, telling_collector
from tests.waiting import eventually

DISTRICTS, HIT_DISTRICTS, HIT = 5, 3, 60
WITHIN = 5.0


@pytest.mark.timeout(300)
def test_an_isp_fails_and_only_what_is_larger_or_independent_is_told(tmp_path: Path) -> None:
    schools = build(units=150, districts=DISTRICTS, hit=HIT, hit_districts=HIT_DISTRICTS)
    districts_of = {school.code: school.district for school in schools}
    with (
        telling_collector(tmp_path / "collector", districts_of, {}) as collector,
        stormy_city(tmp_path, schools, group_interval="5s", collector=collector.url) as city,
    ):
        began = time.time()
        hit = strike(schools, began, WITHIN, hit_districts=HIT_DISTRICTS)
        other = _independent_cut(schools, began + 5)
        rogue = next(school for school in hit if len(school.isps) > 1)
        rogue.rogue_dhcp = began + 10
        first, _ = eventually("an outage is told", lambda: city.named("IspOutage"), seconds=70)[0]
        attack, _ = eventually("the attack is told", lambda: city.named("RogueDhcpServer"), seconds=60)[0]
        alone, down = eventually("the other school is told", lambda: city.named("InternetDown"), seconds=70)[0]
        eventually("all who are cut off are known to be", city.all_dark, seconds=60)

        assert first - began <= 60
        assert attack - rogue.rogue_dhcp <= 60
        assert (down["unit"], alone - other.cut <= 60) == (other.code, True)
        assert _told(city) == {
            ("IspOutage", "Quận 1"), ("IspOutage", "Quận 2"), ("IspOutage", "Quận 3"), ("IspOutageInCity", FAILS),
            ("RogueDhcpServer", rogue.code), ("InternetDown", other.code),
        }  # fmt: skip
        subjects = [mail["Subject"] for mail in city.people.mails]
        assert sum(f"Quận 1: mạng {FAILS} hỏng" in subject for subject in subjects) == 1
        assert any(rogue.code in subject for subject in subjects)
        people = {
            CITY, *(operator_of(f"Quận {number}") for number in range(1, HIT_DISTRICTS + 1)),
            officer_of(rogue.code), leader_of(rogue.code), officer_of(other.code),
        }  # fmt: skip
        eventually("everybody is told", lambda: len(collector.sink.letters()) >= len(people), seconds=60)
        assert sorted(letter.to for letter in collector.sink.letters()) == sorted(people)


def _independent_cut(schools: list[School], at: float) -> School:
    """A school of another ISP in a district that is hit loses its Internet by itself."""
    school = next(school for school in schools if school.district == "Quận 1" and FAILS not in school.isps)
    school.cut, school.all_lines = at, True
    return school


def _told(city: StormyCity) -> set[tuple[str, str]]:
    """Alert, and where: the unit, else the district, else the ISP."""
    return {
        (labels["alertname"], labels.get("unit") or labels.get("district") or labels.get("isp", ""))
        for _, labels in city.told()
    }
