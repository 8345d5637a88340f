"""The fleet against a real collector and a real Prometheus."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from haidang_agent.enrol import EnrolError
from haidang_collector.centre import school_time
from haidang_collector.simulate.build import build
from haidang_collector.simulate.fleet import Fleet, TooManyAgentsError, enrol_all, enrol_here
from haidang_collector.simulate.live import Days, Life
from haidang_collector.simulate.member import Berth, Member, berths
from haidang_collector.simulate.registry import fill
from haidang_collector.simulate.scenario import Live

from tests.collector.running import serving
from tests.collector.simulate.conftest import DAY
from tests.servers import free_port, prometheus
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from haidang_collector.registry.store import Registry

    from tests.collector.running import Served
    from tests.servers import Prometheus


@pytest.fixture
def found(registry: Registry, tmp_path: Path) -> list[Berth]:
    """The agents of a city whose units are all heard."""
    city = build(3, seed=1, day=DAY)
    city = replace(city, units=tuple(replace(unit, presence="heard") for unit in city.units))
    fill(registry.database, city)
    return berths(city, tmp_path / "simulated")


@contextmanager
def centre(registry: Registry, tmp_path: Path) -> Iterator[tuple[Served, Prometheus]]:
    url = registry.database.url.render_as_string(hide_password=False)
    with prometheus(tmp_path) as store, serving(tmp_path, DATABASE_URL=url, STORE_WRITE_URL=store.write_url) as served:
        yield served, store


def test_agents_enrol_once_and_what_they_read_is_stored_under_their_unit(
    registry: Registry, found: list[Berth], tmp_path: Path
) -> None:
    with centre(registry, tmp_path) as (served, store):
        first = enrol_all(registry.database, found, served.url, None, print)
        again = enrol_all(registry.database, found, served.url, None, print)
        result = Fleet(found, served.url, None, seed=1, interval=2.0).run(8, print)
        stored = store.query("group by (unit, district, agent) (last_over_time(school_posture_check[1m]))")

    agents = {fact.agent: (fact.unit, fact.district) for fact in registry.agents()}
    assert (first, again) == (len(found), 0)
    assert {each["metric"]["agent"]: (each["metric"]["unit"], each["metric"]["district"]) for each in stored} == agents
    assert (result.agents, result.unsent, result.last_error) == (len(found), 0, None)
    assert result.answers.keys() == {"204"}
    assert result.snapshots >= 2 * len(found)


def test_what_the_centre_did_not_take_waits_at_the_agents(
    registry: Registry, found: list[Berth], tmp_path: Path
) -> None:
    with centre(registry, tmp_path) as (served, _):
        enrol_all(registry.database, found, served.url, None, print)
    away = Fleet(found, served.url, None, seed=1, interval=1.0).run(3, print)

    assert away.unsent == away.snapshots > 0
    assert away.answers.keys() == {"unreachable"}
    assert away.last_error


def test_agents_cannot_enrol_where_no_collector_is(registry: Registry, found: list[Berth]) -> None:
    with pytest.raises(EnrolError, match="refused"):
        enrol_all(registry.database, found, f"http://127.0.0.1:{free_port()}", None, print)


def test_more_agents_than_files_are_refused_before_anything_is_opened(found: list[Berth]) -> None:
    with pytest.raises(TooManyAgentsError, match="ulimit -n"):
        Fleet(found * 10_000_000, "http://127.0.0.1:1", None, seed=1, interval=1.0)


LIVELY = Live(as_often=2000.0, as_short=600.0)
"""Something each hour, for seconds."""
SEEDS = range(100_000)
NO_GOODBYE = {False}


def test_what_waits_behind_a_cut_of_the_scenario_is_no_fault(registry: Registry, found: list[Berth]) -> None:
    enrol_here(registry.database, found)
    calendar, now = school_time.load(), time.time()
    unit = found[0].unit
    site = found[0]._replace(unit=replace(unit, lines=(replace(unit.lines[0], up=True),)))
    scenes = ((seed, Life(Days(seed, calendar), site.unit, site.machine, now).at(now)) for seed in SEEDS)
    seed = next(seed for seed, scene in scenes if scene.cut_off and scene.end > now + 60)
    days = Days(seed, calendar)

    cut_off = Fleet([site], "http://127.0.0.1:1", None, seed=1, interval=0.5, days=days).run(2, print)

    assert cut_off.answers.keys() == {"cut off"}
    assert (cut_off.unsent, cut_off.last_error) == (0, None)
    assert cut_off.waiting == cut_off.snapshots > 0


def test_in_a_power_cut_an_agent_says_nothing_and_then_begins_anew(
    registry: Registry, found: list[Berth], tmp_path: Path
) -> None:
    with centre(registry, tmp_path) as (served, store):
        enrol_all(registry.database, found[:1], served.url, None, print)
        member, goodbyes = _shortly_before_a_power_cut(found[0], served.url), set[bool]()

        def is_on() -> bool:
            goodbyes.update(fact.stopped for fact in registry.agents() if fact.agent == found[0].agent)
            return member.report() > 0

        eventually("the power cut", lambda: not is_on(), seconds=30, every=0.2)
        eventually("its end", is_on, seconds=30, every=0.2)
        boots = eventually("both boots", lambda: _two_boots(store), seconds=30, every=0.2)
        eventually("the backlog sent", lambda: is_on() and not member.is_waiting, seconds=30, every=0.2)
        unsent = member.stop(30)

    assert goodbyes == NO_GOODBYE
    assert boots[1] > boots[0]
    assert unsent == 0


def _shortly_before_a_power_cut(berth: Berth, url: str) -> Member:
    """It has been heard, power goes within seconds, and is away for some."""
    calendar, district = school_time.load(), berth.unit.district
    for seed in SEEDS:
        days, now = Days(seed, calendar, LIVELY), time.time()
        cuts = days.power_cuts(district, days.at(now))
        cut = next((cut for cut in cuts if now + 4 < cut.begin < now + 8 and cut.end > cut.begin + 8), None)
        if cut is not None and not Life(days, berth.unit, berth.machine, now).at(now).cut_off:
            member = Member(berth, url, None, seed, days)
            if member.report() and time.time() < cut.begin - 2:
                return member
            member.stop(5)
    raise LookupError("no power cut")


def _two_boots(store: Prometheus) -> list[float]:
    """Empty until there are two."""
    told = store.query("node_boot_time_seconds[5m]")
    boots = {float(value) for each in told for _, value in each["values"]}
    return sorted(boots) if len(boots) > 1 else []
