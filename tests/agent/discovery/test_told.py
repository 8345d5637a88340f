"""What routers and switches tell, where they stop or go in circles midway: that is said, not taken for all there is."""

from __future__ import annotations

import pytest
from haidang_agent.discovery.survey import Plan, survey
from haidang_agent.discovery.told import Told, read_all
from haidang_agent.tables import Snmp

from tests.agent.snmp.responder import Device, Lies, Responder, encoded, tlv

ARP, FDB = "1.3.6.1.2.1.4.22.1.2", "1.3.6.1.2.1.17.4.3.1.2"
MAC = "8cec4b0000%02x"
NAME = b"\x1b]0;x\x07gi\xe2\x80\xae1 VLAN 20"
ROWS = {
    "1.3.6.1.2.1.1.5.0": tlv(4, b"\x1b[31mtu dien\r\n" + b"A" * 1200),
    "1.3.6.1.2.1.2.2.1.1.1": encoded("2", b"1"),
    "1.3.6.1.2.1.31.1.1.1.1.1": tlv(4, NAME),
    "1.3.6.1.2.1.17.1.4.1.2.1": encoded("2", b"1"),
    **{f"{ARP}.1.10.20.7.{number}": tlv(4, bytes.fromhex(MAC % number)) for number in range(1, 40)},
    **{f"{FDB}.140.236.75.0.0.{number}": encoded("2", b"1") for number in range(1, 40)},
}


def read(lies: Lies) -> tuple[Told, list[str]]:
    """What a device tells who lies so, and the problems that a survey has with it."""
    with Responder({"public": Device(ROWS)}, lies) as device:
        target = Snmp("127.0.0.1", device.port, community="public")
        (told,) = read_all([target])
        assert isinstance(told, Told)
        return told, survey(Plan(networks=(), snmp=(target,))).problems.told(translated=False)


def test_a_table_that_was_read_to_its_end_is_no_problem() -> None:
    told, problems = read(Lies())

    assert len(told.arp) == len(told.places) == 39
    assert told.cut == ""
    assert not any(problem.startswith("SNMP:") for problem in problems)


@pytest.mark.parametrize("table", [ARP, FDB])
def test_a_table_that_goes_in_circles_was_not_read(table: str) -> None:
    first, fifth = sorted(oid for oid in ROWS if oid.startswith(table))[:5:4]

    told, problems = read(Lies(circle={fifth: first}))

    assert told.cut.startswith(f"{table}: ")
    assert [problem for problem in problems if problem.startswith(f"SNMP: 127.0.0.1: {table}: ")]


def test_a_device_that_sends_rubbish_has_told_nothing() -> None:
    told, problems = read(Lies(garbage=b"\x30\x84\xff\xff\xff\xff"))

    assert (told.arp, told.places) == ((), {})
    assert "no SNMP" in told.cut
    assert any(problem.startswith("SNMP: 127.0.0.1: ") for problem in problems)


def test_names_are_in_one_line_without_control_characters() -> None:
    told, _ = read(Lies())

    assert {place.isprintable() for place in told.places.values()} == {True}
    assert all(sign.text.isprintable() for sign in told.signs)
