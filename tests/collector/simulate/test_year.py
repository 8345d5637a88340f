from __future__ import annotations

from datetime import date
from functools import cache
from itertools import pairwise

from haidang_collector.centre import school_time
from haidang_collector.evaluation.model import STATES
from haidang_collector.policy.policy import load
from haidang_collector.simulate.build import build
from haidang_collector.simulate.grid import DAY as DAY_SECONDS
from haidang_collector.simulate.past import Period
from haidang_collector.simulate.readings import Readings
from haidang_collector.simulate.scenario import PAST, Past
from haidang_collector.simulate.series import Series, labelled
from haidang_collector.simulate.year import Year

from tests.collector.simulate.conftest import DAY, QUIET

CITY = build(24, seed=3, day=DAY)
PERIOD = Period(date(2026, 8, 1), DAY, school_time.load())
BOOKS = {
    "school_outage_seconds_total": "agent:school_outage_seconds:sparse",
    "school_wan_observed_seconds_total": "agent:school_wan_observed_seconds:sparse",
}


@cache
def told(past: Past = PAST) -> list[Series]:
    agents = {unit.code: f"a-{unit.code}" for unit in CITY.units}
    return list(Year(CITY, PERIOD, load(), agents, past).series())


def test_no_series_is_told_twice() -> None:
    keys = [(series.name, series.labels, series.pace) for series in told()]

    assert len(keys) > 1000
    assert len(set(keys)) == len(keys)


def test_books_go_on_as_the_agents_of_a_running_city_keep_them() -> None:
    at = int(PERIOD.midnight(DAY)) + DAY_SECONDS // 3
    past = {(series.name, series.labels): value for series in told(QUIET) for *_, value in series.runs([at])}

    for unit in CITY.units:
        if unit.presence != "heard":
            continue
        who = {"unit": unit.code, "district": unit.district, "agent": f"a-{unit.code}"}
        for sample in Readings(unit, unit.machines[0], CITY.seed).at(at):
            if (name := BOOKS.get(sample.metric.name)) and (all(line.up for line in unit.lines)):
                labels = dict(zip(sample.metric.labels, sample.labels, strict=True))
                key = (name, labelled(who | {label: text for label, text in labels.items() if text}))
                assert past[key] == sample.value


def test_books_only_rise_but_where_the_month_of_simulated_agents_begins_anew() -> None:
    times = list(range(int(PERIOD.midnight(PERIOD.first)), int(PERIOD.midnight(DAY)), 6 * 3600))
    for series in told():
        if series.name in BOOKS.values():
            values = [value for begin, end, value in series.runs(times) for _ in range(begin, end)]
            falls = sum(after < before for before, after in pairwise(values))
            assert falls <= len(times) * 6 * 3600 // (30 * DAY_SECONDS) + 1


def test_a_share_is_of_those_that_are_judged() -> None:
    at = int(PERIOD.midnight(date(2026, 10, 1)))
    said = {
        (series.name, series.labels): value
        for series in told()
        if series.name.startswith("city:row")
        for *_, value in series.runs([at])
    }

    for row in ("R1", "R4", "R8", "R15"):
        units = {state: said["city:row_units:count", labelled({"row": row, "state": state})] for state in STATES}
        assert sum(units.values()) == len(CITY.units)
        assert said["city:row_compliant:ratio", (("row", row),)] == units["met"] / (units["met"] + units["unmet"])
        assert said["city:row_unknown:count", (("row", row),)] == units["unknown"]
