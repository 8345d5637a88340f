"""From the push of an agent to what the Internet sees of its school: for units that asked for it, and nobody else."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import httpx
import pytest
from haidang_collector.ingest.seen import Seen
from haidang_collector.metrics import FactCollector
from haidang_collector.outside import records
from haidang_collector.outside.looking import Looking
from haidang_collector.outside.ports import PORTS
from haidang_collector.outside.records import KEPT_SECONDS, Heard
from haidang_collector.registry.models import OutsideAddress, OutsidePort, Unit
from haidang_collector.registry.store import Registry
from haidang_collector.registry.tokens import UnknownUnitError
from haidang_collector.settings import Settings
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import func, select

from tests.collector import remote_write as rw
from tests.collector.running import DISTRICT, UNIT, add_agent, client_of, database_url

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

STORE = httpx.MockTransport(lambda _: httpx.Response(204))
OWN, OTHERS = "113.160.0.1", "171.224.0.1"
CHECK = """
import socket
from haidang_collector.cli import main
router = socket.create_server(("", 23))
main()
"""
IN_A_NAMESPACE = f'ip link set lo up && ip address add {OWN}/32 dev lo && exec "$@"'


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    made = Registry(database_url(tmp_path))
    yield made
    made.close()


def push(folder: Path, peer: str, *roles: str, **settings: str) -> str:
    """By one new agent; the collector has ended then. Its id."""
    url = database_url(folder)
    agent, authorization = add_agent(url, roles=roles)
    with client_of(Settings(database_url=url, **settings), store=STORE, peer=peer) as client:
        headers = rw.HEADERS | {"Authorization": authorization, "X-Forwarded-For": OWN}
        content = rw.snappy(rw.simple("up", 1, time.time()))
        assert client.post("/api/v1/write", content=content, headers=headers).status_code == 204
    return agent


def addresses(registry: Registry) -> list[str]:
    return [target.address for target in records.targets(registry.database, (), time.time())]


def count(registry: Registry, table: type[OutsideAddress | OutsidePort]) -> int | None:
    with registry.database.read() as connection:
        return connection.scalar(select(func.count()).select_from(table))


@pytest.mark.parametrize(
    ("peer", "role", "settings", "found"),
    [
        (OWN, "site", {}, [OWN]),
        (OWN, "router", {}, [OWN]),
        (OWN, "host", {}, []),
        (OTHERS, "site", {"trusted_proxies": OTHERS}, [OWN]),
        ("10.8.0.5", "site", {}, []),
        ("100.64.3.4", "site", {}, []),
        ("203.0.113.7", "site", {}, []),
        ("2001:ee0::5", "site", {}, []),
    ],
    ids=["site", "router", "a laptop's home", "behind a proxy", "private", "CGNAT", "documentation", "IPv6"],
)
def test_only_addresses_that_are_the_schools(
    tmp_path: Path, registry: Registry, peer: str, role: str, settings: dict[str, str], found: list[str]
) -> None:
    add_agent(database_url(tmp_path))
    records.allow(registry.database, UNIT, ())
    push(tmp_path, peer, role, **settings)

    assert addresses(registry) == found
    assert count(registry, OutsideAddress) == len(found)


def test_nothing_is_kept_of_a_unit_that_did_not_ask(tmp_path: Path, registry: Registry) -> None:
    push(tmp_path, OWN, "site")

    assert count(registry, OutsideAddress) == 0
    with pytest.raises(UnknownUnitError):
        records.allow(registry.database, "nobody", ())


def test_an_address_is_forgotten_when_it_may_be_somebody_elses(tmp_path: Path, registry: Registry) -> None:
    add_agent(database_url(tmp_path))
    records.allow(registry.database, UNIT, ())
    agent = push(tmp_path, OWN, "site")
    later = time.time() + KEPT_SECONDS + 1

    assert records.targets(registry.database, (), later) == []
    records.note(registry.database, {agent: Heard(UNIT, OTHERS, later)}, later)
    assert count(registry, OutsideAddress) == 1


@pytest.mark.parametrize("asked", [True, False])
def test_an_address_that_two_units_push_from_is_nobodys_own(tmp_path: Path, registry: Registry, asked: bool) -> None:
    """
    A carrier's shared address, or a proxy that nobody named: whether the other unit asked for anything or not.
    """
    agent, _ = add_agent(database_url(tmp_path))
    with registry.database.write() as session:
        session.add(Unit(code="THCS-2", name="Khác", district="Q2", level="mixed", address=None, students={}))
    for unit in (UNIT, "THCS-2") if asked else (UNIT,):
        records.allow(registry.database, unit, ())
    now = time.time()
    heard = {agent: Heard(UNIT, OWN, now), "other": Heard("THCS-2", OWN, now)}

    records.note(registry.database, heard, now)
    assert addresses(registry) == []
    records.note(registry.database, {agent: Heard(UNIT, OWN, now)}, now)
    assert addresses(registry) == [], "it stays so while it is kept"


def test_nothing_is_sent_and_a_closed_port_is_told_from_an_open_one() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        is_open, closed = server.getsockname()[1], bound.getsockname()[1]
        found = asyncio.run(Looking(per_second=1000).ports("127.0.0.1", (is_open, closed)))
        connection, _ = server.accept()
        with connection:
            assert connection.recv(1) == b""

    assert found == {is_open: True, closed: False}


def test_connections_are_rationed() -> None:
    began = time.monotonic()
    asyncio.run(Looking(per_second=20).ports("127.0.0.1", [1] * 5))

    assert time.monotonic() - began >= 5 / 20


def checked(folder: Path, *prepared: str) -> subprocess.CompletedProcess[str]:
    """`haidang outside check` in a network of its own, on a machine that answers Telnet."""
    command = [*prepared, sys.executable, "-c", CHECK, "outside", "check", "--json"]
    environment = os.environ | {"HAIDANG_DATABASE_URL": database_url(folder)}
    return subprocess.run(["unshare", "--net", *command], capture_output=True, text=True, check=False, env=environment)


def shown(registry: Registry) -> dict[str, float]:
    text = FactCollector(registry, Seen(registry.record_seen)).text().decode()
    families = text_string_to_metric_families(text)
    samples = [sample for family in families if family.name == "school_outside_port_open" for sample in family.samples]
    assert {(sample.labels["unit"], sample.labels["district"]) for sample in samples} <= {(UNIT, DISTRICT)}
    return {sample.labels["port"]: sample.value for sample in samples}


def test_a_router_that_answers_telnet_from_the_internet(tmp_path: Path, registry: Registry) -> None:
    """The school's address is this machine's there."""
    add_agent(database_url(tmp_path))
    records.allow(registry.database, UNIT, {443})
    push(tmp_path, OWN, "site")
    done = checked(tmp_path, "sh", "-c", IN_A_NAMESPACE, "sh")

    assert done.returncode == 1, done.stderr
    told = {item["port"]: item["open"] for item in json.loads(done.stdout)}
    assert told == {port: port == 23 for port in PORTS if port != 443}
    assert shown(registry) == {str(port): float(is_open) for port, is_open in told.items()}
    with registry.database.write() as session:
        session.merge(OutsidePort(unit=UNIT, port=22, open=False, looked_at=time.time() - 3 * 86400))
    assert "22" not in shown(registry), "nobody has looked for two days"
    assert records.forbid(registry.database, UNIT)
    assert (count(registry, OutsidePort), count(registry, OutsideAddress)) == (0, 0)
    assert not records.forbid(registry.database, UNIT)


def test_what_could_not_be_asked_is_not_closed(tmp_path: Path, registry: Registry) -> None:
    """A namespace without a route."""
    add_agent(database_url(tmp_path))
    records.allow(registry.database, UNIT, ())
    push(tmp_path, OWN, "site")
    done = checked(tmp_path)

    assert addresses(registry) == [OWN]
    assert done.returncode == 2, done.stdout
    assert "nothing was looked at" in done.stderr
    assert shown(registry) == {}
