"""A city that moves: what happens when, and that agents tell it as real ones do."""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from haidang_collector.centre import school_time
from haidang_collector.simulate.build import build
from haidang_collector.simulate.live import Days, Life
from haidang_collector.simulate.outages import CARRIER, WHOLE
from haidang_collector.simulate.readings import Readings
from haidang_collector.simulate.scenario import Live

from tests.collector.simulate.conftest import DAY, QUIET

if TYPE_CHECKING:
    from collections.abc import Iterator

    from haidang_agent.probe import Sample
    from haidang_collector.simulate.live import Scene
    from haidang_collector.simulate.model import SimUnit

CALENDAR = school_time.load()
CITY = build(200, seed=3, day=DAY)
UNITS = [unit for unit in CITY.units if unit.presence == "heard"]
DAYS = Days(CITY.seed, CALENDAR)
CALM = Days(CITY.seed, CALENDAR, past=QUIET)
HALF_HOUR, MINUTE = 1800.0, 60.0


def at(hour: float, day: date = DAY) -> float:
    return datetime.combine(day, datetime.min.time(), CALENDAR.zone).timestamp() + hour * 3600


def life(unit: SimUnit, days: Days = DAYS, number: int = 0, since: float | None = None) -> Life:
    return Life(days, unit, unit.machines[number], at(0) if since is None else since)


def said(samples: list[Sample]) -> dict[tuple[str, tuple[str, ...]], float]:
    return {(sample.metric.name, sample.labels): sample.value for sample in samples}


def scenes(of: Life, begin: float, end: float) -> Iterator[Scene]:
    while begin < end:
        scene = of.at(begin)
        yield scene
        begin = scene.end


def states(scene: Scene) -> tuple[object, ...]:
    return scene.unit, scene.has_power, scene.is_on, scene.cut_off, scene.booted, scene.end


def test_the_same_moment_is_the_same_whoever_asks_and_since_when_he_counts() -> None:
    for unit in UNITS[:20]:
        of_month, of_today = life(unit, since=0.0), life(unit, Days(CITY.seed, CALENDAR), since=at(9.5))
        for scene in scenes(of_month, at(10), at(14)):
            assert states(of_today.at(scene.begin)) == states(scene)


def test_half_an_hour_shows_something() -> None:
    for hour in (2.0, 8.5, 13.0, 23.0):
        new: Counter[str] = Counter()
        for unit in UNITS:
            day = DAYS.of(unit, DAY)
            new.update(each.cause for each in day.outages if at(hour) <= each.begin < at(hour) + HALF_HOUR and each.wan)
            new.update("attack" for each in day.attacks if at(hour) <= each.begin < at(hour) + HALF_HOUR)

        assert new[CARRIER] >= 2
        assert new.total() >= 5


def test_computers_are_on_in_lessons_alone() -> None:
    used = 0
    for unit in UNITS:
        lives = life(unit, CALM)
        for moment in (at(3), at(20), at(10, date(2026, 11, 29)), at(10, date(2027, 1, 1))):
            assert not any(room.online for room in lives.at(moment).unit.rooms)
        for built, now in zip(unit.rooms, lives.at(at(10)).unit.rooms, strict=True):
            assert now.online in (0, built.online)
            used += now.online > 0

    assert 0.5 < used / sum(len(unit.rooms) for unit in UNITS) < 0.9


def test_who_works_at_a_computer_switches_it_off_and_site_agents_stay() -> None:
    night, noon = at(23), at(12)
    for unit in UNITS:
        for number, machine in enumerate(unit.machines):
            lives = life(unit, CALM, number)
            assert lives.at(noon).is_on
            assert lives.at(night).is_on == ("site" in machine.roles or machine.use == "server")
            assert lives.at(night).has_power


def test_where_nothing_happens_all_is_as_it_was_built_but_for_rooms() -> None:
    for unit in UNITS:
        scene = life(unit, Days(CITY.seed, CALENDAR, Live(rooms_used=1.0), QUIET)).at(at(10))

        assert scene.unit == unit
        assert not scene.open
        assert not scene.cut_off


