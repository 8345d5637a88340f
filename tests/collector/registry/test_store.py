from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from haidang_collector.registry.credentials import secret_hash
from haidang_collector.registry.incidents import Notification, record
from haidang_collector.registry.models import Agent, Unit
from haidang_collector.registry.store import Identity, Sighting, UnitFact
from haidang_collector.registry.tokens import Applicant, create_token, enrol

if TYPE_CHECKING:
    from haidang_collector.registry.store import Registry

KEY = "k" * 43


def enrolled(registry: Registry, key: str = KEY) -> str:
    token = create_token(registry.database, "TH-001", uses=1, lifetime=timedelta(hours=1)).token
    answer = enrol(registry.database, Applicant(token, key, ("router", "site"), "0.1.0", "linux"))
    assert answer is not None
    return answer.agent


def test_a_key_tells_the_agent_its_unit_and_district(registry: Registry) -> None:
    agent = enrolled(registry)

    assert registry.identify(agent, KEY) == Identity(agent, "TH-001", "Quận Bắc")


@pytest.mark.parametrize("key", ["", "x", KEY + "k", "ữ" * 43])
def test_a_wrong_key_is_nobody(registry: Registry, key: str) -> None:
    assert registry.identify(enrolled(registry), key) is None


@pytest.mark.parametrize("agent", ["", "a-unknown", "a" * 5000, "ệ"])
def test_an_unknown_agent_is_nobody(registry: Registry, agent: str) -> None:
    assert registry.identify(agent, "") is None
    assert registry.identify(agent, KEY) is None


def test_a_revoked_agent_is_nobody_but_stays_in_the_list(registry: Registry) -> None:
    agent = enrolled(registry)

    assert registry.revoke_agent(agent)
    assert registry.revoke_agent(agent)
    assert not registry.revoke_agent("a-unknown")
    assert registry.identify(agent, KEY) is None
    assert [fact.revoked for fact in registry.agents()] == [True]


def test_what_is_known_of_an_agent(registry: Registry) -> None:
    agent = enrolled(registry)

    fact = registry.agents()[0]

    assert (fact.agent, fact.unit, fact.district) == (agent, "TH-001", "Quận Bắc")
    assert (fact.roles, fact.version, fact.os) == (("router", "site"), "0.1.0", "linux")
    assert (fact.last_seen, fact.stopped, fact.revoked) == (None, False, False)
    assert abs(datetime.now(UTC) - fact.enrolled_at) < timedelta(minutes=1)
    assert fact.enrolled_at.tzinfo is UTC


def test_units_by_code(registry: Registry) -> None:
    assert registry.units() == [
        UnitFact("TH-001", "Tiểu học Đom Đóm", "Quận Bắc", "primary"),
        UnitFact("THCS-002", "THCS Sao Mai", "Quận Bắc", "mixed"),
    ]


def test_a_districts_part_is_asked_for_alone(registry: Registry) -> None:
    """
    An incident of a unit is of the district where the unit lies now, whatever its alert said.
    """
    agent = enrolled(registry)
    with registry.database.write() as session:
        session.add(Unit(code="X", name="X", district="Quận Nam", level="primary", students={}))
    alerts = [
        {
            "status": "firing", "labels": {"alertname": name, **labels}, "startsAt": "2026-11-26T00:00:00Z",
            "endsAt": "0001-01-01T00:00:00Z", "fingerprint": name,
        }
        for name, labels in (
            ("Here", {"unit": "TH-001", "district": "Quận Nam"}), ("There", {"unit": "X", "district": "Quận Bắc"}),
            ("OfAll", {"district": "Quận Bắc"}), ("Gone", {"unit": "GONE", "district": "Quận Bắc"}), ("City", {}),
        )
    ]  # fmt: skip
    record(registry.database, Notification.model_validate({"version": "4", "alerts": alerts}))

    assert {incident.alertname for incident in registry.open_incidents(district="Quận Bắc")} == {
        "Here",
        "OfAll",
        "Gone",
    }
    assert [unit.code for unit in registry.units(district="Quận Nam")] == ["X"]
    assert registry.sightings(district="Quận Bắc") == [(agent, "TH-001", None, False)]
    assert registry.sightings(district="Quận Nam") == registry.agents(district="Quận Nam") == []
    assert [fact.agent for fact in registry.agents(only=[agent, "a-unknown"])] == [agent]


def test_news_of_another_collector_that_are_older_do_not_win(registry: Registry) -> None:
    agent = enrolled(registry)
    last = Sighting(2000.5, stopped=True, isp="VNPT", scrape_address="10.0.0.5:9810")
    for seen in (Sighting(1000.25, stopped=False, isp="FPT"), last, Sighting(1500.0, stopped=False)):
        registry.record_seen({agent: seen, "a-gone": seen})
    registry.record_seen({})

    [fact] = registry.agents()
    assert Sighting(fact.last_seen or 0, fact.stopped, fact.isp, fact.scrape_address) == last


def test_news_from_the_future_give_way(registry: Registry) -> None:
    """A collector that began with a wrong clock has heard everybody, hours from now."""
    agent, now = enrolled(registry), time.time()
    registry.record_seen({agent: Sighting(now + 7 * 3600, stopped=True)})
    registry.record_seen({agent: Sighting(now, stopped=False)})

    [fact] = registry.agents()
    assert (fact.last_seen, fact.stopped) == (now, False)


def test_many_threads_write_and_read_at_once(registry: Registry) -> None:
    agents = [enrolled(registry, f"{number:043}") for number in range(4)]

    def tell(moment: int) -> bool:
        registry.record_seen(dict.fromkeys(agents, Sighting(float(moment), stopped=False)))
        return registry.identify(agents[moment % 4], f"{moment % 4:043}") is not None

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(tell, range(80)))
    assert {fact.last_seen for fact in registry.agents()} == {79.0}


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_a_citys_agents_are_listed_quickly(registry: Registry) -> None:
    """
    Promised is 50 ms for 5,000 on an idle machine; here a slower one may take twelve times that, not a second.
    """
    now = datetime.now(UTC)
    with registry.database.write() as session:
        session.add_all(
            Unit(code=f"U-{n}", name=f"Trường {n}", district="Quận Nam", level="primary", students={})
            for n in range(2500)
        )
        session.flush()
        session.add_all(
            Agent(id=f"a-{n}", unit=f"U-{n // 2}", key_hash=secret_hash(str(n)), roles="site host", version="0.1.0",
                  os="linux", enrolled_at=now, last_seen=1e9)
            for n in range(5000)
        )  # fmt: skip
    took = []
    for _ in range(5):
        start = time.process_time()
        count = len(registry.agents())
        took.append(time.process_time() - start)

    assert count == 5000
    assert min(took) < 0.6
