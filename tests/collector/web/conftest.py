"""A small city with a unit in every state, and a store that says what a test wants it to say."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from haidang_collector.access.accounts import Administration, Wanted
from haidang_collector.access.cookies import SESSION
from haidang_collector.access.sessions import open_session
from haidang_collector.registry.incidents import Notification, record
from haidang_collector.registry.models import Agent, Unit
from haidang_collector.registry.store import Registry
from haidang_collector.settings import Settings

from tests.collector.running import client_of, database_url

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from starlette.testclient import TestClient

NAMES = {
    "UP": "Trường Tiểu học Đống Đa",
    "DOWN": "Trường THCS Sao Mai",
    "BYE": "Trường Mầm non Hoa Sen",
    "QUIET": "Trường THPT Bình Minh",
    "NEW": "Trường Tiểu học Bạch Đằng",
    "EMPTY": "Trung tâm GDTX Quận 3",
}
RULE = {"UP": 1.0, "DOWN": 0.0}


class Web:
    """The pages of one collector. `internet`: what the rules say, by unit; `store`: its answer to anything.

    `figures` are series by a part of the query that asks for them: `{"labels", "value"}`, or, for a range of time,
    `{"labels", "values": [(Unix seconds, value)]}`.
    """

    def __init__(self, folder: Path) -> None:
        self.settings = Settings(database_url=database_url(folder))
        self.registry = Registry(self.settings.database_url)
        self.internet: dict[str, float] = dict(RULE)
        self.figures: dict[str, list[dict[str, Any]]] = {}
        self.store: httpx.Response | Exception | None = None
        self.asked: list[str] = []
        self.client: TestClient

    def add(
        self, code: str, name: str, *, district: str = "Quận 1", heard: float | None = None, bye: bool = False
    ) -> None:
        """A unit, with an agent heard so many seconds ago; without `heard`, a unit without agents."""
        with self.registry.database.write() as session:
            session.add(Unit(code=code, name=name, district=district, level="primary", students={}))
            session.flush()
            if heard is not None:
                session.add(
                    Agent(
                        id=f"a-{code}", unit=code, key_hash="0" * 64, roles="site", version="0.1.0", os="linux",
                        enrolled_at=datetime.now(UTC), last_seen=time.time() - heard, stopped=bye,
                    )
                )  # fmt: skip

    def alert(
        self,
        unit: str,
        *,
        name: str = "InternetDown",
        severity: str = "critical",
        category: str = "link",
        **annotations: str,
    ) -> None:
        """An open incident of the unit, five minutes old."""
        alert = {
            "status": "firing",
            "labels": {"alertname": name, "unit": unit, "severity": severity, "category": category},
            "annotations": annotations,
            "startsAt": (datetime.now(UTC) - timedelta(minutes=5)).isoformat(),
            "endsAt": "0001-01-01T00:00:00Z",
            "fingerprint": f"{name}-{unit}",
        }
        record(self.registry.database, Notification.model_validate({"version": "4", "alerts": [alert]}))

    def answer(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/metrics":  # the collector wants to know since when the store has been running
            return httpx.Response(404)
        query = httpx.QueryParams(request.content.decode())["query"]
        self.asked.append(query)
        if isinstance(self.store, Exception):
            raise self.store
        if self.store is not None:
            return self.store
        if "unit:school_internet_up" in query:
            found = [({"unit": unit, "district": "Quận 1"}, value) for unit, value in self.internet.items()]
        else:
            found = [
                ({"__name__": name} | item["labels"], item["value"])
                for name, items in self.figures.items()
                if name in query
                for item in items
                if "value" in item
            ]
        if query.endswith("]"):
            return self._answered("matrix", self._history(query))
        return self._answered(
            "vector", [{"metric": labels, "value": [time.time(), str(value)]} for labels, value in found]
        )

    def _history(self, query: str) -> list[dict[str, Any]]:
        items = [item for name, items in self.figures.items() if name in query for item in items if "values" in item]
        return [
            {"metric": item["labels"], "values": [[at, str(value)] for at, value in item["values"]]} for item in items
        ]

    def _answered(self, kind: str, result: list[dict[str, Any]]) -> httpx.Response:
        return httpx.Response(200, json={"status": "success", "data": {"resultType": kind, "result": result}})

    def log_in(self, role: str = "reader", **scope: str) -> None:
        """From now on pages are asked for by somebody with an account; `scope` is a district or a unit."""
        login = f"someone-{len(self.client.cookies)}-{'-'.join(scope) or 'city'}"
        Administration(self.registry.database, "test").add(login, Wanted(role, **scope), None, first=False)
        with self.registry.database.write() as session:
            opened = open_session(session, login, datetime.now(UTC))
        self.client.cookies.set(SESSION, opened.token)

    def page(self, path: str = "/", *, status: int = 200, **headers: str) -> str:
        answer = self.client.get(path, headers=headers)
        assert answer.status_code == status
        return answer.text


@pytest.fixture
def web(tmp_path: Path) -> Iterator[Web]:
    """Pages over an empty registry."""
    web = Web(tmp_path)
    with client_of(web.settings, store=httpx.MockTransport(web.answer)) as web.client:
        yield web
    web.registry.close()


@pytest.fixture
def city(web: Web) -> Web:
    """A unit in every state."""
    web.add("UP", NAMES["UP"], heard=3)
    web.add("DOWN", NAMES["DOWN"], heard=90, district="Quận 10")
    web.add("BYE", NAMES["BYE"], heard=500, bye=True, district="Quận 2")
    web.add("QUIET", NAMES["QUIET"], heard=500)
    web.add("NEW", NAMES["NEW"], heard=3)
    web.add("EMPTY", NAMES["EMPTY"])
    return web
