"""What the store is told of whose data it gets, and whose it is asked for: seen at its own door."""

from __future__ import annotations

import re
import time
from base64 import b64encode
from typing import TYPE_CHECKING
from urllib.parse import quote

import httpx
import pytest
from haidang_collector.registry.models import Unit
from haidang_collector.registry.store import Registry
from haidang_collector.settings import BadSettingError, Settings, from_environment
from haidang_collector.tenants import HEADER, account_of, tenant_of
from hypothesis import given
from hypothesis import strategies as st

from tests.collector import remote_write as rw
from tests.collector.running import DISTRICT, UNIT, add_agent, client_of, database_url

if TYPE_CHECKING:
    from pathlib import Path

    import httpx2
    from starlette.testclient import TestClient

OTHER = "Quận Bình Thạnh"


def settings(folder: Path, store: str, tenant: str = "", **more: str) -> Settings:
    """Of a collector whose registry knows two districts."""
    url = database_url(folder)
    registry = Registry(url)
    with registry.database.write() as session:
        session.add(Unit(code="TH-9", name="N", district=OTHER, level="primary", students={}))
    registry.close()
    given = {"HAIDANG_STORE": store, "HAIDANG_STORE_TENANT": tenant, "HAIDANG_DATABASE_URL": url, **more}
    return from_environment(given)


class Door:
    """A store that remembers what it was asked, and says `status` to all."""

    def __init__(self, status: int = 204, text: str = "") -> None:
        self.asked: list[httpx.Request] = []
        self._status, self._text = status, text

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        if request.method == "GET" or "query" in request.url.path:
            return httpx.Response(200, json={"status": "success", "data": {"resultType": "vector", "result": []}})
        return httpx.Response(self._status, text=self._text)

    def last(self) -> tuple[str, str | None]:
        """Address and tenant of the newest request."""
        return str(self.asked[-1].url), self.asked[-1].headers.get(HEADER)


def write(client: TestClient, authorization: str) -> httpx2.Response:
    body = rw.snappy(rw.simple("up", 1, time.time()))
    return client.post("/api/v1/write", content=body, headers=rw.HEADERS | {"Authorization": authorization})


def test_mimir_gets_a_tenant_for_each_district_and_is_asked_for_one_at_a_time(tmp_path: Path) -> None:
    """
    The city's questions go to the centre's tenant, and all about a unit or a district to the district's.
    """
    door, given = Door(), settings(tmp_path, "mimir", "district")
    authorization = add_agent(given.database_url)[1]
    ours, theirs = tenant_of(DISTRICT), tenant_of(OTHER)

    with client_of(given, store=httpx.MockTransport(door)) as client:
        assert write(client, authorization).status_code == 204
        assert door.last() == ("http://127.0.0.1:9009/api/v1/push", ours)

        for scope, tenant in ((f"unit:{UNIT}", ours), (f"district:{OTHER}", theirs), ("city", "haidang")):
            assert client.get(f"/api/v1/prom/{quote(scope)}/api/v1/query?query=up").status_code == 200
            assert door.last() == ("http://127.0.0.1:9009/prometheus/api/v1/query", tenant)

        for page, tenants in (("/", {"haidang"}), (f"/units/{UNIT}", {"haidang", ours})):
            door.asked.clear()
            assert client.get(page).status_code == 200
            assert {request.headers[HEADER] for request in door.asked} == tenants

        assert client.get("/readyz").status_code == 200
        assert door.last()[0] == "http://127.0.0.1:9009/ready"


@pytest.mark.parametrize("tenant", ["", "hcmc"])
def test_mimir_may_hold_all_in_one_tenant(tmp_path: Path, tenant: str) -> None:
    door, given = Door(), settings(tmp_path, "mimir", tenant)
    authorization = add_agent(given.database_url)[1]

    with client_of(given, store=httpx.MockTransport(door)) as client:
        write(client, authorization)
        client.get(f"/api/v1/prom/unit:{UNIT}/api/v1/query?query=up")
        client.get("/")

    assert {request.headers[HEADER] for request in door.asked} == {tenant or "haidang"}


