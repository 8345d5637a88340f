"""A proxy with an authority of its own between the school and the centre; renewed and expired certificates are none."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from haidang_agent.intrusion.checks.tls_intercepted import AGAIN_SECONDS, CHECK, MEMORY_KEY
from haidang_agent.intrusion.settings import Settings

from tests.agent.intrusion.authority import Authority
from tests.agent.intrusion.internet import Internet
from tests.agent.intrusion.looking import look

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = "203.0.113.10"
COLLECTOR = "collector.example"
SITES = ["hcm.edu.vn", "smas.edu.vn"]


@pytest.fixture(scope="module")
def internet() -> Iterator[Internet]:
    with Internet() as made, made.names(*(f"{name},{HERE}" for name in (*SITES, COLLECTOR))):
        yield made


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("authorities")


@pytest.fixture(scope="module")
def department(folder: Path) -> Authority:
    return Authority(folder, "Department CA")


@pytest.fixture(scope="module")
def public(folder: Path) -> Authority:
    return Authority(folder, "Public CA")


@pytest.fixture(scope="module")
def proxy(folder: Path) -> Authority:
    return Authority(folder, "School Filter CA")


def test_true_certificates(internet, department, public) -> None:
    certificates = [f"{name}={public.issue(name)}" for name in SITES]
    with internet.site(HERE, *certificates), internet.site(HERE, f"x={department.issue(COLLECTOR)}", port=8443):
        looked = look(
            internet, "tls_intercepted", server=(f"https://{COLLECTOR}:8443", str(department.pem)),
            known_sites=SITES, known_issuers=[department.known, public.known],
        )  # fmt: skip

    assert (looked.found, looked.problem) == ({}, "")


def test_a_proxy_is_one_incident_and_learns_no_secret(internet, department, public, proxy) -> None:
    certificates = [f"{name}={proxy.issue(name)}" for name in (*SITES, COLLECTOR)]
    with internet.site(HERE, *certificates) as said:
        looked = look(
            internet, "tls_intercepted", server=(f"https://{COLLECTOR}", str(department.pem)), known_sites=SITES,
            known_issuers=[public.known],
        )  # fmt: skip
        heard = {said.readline() for _ in range(3)}

    ((subject, (severity, sentence)),) = looked.found.items()
    assert (subject, severity) == (("School Filter CA",), "critical")
    assert sentence.startswith("collector.example, hcm.edu.vn, smas.edu.vn show certificates of School Filter CA")
    assert heard == {"0\n"}


def test_an_issuer_is_known_by_itself_without_its_root(internet, public, folder) -> None:
    below = Authority(folder, "Issuing CA", above=public)
    with internet.site(HERE, f"x={below.issue('hcm.edu.vn')}"):
        looked = look(internet, "tls_intercepted", known_sites=SITES[:1], known_issuers=[below.known])

    assert (looked.found, looked.problem) == ({}, "")


def test_an_authority_of_the_same_name_is_another(internet, department, tmp_path) -> None:
    forger = Authority(tmp_path, department.name)
    with internet.site(HERE, f"x={forger.issue(COLLECTOR)}"):
        looked = look(internet, "tls_intercepted", server=(f"https://{COLLECTOR}", str(department.pem)))

    assert [severity for severity, _ in looked.found.values()] == ["critical"]


def test_a_true_certificate_of_another_site_is_an_interception(internet, public) -> None:
    with internet.site(HERE, f"x={public.issue('login.hotel.example')}"):
        looked = look(internet, "tls_intercepted", known_sites=SITES[:1], known_issuers=[public.known])

    assert [severity for severity, _ in looked.found.values()] == ["critical"]


@pytest.mark.parametrize("days", [(-9, -1), (3, 9)], ids=["expired", "of tomorrow, or a clock that is behind"])
def test_dates_are_no_interception(internet, department, days) -> None:
    with internet.site(HERE, f"x={department.issue(COLLECTOR, days)}"):
        looked = look(internet, "tls_intercepted", server=(f"https://{COLLECTOR}", str(department.pem)))

    assert (looked.found, looked.problem) == ({}, "")


def test_a_forged_certificate_is_told_also_where_the_authoritys_own_is_over(internet, tmp_path) -> None:
    old = Authority(tmp_path, "Old CA", (-20, -10))
    (tmp_path / "forger").mkdir()
    forger = Authority(tmp_path / "forger", "Old CA")
    server = (f"https://{COLLECTOR}", str(old.pem))
    with internet.site(HERE, f"x={forger.issue(COLLECTOR)}"):
        assert look(internet, "tls_intercepted", server=server).found != {}


def test_a_site_that_changed_to_another_trusted_authority_is_a_warning(
    internet, public, department, monkeypatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(department.pem))
    with internet.site(HERE, f"x={department.issue('hcm.edu.vn')}"):
        looked = look(internet, "tls_intercepted", known_sites=SITES[:1], known_issuers=[public.known])

    assert {key: severity for key, (severity, _) in looked.found.items()} == {("Department CA",): "warning"}


def test_the_collector_may_have_no_certificate_but_the_departments(internet, public, department, monkeypatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(public.pem))
    with internet.site(HERE, f"x={public.issue(COLLECTOR)}"):
        looked = look(internet, "tls_intercepted", server=(f"https://{COLLECTOR}", str(department.pem)))

    assert {key: severity for key, (severity, _) in looked.found.items()} == {("Public CA",): "critical"}


def test_after_the_first_time_one_is_looked_at_in_turn(internet, department, public) -> None:
    own, sites = f"{COLLECTOR}={department.issue(COLLECTOR)}", [f"{name}={public.issue(name)}" for name in SITES]
    asked = {
        "server": (f"https://{COLLECTOR}", str(department.pem)), "known_sites": SITES, "known_issuers": [public.known],
    }  # fmt: skip
    turns, memory = [], None
    for handshakes in (3, 1, 1, 1, 1):
        with internet.site(HERE, own, *sites) as said:
            looked = look(internet, "tls_intercepted", memory=memory, **asked)
            heard = [said.readline() for _ in range(handshakes)]
        memory = looked.memory
        turns.append(memory[MEMORY_KEY]["turn"])
        assert (looked.found, looked.problem, set(heard)) == ({}, "", {"0\n"})

    assert turns == [0, 1, 2, 0, 1], "the collector, both sites, and the collector again"


def test_one_that_is_odd_has_all_looked_at_and_is_looked_at_each_minute(internet, department, public, proxy) -> None:
    """The collector is served honestly: the proxy takes the sites alone."""
    own = f"{COLLECTOR}={department.issue(COLLECTOR)}"
    true, forged = ([f"{name}={authority.issue(name)}" for name in SITES] for authority in (public, proxy))
    asked = {
        "server": (f"https://{COLLECTOR}", str(department.pem)), "known_sites": SITES, "known_issuers": [public.known],
    }  # fmt: skip
    with internet.site(HERE, own, *true):
        first = look(internet, "tls_intercepted", **asked)
    with internet.site(HERE, own, *forged):
        of_collector = look(internet, "tls_intercepted", memory=first.memory, **asked)
        of_site = look(internet, "tls_intercepted", memory=of_collector.memory, **asked)
    with internet.site(HERE, own, *true):
        soon = look(internet, "tls_intercepted", memory=of_site.memory, **asked)
        a_minute_ago = {MEMORY_KEY: soon.memory[MEMORY_KEY] | {"at": soon.memory[MEMORY_KEY]["at"] - AGAIN_SECONDS}}
        late = look(internet, "tls_intercepted", memory=a_minute_ago, **asked)

    assert (first.found, of_collector.found) == ({}, {})
    assert [text for _, text in of_site.found.values()] == [
        "hcm.edu.vn, smas.edu.vn show certificates of School Filter CA, which is none that the centre knows for them"
    ]
    assert list(soon.found) == [("School Filter CA",)], "one of the two was looked at, in turn"
    assert late.found == {}


def test_one_that_is_away_does_not_hide_the_others(internet, department, public) -> None:
    asked = {"server": (f"https://{COLLECTOR}:9", str(department.pem)), "known_sites": SITES[:1]}
    with internet.site(HERE, f"x={public.issue(SITES[0])}"):
        looked = look(internet, "tls_intercepted", known_issuers=[public.known], **asked)
        again = look(internet, "tls_intercepted", memory=looked.memory, known_issuers=[public.known], **asked)

    assert (looked.problem, again.problem, again.found) == ("", "", {})


def test_who_gives_no_handshake_is_not_judged(internet, department) -> None:
    looked = look(internet, "tls_intercepted", server=(f"https://{COLLECTOR}:9", str(department.pem)))

    assert (looked.found, looked.problem) == ({}, f"timeout: no handshake with {COLLECTOR}")


def test_without_anything_to_compare_with_it_says_so(internet) -> None:
    assert look(internet, "tls_intercepted").problem.startswith("misconfigured: neither [server] ca nor known_issuers")
    for server in (("http://127.0.0.1:8080", "/ca.pem"), (f"https://{COLLECTOR}", "")):
        assert look(internet, "tls_intercepted", server=server).problem.startswith("misconfigured")
    missing = look(internet, "tls_intercepted", server=(f"https://{COLLECTOR}", "/nowhere/ca.pem"))
    assert missing.problem.startswith("unreadable: [server] ca: ")


def test_it_can_be_switched_off() -> None:
    assert CHECK.every(Settings(tls_check_every_seconds=0)) == 0
