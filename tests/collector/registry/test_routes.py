from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

import pytest
from haidang_collector.app import create_app
from haidang_collector.auth import QUESTIONS_A_MINUTE
from haidang_collector.registry import agent_config
from haidang_collector.registry.agent_keys import want_new_keys
from haidang_collector.registry.models import Unit
from haidang_collector.registry.tokens import create_token
from haidang_collector.registry.unit_keys import unit_key
from haidang_collector.settings import Settings
from starlette.testclient import TestClient

from tests.collector.registry.test_tokens import HOUR

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from haidang_collector.registry.store import Registry

KEY = "Zk3-_" * 9
ALERT = {
    "status": "firing",
    "labels": {"alertname": "InternetDown", "unit": "TH-001"},
    "annotations": {},
    "startsAt": "2026-11-24T08:00:00.123456789+07:00",
    "endsAt": "0001-01-01T00:00:00Z",
    "fingerprint": "f1",
}
NOTIFICATION = {"version": "4", "groupKey": "{}", "receiver": "registry", "status": "firing", "alerts": [ALERT]}


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    app = create_app(Settings(database_url=f"sqlite:///{tmp_path / 'registry.db'}"))
    with TestClient(app, base_url="http://127.0.0.1", client=("127.0.0.1", 50_000)) as client:
        with registry_of(client).database.write() as session:
            session.add(Unit(code="TH-001", name="Tiểu học Đom Đóm", district="Quận Bắc", level="primary", students={}))
        yield client


def registry_of(client: TestClient) -> Registry:
    registry: Registry = client.app.state.registry  # type: ignore[attr-defined]
    return registry


def token_of(client: TestClient, uses: int = 1) -> str:
    return create_token(registry_of(client).database, "TH-001", uses=uses, lifetime=HOUR).token


def asking(token: str, **changes: object) -> dict[str, object]:
    return {"token": token, "key": KEY, "roles": ["site"], "version": "0.1.0", "os": "linux"} | changes


def test_enrolment_issues_an_identity_and_repeats_it(client: TestClient) -> None:
    token = token_of(client)

    first = client.post("/api/v1/enrol", json=asking(token))
    again = client.post("/api/v1/enrol", json=asking(token))
    another = client.post("/api/v1/enrol", json=asking(token, key="x" * 43))

    assert (first.status_code, again.status_code, another.status_code) == (201, 200, 401)
    assert first.json() == again.json()
    assert set(first.json()) == {"agent", "unit"}
    assert another.json() == {"detail": "token: unknown, expired, revoked or used up; ask for a new one"}
    assert registry_of(client).identify(first.json()["agent"], KEY) is not None


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"key": "short"}, "key"),
        ({"key": "k" * 42 + "+"}, "key"),
        ({"key": None}, "key"),
        ({"token": ""}, "token"),
        ({"token": "t" * 300}, "token"),
        ({"roles": []}, "roles"),
        ({"roles": ["spy"]}, "roles.0"),
        ({"roles": "site"}, "roles"),
        ({"version": "v" * 51}, "version"),
        ({"os": "lin\nux"}, "os"),
        ({"os": "lin\0ux"}, "os"),
    ],
)
def test_a_malformed_field_is_named_and_not_repeated(
    client: TestClient, changes: dict[str, object], field: str
) -> None:
    answer = client.post("/api/v1/enrol", json=asking("a-token-to-hide") | changes)

    assert answer.status_code == 422
    assert answer.json()["detail"].startswith(f"{field}: ")
    assert all(str(value) not in answer.text for value in changes.values() if value)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'"x"', b"\xff", b'{"token": "\\ud800"}', b"[" * 16_000])
def test_what_is_no_enrolment_is_refused(client: TestClient, body: bytes) -> None:
    assert client.post("/api/v1/enrol", content=body).status_code == 422


def test_bodies_are_bounded(client: TestClient) -> None:
    assert client.post("/api/v1/enrol", content=b"x" * 20_000).status_code == 413
    assert client.post("/api/v1/enrol", content=iter([b"x" * 10_000] * 3)).status_code == 413
    json_headers = {"Content-Type": "application/json"}
    assert client.post("/api/v1/alertmanager", content=b"x" * (5 << 20), headers=json_headers).status_code == 413


