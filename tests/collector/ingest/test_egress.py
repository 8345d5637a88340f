"""By which ISP an agent's push came, as `/metrics/registry` tells it."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
from haidang_collector.ingest.egress import parse_networks
from haidang_collector.metrics import LATELY_SECONDS
from haidang_collector.registry.store import Registry, Sighting
from haidang_collector.settings import Settings

from tests.collector import remote_write as rw
from tests.collector.running import add_agent, client_of, database_url
from tests.collector.test_metrics import samples
from tests.lab import VirtualSchool
from tests.waiting import eventually

if TYPE_CHECKING:
    from starlette.testclient import TestClient

STORE = httpx.MockTransport(lambda _: httpx.Response(204))
NAME = "haidang_agent_egress_info"
VNPT, VIETTEL, NOBODYS = "113.160.0.1", "171.224.0.1", "198.51.100.7"


def push(client: TestClient, authorization: str, forwarded: str | None = None, body: bytes | None = None) -> int:
    headers = rw.HEADERS | {"Authorization": authorization} | ({"X-Forwarded-For": forwarded} if forwarded else {})
    content = body or rw.snappy(rw.simple("up", 1, time.time()))
    return client.post("/api/v1/write", content=content, headers=headers).status_code


def shown(client: TestClient) -> dict[tuple[str, ...], float]:
    """By agent, district, ISP, unit."""
    answer = client.get("/metrics/registry", headers={"Authorization": "Basic OnA="})
    assert answer.status_code == 200
    return samples(answer.text, NAME)


def settings(url: str, **others: str) -> Settings:
    return Settings(database_url=url, operator_password="p", **others)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("peer", "isp"),
    [
        (VNPT, "VNPT"),
        (VIETTEL, "Viettel"),
        (f"::ffff:{VNPT}", "VNPT"),
        ("2001:ee0::5", "VNPT"),
        (NOBODYS, "unknown"),
        ("10.8.0.5", None),
        ("100.64.3.4", None),
        ("::ffff:192.168.1.1", None),
        ("fd00::5", None),
        ("127.0.0.1", None),
        ("testclient", None),
    ],
)
def test_the_isp_of_the_address_that_a_push_came_from(tmp_path: Path, peer: str, isp: str | None) -> None:
    url = database_url(tmp_path)
    agent, authorization = add_agent(url)
    with client_of(settings(url), store=STORE, peer=peer) as client:
        before = shown(client)
        assert push(client, authorization) == 204
        after = shown(client)

    assert before == {}, "nothing is said before the first push"
    assert after == ({} if isp is None else {(agent, "Quận 1", isp, "TH-001"): 1})


def test_a_push_counts_whatever_becomes_of_its_data_but_not_without_a_key(tmp_path: Path) -> None:
    url = database_url(tmp_path)
    agent, authorization = add_agent(url)
    with client_of(settings(url), store=STORE, peer=VNPT) as client:
        assert push(client, f"Bearer {agent}.wrong") == 401
        refused = shown(client)
        assert push(client, authorization, body=b"nonsense") == 400
        bad = shown(client)

    assert refused == {}
    assert bad == {(agent, "Quận 1", "VNPT", "TH-001"): 1}


def test_the_address_itself_is_told_nowhere(tmp_path: Path) -> None:
    url = database_url(tmp_path)
    _, authorization = add_agent(url)
    with client_of(settings(url), store=STORE, peer=VNPT) as client:
        push(client, authorization)
        pages = [
            client.get(page, headers={"Authorization": "Basic OnA="}).text for page in ("/metrics/registry", "/metrics")
        ]
    database = (tmp_path / "collector.db").read_bytes()

    assert "VNPT" in pages[0]
    assert [page for page in pages if VNPT in page] == []
    assert VNPT.encode() not in database


def test_the_departments_own_table_takes_the_place_of_the_built_in_one(tmp_path: Path) -> None:
    url = database_url(tmp_path)
    agent, authorization = add_agent(url)
    table = tmp_path / "isps.csv"
    table.write_text("prefix,asn,isp\n198.51.100.0/24,64496,City network\n")
    with client_of(settings(url, isp_prefixes=str(table)), store=STORE, peer=NOBODYS) as client:
        push(client, authorization)
        assert shown(client) == {(agent, "Quận 1", "City network", "TH-001"): 1}
    with client_of(settings(url, isp_prefixes=str(table)), store=STORE, peer=VNPT) as client:
        push(client, authorization)
        assert shown(client) == {(agent, "Quận 1", "unknown", "TH-001"): 1}


@pytest.mark.parametrize(
    ("peer", "proxies", "forwarded", "isp"),
    [
        (VIETTEL, "", VNPT, "Viettel"),
        (VIETTEL, "10.0.0.0/8", VNPT, "Viettel"),
        ("10.0.0.5", "", VNPT, None),
        ("10.0.0.5", "10.0.0.5", VNPT, "VNPT"),
        ("10.0.0.5", "10.0.0.5", f"{VIETTEL}, {VNPT}", "VNPT"),
        ("10.0.0.5", "10.0.0.0/8", f"{VIETTEL}, {VNPT},10.9.9.9", "VNPT"),
        ("::ffff:10.0.0.5", "10.0.0.5", VNPT, "VNPT"),
        ("2001:db8::5", "10.0.0.5,2001:db8::/64", VNPT, "VNPT"),
        ("10.0.0.5", "10.0.0.5", None, None),
        ("10.0.0.5", "10.0.0.5", "unknown", None),
        ("10.0.0.5", "10.0.0.5", f"{VNPT}, nonsense", None),
        ("10.0.0.5", "10.0.0.5", f"{VNPT}," + "10.0.0.5," * 100 + "10.0.0.5", None),
    ],
)
def test_only_the_centres_own_proxies_are_believed(
    tmp_path: Path, peer: str, proxies: str, forwarded: str | None, isp: str | None
) -> None:
    """
    Anybody can write X-Forwarded-For: what counts is the last entry that a trusted proxy has added.
    """
    url = database_url(tmp_path)
    _, authorization = add_agent(url)
    with client_of(settings(url, trusted_proxies=proxies), store=STORE, peer=peer) as client:
        push(client, authorization, forwarded)

        assert [labels[2] for labels in shown(client)] == ([] if isp is None else [isp])


def test_a_failover_is_seen_from_the_centre(tmp_path: Path) -> None:
    """
    The whole way: `haidang serve` at the centre of the virtual school, pushes from a PC behind its router.
    """
    url = database_url(tmp_path)
    _, authorization = add_agent(url)
    table = tmp_path / "isps.csv"
    table.write_text("203.0.113.0/28,64496,VNPT\n203.0.113.16/28,64497,Viettel\n")
    environment = {"HAIDANG_DATABASE_URL": url, "HAIDANG_ISP_PREFIXES": str(table)}
    haidang = str(Path(sys.executable).with_name("haidang"))
    with VirtualSchool(pcs=1) as school:
        school.centre.start(haidang, "serve", "--listen", "0.0.0.0:8080", env=os.environ | environment)

        def ask_at_the_centre(path: str) -> str:
            with school.centre.inside(), contextlib.suppress(httpx.TransportError):
                return httpx.get(f"http://127.0.0.1:8080{path}", timeout=60).raise_for_status().text
            return ""

        eventually("the collector answers", lambda: ask_at_the_centre("/healthz"), seconds=30)
        seen = []
        for isp in ("VNPT", "Viettel", "VNPT"):
            school.use_isp(isp)
            with school.pc(1).inside():
                httpx.post(
                    f"http://{school.centre_address}:8080/api/v1/write",
                    content=rw.snappy(rw.simple("up", 1, time.time())),
                    headers=rw.HEADERS | {"Authorization": authorization},
                    timeout=60,
                )
            seen += [labels[2] for labels in samples(ask_at_the_centre("/metrics/registry"), NAME)]

    assert seen == ["VNPT", "Viettel", "VNPT"]


def test_another_collectors_push_is_told_while_it_is_of_late(tmp_path: Path) -> None:
    """
    Each process knows of the others' agents by the registry; the newest push counts, whoever took it.
    """
    url = database_url(tmp_path)
    agent, authorization = add_agent(url)
    now = time.time()
    with closing(Registry(url)) as other, client_of(settings(url), store=STORE, peer=VIETTEL) as client:
        told = []
        for age, isp in ((LATELY_SECONDS + 60, "VNPT"), (1, "FPT"), (0.5, None)):
            other.record_seen({agent: Sighting(now - age, stopped=False, isp=isp)})
            told.append([labels[2] for labels in shown(client)])
        push(client, authorization)
        told.append([labels[2] for labels in shown(client)])
        other.record_seen({agent: Sighting(time.time() + 1, stopped=False, isp="VNPT")})
        told.append([labels[2] for labels in shown(client)])

    assert told == [[], ["FPT"], [], ["Viettel"], ["VNPT"]]


def test_networks_are_read_with_or_without_blanks() -> None:
    assert [str(network) for network in parse_networks(" 10.0.0.5, 2001:db8::/64,")] == ["10.0.0.5/32", "2001:db8::/64"]
    assert parse_networks("") == []
