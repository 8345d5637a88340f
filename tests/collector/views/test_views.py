"""What the centre sees is what agents are told, and the agents' checks understand it."""

from __future__ import annotations

import subprocess
import sys
from ipaddress import IPv4Network
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from haidang_collector.registry.agent_config import own_tables, set_tables
from haidang_collector.registry.location import database_url
from haidang_collector.registry.store import Registry
from haidang_collector.views.looking import View
from haidang_collector.views.settings import laid_over, names_of, settings

from tests.agent.intrusion.authority import Authority
from tests.agent.intrusion.internet import RESOLVER, Internet
from tests.agent.intrusion.looking import look

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE, EVIL = "9.9.9.10", "10.0.0.66"
SITE, PLAIN = "hcm.edu.vn", "plain.edu.vn"
SERVICES = {"service": [{"name": "portal", "url": f"https://{SITE}/x"}], "probes": {"lan": {"ports": True}}}
NETWORK, OTHER = IPv4Network("9.9.9.0/24"), IPv4Network("9.9.8.0/24")


@pytest.fixture(scope="module")
def internet() -> Iterator[Internet]:
    with Internet() as made:
        yield made


def haidang(internet: Internet, data: Path, *words: str, ca: Path) -> subprocess.CompletedProcess[str]:
    program = str(Path(sys.executable).with_name("haidang"))
    command = internet.command("env", f"SSL_CERT_FILE={ca}", program, "views", *words, "--data", str(data))
    return subprocess.run(command, check=False, capture_output=True, text=True)


def told(data: Path) -> dict:
    registry = Registry(database_url(data))
    try:
        return own_tables(registry.database, None)
    finally:
        registry.close()


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    registry = Registry(database_url(folder))
    set_tables(registry.database, None, SERVICES)
    registry.close()
    return folder


def test_what_is_seen_is_set_and_agents_find_the_lie_and_the_proxy(
    internet: Internet, data: Path, tmp_path: Path
) -> None:
    public, proxy = Authority(tmp_path, "Public CA"), Authority(tmp_path, "Filter CA")
    certificate = f"{SITE}={public.issue(SITE)}"
    with internet.names(f"{SITE},{HERE}"), internet.site(HERE, certificate):
        done = haidang(internet, data, "--set", ca=public.pem)
    tables = told(data)
    known = tables["probes"]["intrusion"]

    assert (done.returncode, done.stderr) == (0, "")
    assert known == {"known_sites": [f"{SITE} 9.9.9.0/24"], "known_issuers": [public.known]}
    assert {key: tables[key] for key in ("service",)} == {"service": SERVICES["service"]}
    assert tables["probes"]["lan"] == {"ports": True}
    with internet.names(f"{SITE},{HERE}"), internet.site(HERE, certificate):
        assert look(internet, "dns_tampered", **known).found == {}
        assert look(internet, "tls_intercepted", **known).found == {}
    with internet.names(f"{SITE},{EVIL}"), internet.site(EVIL, f"{SITE}={proxy.issue(SITE)}"):
        assert look(internet, "dns_tampered", **known).found[RESOLVER,][0] == "critical"
        assert look(internet, "tls_intercepted", **known).found["Filter CA",][0] == "critical"


def test_what_is_not_seen_is_said_and_nothing_is_set_unasked(internet: Internet, data: Path, tmp_path: Path) -> None:
    public, own = Authority(tmp_path, "Public CA"), Authority(tmp_path, "Own CA")
    names = (f"{SITE},{HERE}", f"{PLAIN},8.8.8.8", "inside.edu.vn,10.0.0.9")
    internet.ip("route", "replace", "unreachable", "8.8.8.8/32")
    with internet.names(*names), internet.site(HERE, f"{SITE}={own.issue(SITE)}"):
        done = haidang(internet, data, PLAIN, "inside.edu.vn", "missing.edu.vn", ca=public.pem)

    assert done.returncode == 1
    assert done.stdout == (
        f'[probes.intrusion]\nknown_sites = [\n  "{SITE} 9.9.9.0/24",\n  "{PLAIN} 8.8.8.0/24"\n]\nknown_issuers = []\n'
    )
    assert [line.partition(" (")[0] for line in done.stderr.splitlines()] == [
        f"{SITE}: its certificate is not trusted here",
        f"{PLAIN}: no TLS at port 443",
        "inside.edu.vn: has the private address 10.0.0.9 here; left out",
        "missing.edu.vn: has no address here",
    ]
    assert told(data) == SERVICES


def test_without_a_site_there_is_nothing_to_look_at(internet: Internet, tmp_path: Path) -> None:
    done = haidang(internet, tmp_path / "new", ca=tmp_path)

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("no site to look at: ")


def test_a_site_in_many_places_is_spread_and_stays_so() -> None:
    networks = [IPv4Network(f"9.9.{number}.0/24") for number in range(6)]
    before: dict[str, object] = {}
    for number, network in enumerate(networks):
        before = settings([View(SITE, (network,), f"CA{number}")], before)
        spread = number >= 4
        assert before["known_sites"] == [SITE if spread else " ".join((SITE, *map(str, networks[: number + 1])))]
    assert before["known_issuers"] == [f"CA{number}" for number in range(6)]


def test_what_was_told_stays_where_a_site_is_not_seen() -> None:
    before = {"known_sites": [f"{SITE} {OTHER}", PLAIN], "known_issuers": ["CA"]}

    assert settings([View(SITE, problem="gone")], before) == before
    assert settings([View(SITE, (NETWORK,))], before)["known_sites"] == [f"{SITE} {OTHER} {NETWORK}", PLAIN]


def test_issuers_are_bounded() -> None:
    views = [View(f"site{number}.vn", (NETWORK,), f"CA{number:03}") for number in range(100)]

    assert settings(views, {})["known_issuers"] == [f"CA{number:03}" for number in range(68, 100)]


def test_other_settings_stay() -> None:
    tables = {"probes": {"intrusion": {"scanners": ["x"]}, "lan": {"ports": True}}, "agent": {}}

    assert laid_over(tables, {"known_sites": []}) == {
        "probes": {"intrusion": {"scanners": ["x"], "known_sites": []}, "lan": {"ports": True}}, "agent": {},
    }  # fmt: skip
    assert names_of(
        {"service": [{"url": "https://a.vn:8/x"}, {"url": "http://printer/"}, {}, {"url": "https://a.vn"}]}
    ) == ["a.vn"]
