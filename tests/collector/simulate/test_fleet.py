"""The fleet against a real collector and a real Prometheus."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from haidang_agent.enrol import EnrolError
from haidang_collector.simulate.build import build
from haidang_collector.simulate.fleet import Fleet, TooManyAgentsError, enrol_all
from haidang_collector.simulate.member import berths
from haidang_collector.simulate.registry import fill

from tests.collector.running import serving
from tests.collector.simulate.conftest import DAY
from tests.servers import free_port, prometheus

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from haidang_collector.registry.store import Registry
    from haidang_collector.simulate.member import Berth

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