@pytest.mark.parametrize(
    ("tenant", "account", "citys"),
    [("", "0", "0"), ("7:1", "7:1", "7:1"), ("district", str(account_of(DISTRICT)), "0")],
)
def test_the_cluster_of_victoriametrics_gets_the_account_in_the_path(
    tmp_path: Path, tenant: str, account: str, citys: str
) -> None:
    door, given = Door(), settings(tmp_path, "victoriametrics-cluster", tenant)
    authorization = add_agent(given.database_url)[1]

    with client_of(given, store=httpx.MockTransport(door)) as client:
        write(client, authorization)
        assert door.last() == (f"http://127.0.0.1:8480/insert/{account}/prometheus/api/v1/write", None)

        for scope, asked in ((f"unit:{UNIT}", account), ("city", citys)):
            for path in ("query?query=up", "labels?match[]=up", "metadata"):
                client.get(f"/api/v1/prom/{scope}/api/v1/{path}")
                url = f"http://127.0.0.1:8481/select/{asked}/prometheus/api/v1/{path.partition('?')[0]}"
                assert (door.last()[0].partition("?")[0], door.last()[1]) == (url, None)


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("the request has been rejected because of err-mimir-max-series-per-user", 503),
        ("the sample has been rejected because it is too old (err-mimir-sample-timestamp-too-old)", 400),
    ],
)
def test_a_full_tenant_of_mimir_does_not_cost_the_school_its_data(tmp_path: Path, text: str, status: int) -> None:
    given = settings(tmp_path, "mimir")
    authorization = add_agent(given.database_url)[1]

    with client_of(given, store=httpx.MockTransport(Door(400, text))) as client:
        assert write(client, authorization).status_code == status


@pytest.mark.parametrize(
    ("store", "tenant", "address", "mend"),
    [
        ("influx", "", "", "give one of prometheus, victoriametrics"),
        ("prometheus", "district", "", "leave HAIDANG_STORE_TENANT empty"),
        ("mimir", "Quận 1", "", "letters, digits"),
        ("mimir", "..", "", "letters, digits"),
        ("victoriametrics-cluster", "north", "", "an account is a number"),
        ("victoriametrics-cluster", "", "http://vminsert:8480/insert/0/", "write {tenant}"),
    ],
)
def test_what_does_not_go_together_stops_the_start(store: str, tenant: str, address: str, mend: str) -> None:
    given = {"HAIDANG_STORE": store, "HAIDANG_STORE_TENANT": tenant}
    with pytest.raises(BadSettingError, match=re.escape(mend)):
        from_environment(given | ({"HAIDANG_STORE_WRITE_URL": address} if address else {}))


def test_a_cluster_with_tenants_must_be_read_by_tenant() -> None:
    """
    All tenants in one answer would show twice what rules record, which the centre's and the district's both have.
    """
    given = {"HAIDANG_STORE": "victoriametrics-cluster", "HAIDANG_STORE_TENANT": "district"}
    with pytest.raises(BadSettingError, match=re.escape("write {tenant} in HAIDANG_PROMETHEUS_URL")):
        from_environment(given | {"HAIDANG_PROMETHEUS_URL": "http://vmselect:8481/select/multitenant/prometheus"})


def test_a_store_behind_a_password_hears_it(tmp_path: Path) -> None:
    door, given = (
        Door(),
        settings(tmp_path, "mimir", "district", HAIDANG_PROMETHEUS_URL="http://reader:1%402@127.0.0.1:9"),
    )

    with client_of(given, store=httpx.MockTransport(door)) as client:
        client.get("/api/v1/prom/city/api/v1/query?query=up")
        client.get("/")

    said = {(request.headers["Authorization"], request.headers[HEADER]) for request in door.asked}
    assert said == {("Basic " + b64encode(b"reader:1@2").decode(), "haidang")}


@given(st.text(max_size=100), st.text(max_size=100))
def test_every_district_has_a_tenant_of_its_own_that_the_stores_take(one: str, other: str) -> None:
    name, account = tenant_of(one), account_of(one)

    assert re.fullmatch(r"[a-z0-9-]{8,150}", name)
    assert 0 < account < 2**32
    assert (name == tenant_of(other)) == (one == other)
