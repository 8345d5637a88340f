from __future__ import annotations

from datetime import date
from itertools import pairwise

from haidang_collector.centre import school_time
from haidang_collector.simulate.build import build
from haidang_collector.simulate.outages import WHOLE, Outages, monthly
from haidang_collector.simulate.past import Period, chapters

from tests.collector.simulate.conftest import DAY

CITY = build(150, seed=3, day=DAY)
CALENDAR = school_time.load()
PERIOD = Period(date(2026, 2, 1), DAY, CALENDAR)


def test_a_past_ends_with_the_unit_as_it_is_and_is_told_in_order() -> None:
    for unit in CITY.units:
        story = chapters(unit, CITY, PERIOD)

        assert story[-1].unit == unit
        assert story[0].begin == PERIOD.morning(PERIOD.first)
        assert all(before.begin <= after.begin for before, after in pairwise(story))
        assert all(chapter.unit.code == unit.code for chapter in story)


def test_a_city_has_got_better() -> None:
    begun, now = ([chapters(unit, CITY, PERIOD)[place].unit for unit in CITY.units] for place in (0, -1))

    for better in (
        lambda unit: unit.presence == "heard",
        lambda unit: any(line.medium == "fibre" for line in unit.lines),
        lambda unit: sum(room.seen for room in unit.rooms),
        lambda unit: -sum(len(machine.failed) for machine in unit.machines),
    ):
        assert sum(map(better, begun)) < sum(map(better, now))


def test_rooms_are_believed_a_week_after_the_agent_came() -> None:
    later = [
        story
        for unit in CITY.units
        if (story := chapters(unit, CITY, PERIOD))[0].unit.presence != story[-1].unit.presence
    ]

    assert later
    for story in later:
        came = next(chapter.begin for chapter in story if chapter.unit.presence == "heard")
        watched = next(chapter.begin for chapter in story if chapter.watched)
        assert watched - came == 7 * 86_400


def test_a_plan_is_of_the_school_year_and_not_there_before_it_came() -> None:
    for unit in CITY.units:
        for chapter, after in pairwise(chapters(unit, CITY, PERIOD)):
            plan = chapter.unit.plan
            assert plan is None or PERIOD.morning(plan) <= after.begin
            if PERIOD.morning(date(2026, 7, 1)) <= chapter.begin and plan is not None:
                assert plan >= date(2026, 7, 15)


def test_outages_are_the_same_whatever_period_is_told() -> None:
    unit, shorter = CITY.units[0], PERIOD._replace(first=date(2026, 9, 1))
    since = {line.wan: 0.0 for line in unit.lines}
    long, short = (Outages(monthly(CITY.seed, period)).of(unit, since) for period in (PERIOD, shorter))

    assert short == [each for each in long if each.begin >= PERIOD.midnight(shorter.first)]


def test_outages_of_one_line_never_overlap_and_users_are_cut_off_only_while_every_line_is_down() -> None:
    outages = Outages(monthly(CITY.seed, PERIOD))
    for unit in CITY.units:
        found = outages.of(unit, {line.wan: PERIOD.midnight(PERIOD.first) for line in unit.lines})
        by_wan = {
            wan: [each for each in found if each.wan == wan] for wan in (WHOLE, *(line.wan for line in unit.lines))
        }
        for of_line in by_wan.values():
            assert all(before.end <= after.begin for before, after in pairwise(of_line))
        for felt in by_wan.pop(WHOLE):
            assert felt.cause == "power" or all(
                not line.up or any(each.begin <= felt.begin and felt.end <= each.end for each in by_wan[line.wan])
                for line in unit.lines
            )


def test_a_line_that_was_not_there_yet_carries_nobody() -> None:
    unit = next(unit for unit in CITY.units if len(unit.lines) > 1 and all(line.up for line in unit.lines))
    first = unit.lines[0].wan
    outages = Outages(monthly(CITY.seed, PERIOD)).of(
        unit, {line.wan: 0.0 if line.wan == first else 4e9 for line in unit.lines}
    )

    assert {each.wan for each in outages} <= {WHOLE, first}
    for each in outages:
        assert each.wan == WHOLE or each._replace(wan=WHOLE) in outages


def test_many_fail_together() -> None:
    outages = Outages(monthly(CITY.seed, PERIOD))
    power = [
        {each for each in outages.of(unit, {line.wan: 0.0 for line in unit.lines}) if each.cause == "power"}
        for unit in CITY.units
        if unit.district == CITY.units[0].district
    ]

    assert len(power) > 1
    assert power[0]
    assert all(each == power[0] for each in power)
