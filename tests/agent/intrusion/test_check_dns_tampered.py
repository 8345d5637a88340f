"""A lying resolver (dnsmasq) against what the centre sees; a CDN, a renewed certificate and silence are no lies."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from haidang_agent.intrusion.checks.dns_tampered import CHECK, owner
from haidang_agent.intrusion.names import name_servers, question
from haidang_agent.intrusion.settings import Settings
from haidang_agent.lanwatch.protocols.dns import read

from tests.agent.intrusion.authority import Authority
from tests.agent.intrusion.internet import RESOLVER, Internet
from tests.agent.intrusion.looking import Looked, look

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TRUE, ELSEWHERE, EVIL = "203.0.113.10", "9.9.9.10", "9.9.9.66"
SITES = ["hcm.edu.vn 203.0.113.0/24", "smas.edu.vn", "moet.gov.vn", "e-ict.gov.vn"]
HONEST = (f"hcm.edu.vn,{TRUE}", "smas.edu.vn,8.8.4.4", "moet.gov.vn,1.1.1.1", "e-ict.gov.vn,8.8.8.8")


@pytest.fixture(scope="module")
def internet() -> Iterator[Internet]:
    with Internet() as made:
        yield made


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"), "True CA")


def severity(looked: Looked) -> str:
    """Of the incident of the one name server, empty where there is none."""
    assert looked.problem == ""
    assert set(looked.found) <= {(RESOLVER,)}
    return looked.found.get((RESOLVER,), ("", ""))[0]


def instead(name: str, address: str) -> list[str]:
    """The honest answers but for one name."""
    return [record for record in HONEST if not record.startswith(f"{name},")] + [f"{name},{address}"]


def test_an_honest_resolver(internet: Internet) -> None:
    with internet.names(*HONEST):
        assert severity(look(internet, "dns_tampered", known_sites=SITES)) == ""


def test_names_that_do_not_exist_lead_to_an_address(internet: Internet) -> None:
    with internet.names(*HONEST, f"#,{EVIL}"):
        looked = look(internet, "dns_tampered", known_sites=SITES)

    assert looked.found[RESOLVER,] == (
        "warning", f"{RESOLVER} has the address {EVIL} for names that do not exist (*.edu.vn, *.com)",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("name", "address"), [("hcm.edu.vn", EVIL), ("smas.edu.vn", "192.168.1.1"), ("moet.gov.vn", "127.0.0.2")]
)
def test_a_known_site_leads_where_it_cannot_be(internet: Internet, name: str, address: str) -> None:
    with internet.names(*instead(name, address)):
        looked = look(internet, "dns_tampered", known_sites=SITES)

    assert severity(looked) == "critical"
    assert f"{name} ({address})" in looked.found[RESOLVER,][1]


def test_a_site_that_is_spread_over_the_world_may_be_anywhere(internet: Internet) -> None:
    with internet.names(*instead("smas.edu.vn", ELSEWHERE)):
        assert severity(look(internet, "dns_tampered", known_sites=SITES)) == ""


def test_sites_of_many_owners_at_one_address(internet: Internet) -> None:
    with internet.names(HONEST[0], *(f"{name},{EVIL}" for name in ("smas.edu.vn", "moet.gov.vn", "e-ict.gov.vn"))):
        assert severity(look(internet, "dns_tampered", known_sites=SITES)) == "critical"
    with internet.names(*HONEST[:2], *(f"{name},{EVIL}" for name in ("moet.gov.vn", "e-ict.gov.vn"))):
        assert severity(look(internet, "dns_tampered", known_sites=SITES)) == "", "two may share a server"


def test_who_has_the_certificate_is_the_site(internet: Internet, authority: Authority, tmp_path: Path) -> None:
    """It has moved, or is served from inside the school; also with an expired certificate."""
    known = {"known_sites": SITES, "known_issuers": [authority.known]}
    forger = Authority(tmp_path, "True CA")
    with internet.names(*instead("hcm.edu.vn", "10.1.2.3")):
        with internet.site("10.1.2.3", f"hcm.edu.vn={authority.issue('hcm.edu.vn')}"):
            assert severity(look(internet, "dns_tampered", **known)) == ""
        with internet.site("10.1.2.3", f"hcm.edu.vn={authority.issue('hcm.edu.vn', (-9, -1))}"):
            assert severity(look(internet, "dns_tampered", **known)) == ""
        with internet.site("10.1.2.3", f"hcm.edu.vn={forger.issue('hcm.edu.vn')}"):
            assert severity(look(internet, "dns_tampered", **known)) == "critical"
        with internet.site("10.1.2.3", f"hcm.edu.vn={authority.issue('other.edu.vn')}"):
            assert severity(look(internet, "dns_tampered", **known)) == "critical"


def test_a_site_without_an_answer_is_an_outage_and_silence_is_not_judged(internet: Internet) -> None:
    with internet.names(*HONEST[:1]):
        assert severity(look(internet, "dns_tampered", known_sites=SITES)) == ""
    looked = look(internet, "dns_tampered", known_sites=SITES)

    assert (looked.found, looked.problem) == ({}, f"timeout: no answer from {RESOLVER}")


@pytest.mark.parametrize(
    ("setting", "values", "problem"),
    [
        ("known_sites", ["hcm.edu.vn 203.0.113.1/24"], "misconfigured: known_sites 'hcm.edu.vn 203.0.113.1/24': "),
        ("known_sites", [""], "misconfigured: known_sites '': it begins with no name"),
        ("known_issuers", ["no base 64"], "misconfigured: known_issuers: "),
    ],
)
def test_what_cannot_be_read_is_named(internet: Internet, setting, values, problem) -> None:
    assert look(internet, "dns_tampered", **{setting: values}).problem.startswith(problem)


def test_a_certificate_that_is_none_is_named(internet: Internet) -> None:
    with internet.names(f"hcm.edu.vn,{EVIL}"):
        looked = look(internet, "dns_tampered", known_sites=SITES, known_issuers=["aGVsbG8="])

    assert looked.problem.startswith("misconfigured: known_issuers: ")


def test_name_servers_are_those_behind_the_stub(tmp_path: Path) -> None:
    stub, real, none = tmp_path / "stub", tmp_path / "real", tmp_path / "none"
    stub.write_text("nameserver 127.0.0.53\n")
    real.write_text("# two\nnameserver 10.0.0.1\nnameserver fe80::1\nnameserver 10.0.0.2\nsearch lan\nnameserver\n")

    assert [str(each) for each in name_servers(stub, real)] == ["10.0.0.1", "10.0.0.2"]
    assert [str(each) for each in name_servers(stub, none)] == ["127.0.0.53"]
    with pytest.raises(FileNotFoundError):
        name_servers(none, real)


@pytest.mark.parametrize(
    ("name", "registered"),
    [
        ("httt.hcm.edu.vn", "hcm.edu.vn"),
        ("moet.gov.vn", "moet.gov.vn"),
        ("www.vietschool.vn", "vietschool.vn"),
        ("vn", "vn"),
    ],
)
def test_the_owner_of_a_name(name: str, registered: str) -> None:
    assert owner(name) == registered


def test_the_question_is_one_for_addresses() -> None:
    said = read(question("hcm.edu.vn", 7))

    assert (said.id, said.name, said.type, said.is_response) == (7, "hcm.edu.vn", 1, False)


def test_it_can_be_switched_off() -> None:
    assert CHECK.every(Settings(dns_check_every_seconds=0)) == 0