def test_power_goes_in_a_whole_district_and_machines_come_back_as_started_anew() -> None:
    district = next(unit.district for unit in UNITS if DAYS.power_cuts(unit.district, DAY))
    cut = DAYS.power_cuts(district, DAY)[0]
    there = [unit for unit in UNITS if unit.district == district]

    assert len(there) > 1
    for unit in there:
        readings = Readings(unit, unit.machines[0], CITY.seed, life(unit))
        before, in_it, after = (readings.scene(moment) for moment in (cut.begin - 1, cut.begin + 1, cut.end + 1))
        told = [said(readings.at(moment)) for moment in (cut.begin - 1, cut.end + 1)]
        lost = [each["school_outage_seconds_total", ("power", "")] for each in told]
        observed = [each["school_wan_observed_seconds_total", (unit.lines[0].wan, unit.lines[0].isp)] for each in told]

        assert (before.is_on, in_it.is_on, after.is_on) == (True, False, True)
        assert after.booted == cut.end != before.booted
        assert lost[1] - lost[0] == pytest.approx(cut.end - cut.begin)
        assert observed[1] - observed[0] == pytest.approx(2)


def test_counters_only_rise() -> None:
    for unit in UNITS[:12]:
        readings = Readings(unit, unit.machines[0], CITY.seed, life(unit, since=at(7.3)))
        moments = [at(7.3) + number * 17 * MINUTE for number in range(1, 90)]
        story = [said(readings.at(moment)) for moment in moments if readings.scene(moment).is_on]
        counters = {sample.metric.name for sample in readings.at(moments[-1]) if sample.metric.kind == "counter"}

        assert len(counters) > 5
        for before, after in pairwise(story):
            assert [key for key, value in before.items() if key[0] in counters and after[key] < value] == []


def test_no_series_is_told_twice() -> None:
    for unit in UNITS[:50]:
        for number, machine in enumerate(unit.machines):
            for scene in scenes(life(unit, number=number), at(9), at(12)):
                samples = Readings(unit, machine, CITY.seed, life(unit, number=number)).at(scene.begin)

                assert len(said(samples)) == len(samples)


def first_cut(units: list[SimUnit]) -> tuple[SimUnit, Scene]:
    """A unit whose first line is cut, and the scene in which it is."""
    for unit in units:
        for scene in scenes(life(unit), at(0), at(24)):
            if scene.has_power and (CARRIER, unit.lines[0].wan) in scene.open:
                return unit, scene
    raise LookupError("no line is cut")


def test_a_school_with_two_lines_goes_on_by_the_second() -> None:
    two = [unit for unit in UNITS if len(unit.lines) > 1 and all(line.up for line in unit.lines)]
    unit, scene = first_cut(two)
    readings = Readings(unit, unit.machines[0], CITY.seed, life(unit))
    before, during = (said(readings.at(moment)) for moment in (scene.begin - 1, scene.begin + 1))
    (first, second), way = ((line.wan, line.isp) for line in unit.lines), tuple(line.wan for line in unit.lines)

    assert not scene.cut_off
    assert during["school_internet_up", ()] == 1
    assert (before["school_wan_active", first], during["school_wan_active", first]) == (1, 0)
    assert during["school_wan_active", second] == 1
    assert (during["school_wan_up", first], during["school_wan_carrier", first[:1]]) == (0, 0)
    assert during["school_wan_failovers_total", way] == before["school_wan_failovers_total", way] + 1
    assert during["school_wan_last_failover_timestamp_seconds", way] == scene.begin
    assert during["school_wan_failover_seconds_count", way] == during["school_wan_failovers_total", way]
    assert during["school_outage_active", (CARRIER, first[0])] == 1
    assert during["school_outage_active", (CARRIER, WHOLE)] == 0


def test_a_school_with_one_line_is_cut_off() -> None:
    one = [unit for unit in UNITS if len(unit.lines) == 1 and unit.lines[0].up and unit.rooms]
    unit, scene = first_cut(one)
    during = said(Readings(unit, unit.machines[0], CITY.seed, life(unit)).at(scene.begin + 1))
    works = [
        key for key, value in during.items() if key[0] in ("school_service_up", "school_lab_internet_up") and value
    ]

    assert scene.cut_off
    assert during["school_internet_up", ()] == 0
    assert during["school_outage_active", (CARRIER, WHOLE)] == 1
    assert works == []


def test_an_attack_is_told_while_it_lasts_and_counted_when_a_minute_old() -> None:
    unit, attack = next((unit, attack) for unit in UNITS for attack in DAYS.of(unit, DAY).attacks)
    readings = Readings(unit, unit.machines[0], CITY.seed, life(unit))
    labels = (attack.kind, "critical")
    moments = (attack.begin - 1, attack.begin + 1, attack.begin + MINUTE + 1, attack.end + 1)
    told = [said(readings.at(moment)) for moment in moments]
    counted = [each["school_incidents_total", labels] for each in told]

    assert [each["school_incident_active", labels] for each in told] == [0, 1, 1, 0]
    assert [number - counted[0] for number in counted] == [0, 0, 1, 1]