def test_secrets_are_never_logged(client: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    token = token_of(client, uses=2)
    key = "SecretKey" * 5
    agent = client.post("/api/v1/enrol", json=asking(token, key=key)).json()["agent"]
    client.post("/api/v1/enrol", json=asking(token, key=key))
    client.post("/api/v1/enrol", json=asking(token, key=key, os=3))
    client.post("/api/v1/enrol", json=asking(token + "x", key=key))
    client.get("/api/v1/agent/config", headers={"Authorization": f"Bearer {agent}.{key}"})
    with registry_of(client).database.write() as session:
        session.connection().exec_driver_sql("ALTER TABLE enrolment RENAME TO gone")

    assert client.post("/api/v1/enrol", json=asking(token, key=key)).status_code == 503
    assert "does not answer" in caplog.text
    assert token not in caplog.text
    assert key not in caplog.text


def test_an_agent_fetches_its_configuration_only_when_it_changed(client: TestClient) -> None:
    agent = client.post("/api/v1/enrol", json=asking(token_of(client))).json()["agent"]
    headers = {"Authorization": f"Bearer {agent}.{KEY}"}
    database = registry_of(client).database

    empty = client.get("/api/v1/agent/config", headers=headers)
    same = client.get("/api/v1/agent/config", headers=headers | {"If-None-Match": empty.headers["ETag"]})
    agent_config.set_tables(database, "TH-001", {"wan": [{"name": "wan1", "isp": "Viễn thông"}]})
    changed = client.get("/api/v1/agent/config", headers=headers | {"If-None-Match": empty.headers["ETag"]})

    own = {"privacy": {"unit_key": unit_key(database, "TH-001")}}
    assert (empty.status_code, empty.json()) == (200, own)
    assert (same.status_code, same.content, same.headers["ETag"]) == (304, b"", empty.headers["ETag"])
    assert (changed.status_code, changed.json()) == (200, own | {"wan": [{"name": "wan1", "isp": "Viễn thông"}]})
    assert all("Haidang-Time" in answer.headers for answer in (empty, same, changed))


def test_a_new_key_is_wanted_told_and_used_without_a_gap(client: TestClient) -> None:
    agent = client.post("/api/v1/enrol", json=asking(token_of(client))).json()["agent"]
    old, new = ({"Authorization": f"Bearer {agent}.{key}"} for key in (KEY, "n" * 43))
    database = registry_of(client).database
    want_new_keys(database, agent, "lan")
    asked = client.get("/api/v1/agent/config", headers=old)
    known = {"If-None-Match": asked.headers["ETag"]}

    assert client.get("/api/v1/agent/config", headers=old | known).headers["Haidang-New-Key"] == "wanted"
    for _ in range(2):
        assert client.post("/api/v1/agent/key", json={"key": "n" * 43}, headers=old).status_code == 204
    assert client.get("/api/v1/agent/config", headers=old).status_code == 200
    answer = client.get("/api/v1/agent/config", headers=new)
    assert (answer.status_code, answer.headers.get("Haidang-New-Key")) == (200, None)


def test_of_two_machines_with_one_identity_the_first_goes_on(client: TestClient) -> None:
    agent = client.post("/api/v1/enrol", json=asking(token_of(client))).json()["agent"]
    headers = {"Authorization": f"Bearer {agent}.{KEY}"}

    keys = ("n" * 43, "m" * 43, "n" * 43)
    told = [client.post("/api/v1/agent/key", json={"key": key}, headers=headers) for key in keys]

    assert [answer.status_code for answer in told] == [204, 409, 204]
    assert "another machine with this identity" in told[1].json()["detail"]


@pytest.mark.parametrize("path", ["/api/v1/agent/config", "/api/v1/agent/doctor"])
def test_an_agent_that_never_stops_asking_is_told_to_wait(
    client: TestClient, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("haidang_collector.auth.MINUTE", 3600.0)  # of the next minute: this one may end meanwhile
    monkeypatch.setattr("haidang_collector.ingest.holding.HELD_SECONDS", 0.0)
    agent = client.post("/api/v1/enrol", json=asking(token_of(client))).json()["agent"]
    headers = {"Authorization": f"Bearer {agent}.{KEY}"}

    heard = [client.get(path, headers=headers) for _ in range(2 * QUESTIONS_A_MINUTE + 1)]

    stopped = [answer for answer in heard if answer.status_code == 429]
    assert stopped
    assert {answer.status_code for answer in heard} == {200, 429}
    assert all(int(answer.headers["Retry-After"]) > 0 for answer in stopped)
    assert all("Haidang-Time" in answer.headers for answer in stopped), "it is the collector's word"
    named = f'haidang_ingest_agent_refused_total{{agent="{agent}",district="Quận Bắc",reason="rate",unit="TH-001"}}'
    assert f"{named} {len(stopped)}.0" in client.get("/metrics").text


@pytest.mark.parametrize("key", ["short", "k" * 42 + "+", None, "k" * 200])
def test_a_malformed_new_key_is_refused_and_not_repeated(client: TestClient, key: str | None) -> None:
    agent = client.post("/api/v1/enrol", json=asking(token_of(client))).json()["agent"]
    headers = {"Authorization": f"Bearer {agent}.{KEY}"}

    answer = client.post("/api/v1/agent/key", json={"key": key}, headers=headers)
    assert answer.status_code == 422
    assert str(key) not in answer.text
    assert client.post("/api/v1/agent/key", json={"key": "n" * 43}).status_code == 401


def test_who_held_a_right_key_is_told_why_it_is_none_now(client: TestClient) -> None:
    agent = client.post("/api/v1/enrol", json=asking(token_of(client))).json()["agent"]
    registry_of(client).revoke_agent(agent)

    told = [
        client.get("/api/v1/agent/config", headers={"Authorization": f"Bearer {agent}.{key}"})
        for key in (KEY, "w" * 43)
    ]
    assert [answer.status_code for answer in told] == [401, 401]
    assert "revoked" in told[0].text
    assert "revoked" not in told[1].text
    assert "unknown agent or wrong key" in told[1].text


def test_configuration_is_for_agents_only(client: TestClient) -> None:
    assert client.get("/api/v1/agent/config").status_code == 401


def test_alertmanager_is_heard(client: TestClient) -> None:
    answer = client.post("/api/v1/alertmanager", json=NOTIFICATION)

    assert (answer.status_code, answer.json()) == (200, {"alerts": 1})
    (incident,) = registry_of(client).open_incidents()
    assert incident.starts_at.isoformat() == "2026-11-24T01:00:00.123456+00:00"


def notification(**changes: Any) -> dict[str, Any]:
    return NOTIFICATION | {"alerts": [ALERT | changes]}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (NOTIFICATION | {"version": "5"}, "version: "),
        (NOTIFICATION | {"alerts": None}, "alerts: "),
        (NOTIFICATION | {"alerts": [{}] * 10_001}, "alerts: "),
        (notification(status="perhaps"), "alerts.0.status: "),
        (notification(startsAt="yesterday"), "alerts.0.startsAt: "),
        (notification(startsAt="2026-11-24T08:00:00"), "alerts.0.startsAt: "),
        (notification(startsAt="0001-01-01T00:00:00+07:00"), "alerts.0.startsAt: is out of the calendar"),
        (notification(fingerprint=""), "alerts.0.fingerprint: "),
        (notification(labels={}), "alerts.0.labels: alertname is missing"),
        (notification(labels={"alertname": "x" * 201}), "alerts.0.labels: alertname is longer than 200"),
        (notification(labels={"alertname": "a\0b"}), "alerts.0.labels.alertname: holds the character U+0000"),
    ],
)
def test_a_bad_notification_is_refused_by_field_and_keeps_nothing(
    client: TestClient, body: dict[str, object], field: str
) -> None:
    answer = client.post("/api/v1/alertmanager", json=body)

    assert answer.status_code == 400
    assert answer.json()["detail"].startswith(field)
    assert registry_of(client).open_incidents() == []


def test_only_json_of_an_operator_is_heard(client: TestClient) -> None:
    """
    A web page can make a browser on this machine post text here, but not application/json.
    """
    forwarded = client.post("/api/v1/alertmanager", json=NOTIFICATION, headers={"X-Forwarded-For": "203.0.113.9"})
    forged = client.post(
        "/api/v1/alertmanager", content=json.dumps(NOTIFICATION), headers={"Content-Type": "text/plain"}
    )

    assert (forwarded.status_code, forged.status_code) == (403, 415)
    assert registry_of(client).open_incidents() == []


def test_bodies_are_in_the_api_description(client: TestClient) -> None:
    paths = client.get("/openapi.json").json()["paths"]

    body = paths["/api/v1/enrol"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert set(body["properties"]) == {"token", "key", "roles", "version", "os"}
