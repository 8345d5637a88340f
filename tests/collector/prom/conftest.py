"""A city of two districts in a real Prometheus, one of them alone in another, and a collector before the first."""

from __future__ import annotations

import json
import time
import urllib.request
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from haidang_collector.access.scopes import parse_scope
from haidang_collector.grafana import tokens
from haidang_collector.prom.scopes import scope_path
from haidang_collector.registry.models import Unit
from haidang_collector.registry.store import Registry
from haidang_collector.settings import Settings

from tests.collector.remote_write import HEADERS, series, snappy
from tests.collector.running import client_of, database_url
from tests.servers import prometheus

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx
    from starlette.testclient import TestClient

    from tests.servers import Prometheus

OURS, THEIRS = "Quận 1", 'Quận "Kia" \\'
UNITS = {"TH-1": OURS, "TH-2": OURS, "XX-1": THEIRS, "XX-2": THEIRS}
METRICS = ("unit:school_internet_up", "unit:school_students:count", "school:row:compliant")
SECRET = 90_000
"""Values of the other district and of the city begin here; ours and all that can be counted of them stay below."""
STEP = 15
SAMPLES = 21
STRANGE_HOST = "198.51.100.7"


def ours() -> Iterator[tuple[dict[str, str], list[float]]]:
    """Labels and values of our district's series."""
    for number, unit in enumerate(unit for unit, district in UNITS.items() if district == OURS):
        for place, name in enumerate(METRICS):
            labels = {"__name__": name, "district": OURS, "unit": unit, "row": f"R{place}", "shared": "yes"}
            yield labels, [1 + number * 7 + place * 3 + beat * (place + 1) for beat in range(SAMPLES)]
    yield {"__name__": "district:units:count", "district": OURS}, [2.0] * SAMPLES


def others() -> Iterator[tuple[dict[str, str], list[float]]]:
    """Labels and values of the other district's series, and of those that are no district's."""
    for number, unit in enumerate(unit for unit, district in UNITS.items() if district == THEIRS):
        for place, name in enumerate([*METRICS, "unit:theirs_alone"]):
            labels = {"__name__": name, "district": THEIRS, "unit": unit, "row": "SECRET", "shared": "yes"}
            yield labels, [SECRET + number * 100 + place * 10 + beat for beat in range(SAMPLES)]
    for name in ("city:row_compliant:ratio", "isp:school_wan_availability:ratio", "target_info"):
        yield {"__name__": name, "row": "SECRET", "shared": "yes"}, [SECRET] * SAMPLES
    yield {"__name__": "policy:school_limit:value", "row": "R4", "limit": "students"}, [24] * SAMPLES
    yield {"__name__": "policy:school_limit:value", "row": "R4", "district": THEIRS}, [SECRET] * SAMPLES


def write(server: Prometheus, found: Iterator[tuple[dict[str, str], list[float]]], end: float) -> None:
    body = b"".join(
        series(sorted(labels.items()), [(v, end - STEP * (SAMPLES - 1 - at)) for at, v in enumerate(values)])
        for labels, values in found
    )
    urllib.request.urlopen(urllib.request.Request(server.write_url, snappy(body), HEADERS), timeout=60).close()


@dataclass
class City:
    """`now` is the time of the newest sample."""

    whole: Prometheus
    alone: Prometheus
    client: TestClient
    registry: Registry
    now: float

    def token(self, scope: str) -> dict[str, str]:
        made = tokens.create(self.registry.database, parse_scope(scope), "test")
        return {"Authorization": f"Bearer {made.token}"}

    def ask(self, path: str, scope: str = f"district:{OURS}", *, post: bool = False, **given: Any) -> httpx.Response:
        """With a token of the scope asked."""
        url = f"{scope_path(parse_scope(scope))}/api/v1/{path}"
        headers = self.token(scope)
        given = {name.replace("match", "match[]"): value for name, value in given.items()}
        if post:
            return self.client.post(url, data=given, headers=headers)
        return self.client.get(url, params=given, headers=headers)

    def query(self, text: str, scope: str = f"district:{OURS}") -> Any:
        """The `result` of an instant query at `now`."""
        answer = self.ask("query", scope, query=text, time=self.now)
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]["result"]

    def directly(self, text: str) -> tuple[int, Any]:
        """Status and data of the same question to the Prometheus that holds our district alone."""
        url = f"{self.alone.url}/api/v1/query"
        form = f"time={self.now}&query={urllib.request.quote(text)}".encode()
        try:
            with urllib.request.urlopen(url, form, timeout=60) as answer:
                return answer.status, json.load(answer)["data"]
        except urllib.error.HTTPError as refused:
            return refused.code, None


@pytest.fixture(scope="session")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    folder = tmp_path_factory.mktemp("city")
    now = float(int(time.time()))
    with prometheus(folder / "whole") as whole, prometheus(folder / "alone") as alone:
        write(whole, ours(), now)
        write(whole, others(), now)
        write(alone, ours(), now)
        settings = Settings(database_url=database_url(folder), prometheus_url=whole.url)
        registry = Registry(settings.database_url)
        with registry.database.write() as session:
            for code, district in UNITS.items():
                session.add(Unit(code=code, name=code, district=district, level="primary", students={}))
        with client_of(settings, peer=STRANGE_HOST) as client:
            yield City(whole, alone, client, registry, now)
        registry.close()


def leaks(text: str) -> list[str]:
    """What of an answer is the other district's or the city's."""
    return [word for word in ("SECRET", "XX-", "Kia", "theirs_alone", '"9000', '"9001', '"9002') if word in text]
