from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from haidang_collector.registry.agent_config import (
    BadAgentConfigError,
    encode,
    etag_matches,
    merge,
    own_tables,
    parse_toml,
    set_tables,
    tables_for,
)
from haidang_collector.registry.models import Contract, Lab, Portal, UnitConfig
from haidang_collector.registry.tokens import UnknownUnitError
from sqlalchemy.exc import IntegrityError

if TYPE_CHECKING:
    from haidang_collector.registry.store import Registry

DEFAULT = """
[agent]
push_interval = "15s"
[probes.internet]
targets = ["192.0.2.1"]
interval = "1s"
[[service]]
name = "smas"
url = "https://smas.edu.vn/"
"""
OWN = """
[probes.internet]
targets = ["198.51.100.7"]
[probes.lan]
enabled = false
[[service]]
name = "smas"
interval = "5m"
[[service]]
name = "portal"
url = "https://th-001.example/"
[[wan]]
name = "wan1"
isp = "VNPT"
"""


def test_a_unit_without_anything_of_its_own_gets_the_default(registry: Registry) -> None:
    assert tables_for(registry.database, "TH-001") == {}

    set_tables(registry.database, None, parse_toml(DEFAULT))

    assert tables_for(registry.database, "TH-001") == parse_toml(DEFAULT)


def test_the_units_own_tables_lie_over_the_default_by_name(registry: Registry) -> None:
    set_tables(registry.database, None, parse_toml(DEFAULT))
    set_tables(registry.database, "TH-001", {})
    set_tables(registry.database, "TH-001", parse_toml(OWN))

    assert tables_for(registry.database, "TH-001") == {
        "agent": {"push_interval": "15s"},
        "probes": {"internet": {"targets": ["198.51.100.7"], "interval": "1s"}, "lan": {"enabled": False}},
        "service": [
            {"name": "smas", "url": "https://smas.edu.vn/", "interval": "5m"},
            {"name": "portal", "url": "https://th-001.example/"},
        ],
        "wan": [{"name": "wan1", "isp": "VNPT"}],
    }
    assert tables_for(registry.database, "THCS-002") == parse_toml(DEFAULT)
    assert own_tables(registry.database, "TH-001") == parse_toml(OWN)
    assert own_tables(registry.database, "THCS-002") == {}
    assert own_tables(registry.database, None) == parse_toml(DEFAULT)


def test_merging_changes_neither() -> None:
    default, own = parse_toml(DEFAULT), parse_toml(OWN)

    merge(default, own)

    assert (default, own) == (parse_toml(DEFAULT), parse_toml(OWN))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[server]\nurl = 'https://x'", r"\[server\]: stands only in the school's own"),
        ("[probe]\n", r"\[probe\]: unknown table; known are agent, lab, portal, privacy, probes, service, snmp, wan"),
        ("agent = 3", r"agent = 3: is no table; write \[agent\]"),
        ("[probes]\ninternet = true", r"probes.internet = True: is no table"),
        ("[wan]\nname = 'x'", r"wan: is no list of tables; write \[\[wan\]\]"),
        ("wan = ['x']", r"wan: is no list of tables"),
        ("[[wan]]\nisp = 'VNPT'", r"\[\[wan\]\] number 1: has no name"),
        ("[[snmp]]\nname = 'x'", r"\[\[snmp\]\] number 1: has no host"),
        ("[[lab]]\nname = 'a'\n[[lab]]\nname = 'a'", r"\[\[lab\]\] name = 'a': stands twice"),
        ("[agent]\nsince = 2026-11-24", r"agent.since = 2026-11-24: neither text, number"),
        ("[agent]\nlist = [1, nan]", r"agent.list\[2\] = nan"),
        ("[agent\n", r"no TOML: .*line 1"),
        ("x = " + "[" * 20_000, "nested too deeply"),
        ("agent." + "a." * 2_000 + "a = 1", "nested too deeply"),
        ("[probes]\nx = [{" + "a." * 2_000 + "a = 1}]", "nested too deeply"),
        ("[agent]\nx = " + "9" * 5_000, "no TOML: .*limit"),
        ("[agent]\nx = '" + "y" * 300_000 + "'", "more than 262144 bytes"),
    ],
)
def test_a_bad_file_is_refused_by_key_and_mend(text: str, words: str) -> None:
    with pytest.raises(BadAgentConfigError, match=words):
        parse_toml(text)


def test_nothing_is_set_for_an_unknown_unit(registry: Registry) -> None:
    with pytest.raises(UnknownUnitError):
        set_tables(registry.database, "TH-999", {})
    with pytest.raises(UnknownUnitError):
        own_tables(registry.database, "TH-999")


