"""The application on PostgreSQL: what only the pages and the machines' doors write."""

from __future__ import annotations

import re
import secrets
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import httpx
from haidang_collector.access import passwords
from haidang_collector.access.accounts import Administration, Wanted
from haidang_collector.registry.models import Unit
from haidang_collector.registry.store import Registry
from haidang_collector.registry.tokens import create_token
from haidang_collector.settings import Settings

from tests.collector.running import client_of
from tests.postgresql import server

if TYPE_CHECKING:
    from starlette.testclient import TestClient

PASSWORD = "bốn con voi uống trà"
PAGES = ("/", "/units", "/units/TH-001", "/incidents", "/registry", "/agents", "/users", "/audit", "/account")
HIDDEN = re.compile(r'name="csrf" value="([^"]+)"')


def test_people_and_machines_find_everything() -> None:
    url = server().name()
    server().fill(url, _nothing)
    with closing(Registry(url)) as registry:
        with registry.database.write() as session:
            session.add(
                Unit(code="TH-001", name="Sao Mai", district="Quận 1", level="primary", students={"primary": 9})
            )
        Administration(registry.database, "test").add(
            "an", Wanted("administrator"), passwords.hashed(PASSWORD), first=False
        )
        token = create_token(registry.database, "TH-001", uses=1, lifetime=timedelta(hours=1)).token
        store = httpx.MockTransport(lambda _: httpx.Response(503))
        with client_of(Settings(database_url=url), store=store) as client:
            enrol_and_ask(client, token)
            alert(client)
            login(client)
            answers = {path: client.get(path).status_code for path in PAGES}
            assert answers == dict.fromkeys(PAGES, 200)
            assert "InternetDown" in client.get("/incidents").text
            assert client.get("/metrics/registry").status_code == 200
    server().drop(url)


def enrol_and_ask(client: TestClient, token: str) -> None:
    key = secrets.token_urlsafe(32)
    wish = {"token": token, "key": key, "roles": ["site"], "version": "0.1.0", "os": "linux"}
    enrolled = client.post("/api/v1/enrol", json=wish)
    assert enrolled.status_code == 201, enrolled.text
    authorization = {"Authorization": f"Bearer {enrolled.json()['agent']}.{key}"}
    assert client.get("/api/v1/agent/config", headers=authorization).status_code == 200


def alert(client: TestClient) -> None:
    labels = {"alertname": "InternetDown", "severity": "critical", "unit": "TH-001", "category": "link"}
    told = {
        "status": "firing", "labels": labels, "annotations": {}, "fingerprint": "1",
        "startsAt": datetime.now(UTC).isoformat(), "endsAt": "0001-01-01T00:00:00Z",
    }  # fmt: skip
    assert client.post("/api/v1/alertmanager", json={"version": "4", "alerts": [told]}).is_success


def login(client: TestClient) -> None:
    found = HIDDEN.search(client.get("/login").text)
    assert found
    form = {"csrf": found[1], "login": "an", "password": PASSWORD, "next": ""}
    assert client.post("/login", data=form, follow_redirects=False).status_code == 303


def _nothing(_: object) -> None:
    """The tables alone."""
