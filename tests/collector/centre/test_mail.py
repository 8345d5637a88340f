"""Mail domains as a real dnsmasq tells them: each once for all its units, and what is not answered is not told."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from typing import TYPE_CHECKING

import pytest
from haidang_collector.centre import mail
from haidang_collector.registry.store import Registry

from tests.collector.centre.seen import register, told
from tests.collector.running import database_url
from tests.servers import free_port
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

RECORDS = (
    "--mx-host=tot.edu.vn,mx.tot.edu.vn,10",
    "--txt-record=tot.edu.vn,v=spf1 mx ~all",
    "--local=/edu.vn/",
)
DAY = 86_400.0


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    made = Registry(database_url(tmp_path))
    yield made
    made.close()


@pytest.fixture
def port() -> Iterator[int]:
    binary = shutil.which("dnsmasq", path="/usr/sbin:/usr/bin")
    if binary is None:
        raise FileNotFoundError("no dnsmasq; run: apt-get install dnsmasq-base")
    port = free_port()
    command = [
        binary, "--keep-in-foreground", "--conf-file=/dev/null", "--pid-file=", "--no-hosts", "--no-resolv",
        "--user=root", "--listen-address=127.0.0.1", "--bind-interfaces", f"--port={port}", *RECORDS,
    ]  # fmt: skip
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        eventually("dnsmasq", lambda: listens(port), seconds=10)
        yield port
        process.kill()


def listens(port: int) -> bool:
    with socket.create_connection(("127.0.0.1", port), 1):
        return True


def look(registry: Registry, port: int, now: float, units: tuple[str, ...] = ()) -> list[str]:
    asking = mail.asking(100, ["127.0.0.1"], port)
    return [domain for domain, _ in mail.look(registry.database, asking, units, now=now)]


def test_a_domain_is_asked_for_once_and_told_of_each_of_its_units(registry: Registry, port: int) -> None:
    register(registry, {"A": None, "B": None}, "tot.edu.vn")
    now = time.time()

    assert look(registry, port, now) == ["tot.edu.vn"]
    assert told(registry, "school_mail_domain_check") == {
        (unit, check): value for unit in "AB" for check, value in (("mx", 1), ("spf", 1), ("dmarc", 0))
    }
    assert look(registry, port, now + 1800) == []
    assert look(registry, port, now + 3700) == ["tot.edu.vn"]


def test_what_the_dns_does_not_answer_is_not_told(registry: Registry, port: int) -> None:
    """This dnsmasq refuses what is not its own."""
    register(registry, {"A": None}, "khac.com.vn")
    register(registry, {"B": None}, "không phải tên miền")

    assert look(registry, port, time.time(), ("A",)) == ["khac.com.vn"]
    assert len(look(registry, port, time.time())) == 1
    assert told(registry, "school_mail_domain_check") == {}


def test_what_was_told_two_days_ago_is_not_told_any_more(registry: Registry, port: int) -> None:
    register(registry, {"A": None}, "tot.edu.vn")
    look(registry, port, time.time() - 2 * DAY - 10)

    assert told(registry, "school_mail_domain_check") == {}


def test_domains_that_were_asked_for_longest_ago_come_first_and_a_round_has_an_end(
    registry: Registry, port: int
) -> None:
    now = time.time()
    register(registry, {"A": None}, "tot.edu.vn")
    look(registry, port, now - DAY)
    register(registry, {"B": None}, "moi.tot.edu.vn")
    asking = mail.asking(100, ["127.0.0.1"], port)

    assert list(mail.look(registry.database, asking, now=now, most_seconds=0)) == []
    assert look(registry, port, now) == ["moi.tot.edu.vn", "tot.edu.vn"]
