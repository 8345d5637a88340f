"""What an agent leaves of its self-examination: who may, what is taken, what is kept."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from haidang_advice.doctor import CHECKS, REMEDIES
from haidang_collector.doctor.records import Examination, ToldCheck, keep, of_unit
from haidang_collector.registry.database import Database
from haidang_collector.registry.store import Registry
from haidang_collector.settings import Settings
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.collector.running import UNIT, add_agent, client_of, database_url

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from starlette.testclient import TestClient

WAY = "/api/v1/agent/doctor"
SOUND = {"check": "disk", "state": "ok", "case": "", "probe": ""}
REPORT = {"version": "0.1.0", "checks": [SOUND, {"check": "clock", "state": "warn", "case": "clock_off", "probe": ""}]}


@pytest.fixture
def url(tmp_path: Path) -> str:
    return database_url(tmp_path)


@pytest.fixture
def agent(url: str) -> tuple[str, dict[str, str]]:
    """Its id, and the header it shows."""
    name, authorization = add_agent(url)
    return name, {"Authorization": authorization}


@pytest.fixture
def client(url: str, agent: tuple[str, dict[str, str]]) -> Iterator[TestClient]:
    with client_of(Settings(database_url=url)) as client:
        yield client


def kept(url: str) -> list[Examination]:
    database = Database(url)
    found = of_unit(database, UNIT)
    database.close()
    return found


def test_a_report_is_kept_with_the_agent_and_the_centres_time(client: TestClient, url: str, agent: Any) -> None:
    before = datetime.now(UTC)

    assert client.post(WAY, json=REPORT, headers=agent[1]).status_code == 204

    (told,) = kept(url)
    assert (told.agent, told.version) == (agent[0], "0.1.0")
    assert before <= told.received_at <= datetime.now(UTC)
    assert told.checks == [ToldCheck("disk", "ok", "", ""), ToldCheck("clock", "warn", "clock_off", "")]


@pytest.mark.parametrize(("status", "answers"), [(200, True), (503, False)])
def test_the_answer_tells_the_collectors_version_whether_it_can_store_and_the_time(
    url: str, agent: Any, status: int, answers: bool
) -> None:
    store = httpx.MockTransport(lambda _: httpx.Response(status))
    with client_of(Settings(database_url=url), store=store) as client:
        answer = client.get(WAY, headers=agent[1])

        assert answer.json() == {"version": client.app.version, "store": answers}  # type: ignore[attr-defined]
    assert float(answer.headers["haidang-time"]) > 0


def test_only_agents_may(client: TestClient, url: str, agent: Any) -> None:
    for headers in ({}, {"Authorization": f"Bearer {agent[0]}.{'A' * 43}"}):
        assert client.post(WAY, json=REPORT, headers=headers).status_code == 401
        assert client.get(WAY, headers=headers).status_code == 401
    assert kept(url) == []


def test_the_next_report_takes_the_place_of_the_last_but_not_at_once(client: TestClient, url: str, agent: Any) -> None:
    client.post(WAY, json=REPORT, headers=agent[1])
    at_once = client.post(WAY, json=REPORT | {"version": "9"}, headers=agent[1])

    assert (at_once.status_code, at_once.headers["retry-after"]) == (429, "10")
    database = Database(url)
    later = datetime.now(UTC) + timedelta(seconds=11)
    assert keep(database, Examination(agent[0], later, "9", [ToldCheck("disk", "fail", "disk_full", "")]))
    database.close()
    assert [(told.version, len(told.checks)) for told in kept(url)] == [("9", 1)]


def test_a_centres_clock_that_was_set_back_keeps_nobody_out(client: TestClient, url: str, agent: Any) -> None:
    client.post(WAY, json=REPORT, headers=agent[1])
    database = Database(url)
    earlier = datetime.now(UTC) - timedelta(hours=1)

    assert keep(database, Examination(agent[0], earlier, "9", [ToldCheck("disk", "ok", "", "")]))

    database.close()


def test_what_was_found_has_no_field(client: TestClient, url: str, agent: Any) -> None:
    """
    An agent that sent more would find it dropped: no name or address of the school is kept.
    """
    secret = {"found": "PC-GVCN-7A 10.20.1.7 8c:ec:4b:00:00:01", "tried": "C:\\Users\\lan"}
    sent = {"version": "1", "host": "PC-GVCN-7A", "checks": [SOUND | secret]}

    assert client.post(WAY, json=sent, headers=agent[1]).status_code == 204

    assert kept(url)[0].checks == [ToldCheck("disk", "ok", "", "")]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"checks": []}, "checks"),
        ({"checks": [SOUND] * 101}, "checks"),
        ({"checks": [SOUND | {"state": "fine"}]}, "checks.0.state"),
        ({"checks": [SOUND | {"check": ""}]}, "checks.0.check"),
        ({"checks": [SOUND | {"check": "x" * 41}]}, "checks.0.check"),
        ({"checks": [SOUND | {"case": "10.20.1.7"}]}, "checks.0.case"),
        ({"checks": [SOUND | {"probe": "PC-7A"}]}, "checks.0.probe"),
        ({"version": "0.1\n"}, "version"),
        ({"version": None}, "version"),
    ],
)
def test_what_is_malformed_is_refused_by_its_field(
    client: TestClient, url: str, agent: Any, change: dict[str, Any], field: str
) -> None:
    answer = client.post(WAY, json=REPORT | change, headers=agent[1])

    assert answer.status_code == 422
    assert answer.json()["detail"].startswith(f"{field}: ")
    assert "10.20.1.7" not in answer.text
    assert kept(url) == []


def test_a_body_too_large_is_not_read(client: TestClient, agent: Any) -> None:
    assert client.post(WAY, content=b" " * (33 << 10), headers=agent[1]).status_code == 413


@given(body=st.binary(max_size=200) | st.recursive(st.none() | st.text(max_size=5), st.lists).map(json.dumps))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_anything_else_is_refused_and_nothing_breaks(client: TestClient, agent: Any, body: bytes | str) -> None:
    assert client.post(WAY, content=body, headers=agent[1]).status_code == 422


def test_a_revoked_agents_report_is_shown_no_more(client: TestClient, url: str, agent: Any) -> None:
    client.post(WAY, json=REPORT, headers=agent[1])
    registry = Registry(url)
    registry.revoke_agent(agent[0])
    registry.close()

    assert kept(url) == []


def test_every_id_of_the_advice_may_be_sent(client: TestClient, url: str, agent: Any) -> None:
    checks = [SOUND | {"check": check} for check in CHECKS] + [SOUND | {"case": case} for case in REMEDIES]

    assert client.post(WAY, json={"version": "1", "checks": checks}, headers=agent[1]).status_code == 204
    assert len(kept(url)[0].checks) == len(checks)
