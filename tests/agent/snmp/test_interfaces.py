"""Interfaces from IF-MIB: names, types, speeds, states, counters, and what devices tell wrongly."""

import pytest
from haidang_agent.snmp.if_types import type_name
from haidang_agent.snmp.interfaces import Interface, read_interfaces, speed
from hypothesis import given
from hypothesis import strategies as st

from tests.agent.snmp.recording import RECORDINGS, Recording
from tests.agent.snmp.strange import strange_tables

IF, IF_X = "1.3.6.1.2.1.2.2.1", "1.3.6.1.2.1.31.1.1.1"


def test_a_router_of_our_own_reads_right():
    session = Recording.read(RECORDINGS / "router.snmprec")

    by_name = {interface.name: interface for interface in read_interfaces(session)}

    assert by_name["ether1"] == Interface(
        1,
        "ether1",
        "wan VNPT",
        "ether1",
        "ethernetCsmacd",
        10**9,
        "02:aa:bb:cc:00:01",
        "up",
        "up",
        5 * 10**9,
        17 * 10**9,
        64,
    )
    assert (by_name["sfp1"].speed_bps, by_name["sfp1"].oper) == (10**10, "down")
    assert (by_name["pppoe-out1"].type, by_name["pppoe-out1"].mac, by_name["pppoe-out1"].speed_bps) == ("ppp", None, 0)
    assert (by_name["bridge"].alias, by_name["bridge"].mac) == ("mạng trường", None)
    assert by_name["ether2"].alias is None
    assert by_name["ether2"].in_octets == 100, "a 64-bit counter that is left at 0"
    assert session.problems == []


def test_without_ifxtable_there_is_a_name_and_32_bits():
    session = Recording({
        f"{IF}.2.7": b"V-WAN3\x00\x1b[31m", f"{IF}.3.7": 6, f"{IF}.7.7": 0, f"{IF}.8.7": 0, f"{IF}.10.7": 41,
    })  # fmt: skip

    (only,) = read_interfaces(session)

    assert (only.index, only.name, only.descr) == (7, "V-WAN3 [31m", "V-WAN3 [31m")
    assert (only.in_octets, only.out_octets, only.bits, only.speed_bps) == (41, None, 32, None)
    assert (only.admin, only.oper) == (None, None)
    assert session.problems == [
        "ifAdminStatus: 1 of 1 interfaces say 0, which the MIB does not have, as 7",
        "ifOperStatus: 1 of 1 interfaces say 0, which the MIB does not have, as 7",
    ]


def test_sound_columns_are_used_where_others_are_missing_or_of_a_wrong_type():
    session = Recording({
        f"{IF}.2.1": b"eth0", f"{IF}.2.2": 5, f"{IF}.3.1": b"six", f"{IF}.3.2": 6, f"{IF}.5.1": -1,
        f"{IF}.6.1": b"00:1B:21:AA:bb:cc", f"{IF}.6.2": b"\x00\x1b", f"{IF}.7.1": 1, f"{IF}.7.2": 1,
        f"{IF}.8.1": 1, f"{IF}.8.4.4": 1,
    })  # fmt: skip

    first, second = read_interfaces(session)

    assert (first.name, first.type, first.speed_bps, first.mac, first.oper) == (
        "eth0",
        None,
        None,
        "00:1b:21:aa:bb:cc",
        "up",
    )
    assert (second.name, second.type, second.mac, second.oper) == (None, "ethernetCsmacd", None, None)
    assert session.problems == [
        "ifDescr: 1 of 2 values are of no use, as 2",
        "ifType: 1 of 2 values are of no use, as 1",
        "ifSpeed: 1 of 1 values are of no use, as 1",
        "ifTable: 1 rows have an index of several numbers, as 4.4",
        "ifType: 1 of 2 interfaces lack it, as 1",
        "ifOperStatus: 1 of 2 interfaces lack it, as 2",
    ]


@pytest.mark.parametrize(
    ("low", "high", "bits_per_second"),
    [
        (100_000_000, 100, 100_000_000),
        (4_294_967_295, 10_000, 10_000_000_000),
        (1_410_065_408, 10_000, 10_000_000_000),  # 10^10 modulo 2^32
        (2_488_320_000, 2_488, 2_488_320_000),
        (0, 1_000, 1_000_000_000),
        (4_294_967_295, None, 4_294_967_295),
        (4_294_967_295, 0, 4_294_967_295),
        (0, 0, 0),
        (None, None, None),
        (None, 100, 100_000_000),
    ],
)
def test_speed_is_taken_from_where_it_fits(low, high, bits_per_second):
    assert speed(low, high) == bits_per_second


def test_types_are_ianas():
    numbers = {6: "ethernetCsmacd", 23: "ppp", 71: "ieee80211", 131: "tunnel", 161: "ieee8023adLag", 209: "bridge"}
    later = {250: "gpon", 272: "vmwareNicTeam", 277: "docsOfdmDownstream", 290: "ghn", 275: "275", 9999: "9999"}

    assert {number: type_name(number) for number in numbers | later} == numbers | later


@given(strange_tables((IF, IF_X), st.integers(1, 20)))
def test_no_nonsense_is_a_crash_or_a_state_that_the_mib_does_not_have(rows):
    session = Recording(rows)

    for interface in read_interfaces(session):
        assert interface.oper in (None, "up", "down", "testing", "unknown", "dormant", "notPresent", "lowerLayerDown")
        assert interface.name is None or interface.name.isprintable()
        assert interface.speed_bps is None or interface.speed_bps >= 0