def test_passwords_in_it_do_not_reach_the_text_of_a_database_error(registry: Registry) -> None:
    tables = {"snmp": [{"host": "192.0.2.1", "community": "hush-hush"}]}
    with pytest.raises(IntegrityError) as failed, registry.database.write() as session:
        session.add(UnitConfig(unit="nowhere", tables=tables, updated_at=datetime.now(UTC)))

    assert "hush-hush" not in str(failed.value)


def test_an_etag_is_of_the_content_whatever_its_order() -> None:
    first, second, other = encode({"a": 1, "b": 2}), encode({"b": 2, "a": 1}), encode({"a": 1})

    assert first == second
    assert first[1] != other[1]


@pytest.mark.parametrize(
    ("header", "matches"),
    [('"x"', True), ('W/"x"', True), ('"a", "x"', True), ("*", True), ('"y"', False), (None, False), ("x", False)],
)
def test_if_none_match_as_rfc_9110_has_it(header: str | None, matches: bool) -> None:
    assert etag_matches(header, '"x"') is matches


def contract(wan: str, number: str, isp: str, **told: object) -> Contract:
    return Contract(unit="TH-001", wan=wan, number=number, isp=isp, **told)


def test_lines_and_rooms_of_the_registry_are_told_under_the_units_own(registry: Registry) -> None:
    today = datetime.now(UTC).date()
    with registry.database.write() as session:
        session.add(contract("wan1", "A", "VNPT", medium="fibre", starts=today - timedelta(900), ends=today))
        session.add(contract("wan2", "B", "FPT", starts=today + timedelta(1)))
        session.add(contract("wan2", "C", "CMC", medium="copper", ends=today - timedelta(1)))
        session.add(contract("wan3", "", "Viettel"))
        session.add(Lab(unit="TH-001", name="Phòng máy 1", cidr="10.20.1.0/24", vlan=20, computers=40, level="primary"))
        session.add(Lab(unit="TH-001", name="Phòng máy 2"))
        lists = {
            "subnets": "10.20.3.0/24 10.20.4.0/24",
            "ports": "sw1 Gi1-8,eth9; sw2 5",
            "machines": "8c:ec:4b:00:00:01",
        }
        session.add(Lab(unit="TH-001", name="Phòng máy 3", **lists))

    assert tables_for(registry.database, "TH-001") == {
        "wan": [{"name": "wan1", "isp": "VNPT", "medium": "fibre"}, {"name": "wan3", "isp": "Viettel"}],
        "lab": [
            {"name": "Phòng máy 1", "cidr": "10.20.1.0/24", "vlan": 20, "declared": 40, "level": "primary"},
            {"name": "Phòng máy 2"},
            {
                "name": "Phòng máy 3",
                "subnets": ["10.20.3.0/24", "10.20.4.0/24"],
                "ports": ["sw1 Gi1-8,eth9", "sw2 5"],
                "machines": ["8c:ec:4b:00:00:01"],
            },
        ],
    }
    assert tables_for(registry.database, "THCS-002") == {}

    set_tables(registry.database, None, parse_toml('[[wan]]\nname = "wan1"\nisp = ""\ntargets = ["192.0.2.1"]\n'))
    own = '[[wan]]\nname = "wan1"\nmedium = "cellular"\n[[lab]]\nname = "Phòng máy 1"\ndeclared = 38\n'
    set_tables(registry.database, "TH-001", parse_toml(own))

    told = tables_for(registry.database, "TH-001")
    assert told["wan"][0] == {"name": "wan1", "isp": "VNPT", "medium": "cellular", "targets": ["192.0.2.1"]}
    assert (told["lab"][0]["declared"], told["lab"][0]["cidr"]) == (38, "10.20.1.0/24")


def test_the_portal_of_the_registry_is_told_and_the_units_own_table_has_the_last_word(registry: Registry) -> None:
    with registry.database.write() as session:
        session.add(Portal(unit="TH-001", url="https://th-001.example/", mail_domain="th-001.edu.vn"))
        session.add(Portal(unit="THCS-002", mail_domain="thcs-002.edu.vn"))
    set_tables(registry.database, "TH-001", parse_toml('[portal]\nurl = "https://other.example/"\n'))

    assert tables_for(registry.database, "TH-001") == {
        "portal": {"url": "https://other.example/", "mail_domain": "th-001.edu.vn"}
    }
    assert tables_for(registry.database, "THCS-002") == {"portal": {"mail_domain": "thcs-002.edu.vn"}}


def test_of_two_contracts_for_a_line_the_one_that_began_last_holds(registry: Registry) -> None:
    today = datetime.now(UTC).date()
    with registry.database.write() as session:
        session.add(contract("wan1", "Z", "VNPT"))
        session.add(contract("wan1", "A", "FPT", starts=today))
        session.add(contract("wan1", "M", "CMC", starts=today - timedelta(30)))

    assert tables_for(registry.database, "TH-001") == {"wan": [{"name": "wan1", "isp": "FPT"}]}
