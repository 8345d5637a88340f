"""ARP, FDB, default routes, LLDP: from whichever MIB a device has them in."""

from ipaddress import IPv4Address

import pytest
from haidang_agent.snmp.forwarding import Forwarding, read_forwarding
from haidang_agent.snmp.lldp import LldpNeighbour
from haidang_agent.snmp.neighbours import Neighbour, read_neighbours
from haidang_agent.snmp.reading import read
from haidang_agent.snmp.routes import DefaultRoute, read_default_routes
from haidang_agent.snmp.session import SnmpError
from haidang_agent.snmp.system import System, read_system
from haidang_agent.snmp.wan_guess import Proposal
from hypothesis import given
from hypothesis import strategies as st

from tests.agent.snmp.recording import RECORDINGS, Recording
from tests.agent.snmp.strange import strange_tables

MAC = b"\x02\x00\x00\x00\x00\x0a"
LABELS = {3: "wan1", 4: "lan"}


def test_a_router_of_our_own():
    session = Recording.read(RECORDINGS / "router.snmprec")

    reading = read(session)

    assert reading.system == System("1.3.6.1.4.1.14988.1", "RouterOS RB5009", "router-thcs", 86400.0, "Phòng máy 1", 78)
    assert Neighbour("10.20.0.10", "02:00:00:00:00:0a", 12) in reading.arp
    assert Neighbour("10.20.0.11", "00:00:00:00:00:00", 12) in reading.arp, "asked for, and nobody answered"
    assert reading.default_routes == [DefaultRoute("203.0.113.1", "pppoe-out1", 11)], "RouterOS says no interface"
    assert reading.lldp == [LldpNeighbour("ether2", "02:00:00:00:cc:01", "gi24", "switch-tang-1")]
    assert [(each.interface, each.isp) for each in reading.wan_interfaces] == [
        ("ether1", "VNPT"), ("sfp1", "Viettel"), ("pppoe-out1", None),
    ]  # fmt: skip
    assert reading.wan_interfaces[2] == Proposal(
        "pppoe-out1", "wan3", None,
        ["the default route leaves by it", "it is a PPP link", "its name has the word: pppoe"],
    )  # fmt: skip
    assert (reading.printer, reading.optics, reading.problems) == (None, [], [])


def test_a_switch_of_our_own_keeps_addresses_by_vlan():
    """The FDB's number is looked up in the VLAN map; one row writes the address's length before it; port 0 is none."""
    session = Recording.read(RECORDINGS / "switch.snmprec")

    assert read(session).fdb == [
        Forwarding("02:00:00:00:00:01", "gi1", 10),
        Forwarding("02:00:00:00:00:02", "gi2", 20),
        Forwarding("02:00:00:00:00:03", "9", 20),
        Forwarding("02:00:00:00:00:04", None, 3),
        Forwarding("02:00:00:00:00:05", "gi3", None),
    ]


def test_ciscos_table_a_vlan_is_asked_vlan_by_vlan():
    asked = []

    def of_vlan(vlan: int) -> Recording:
        asked.append(vlan)
        return Recording.read(RECORDINGS / f"cisco@{vlan}.snmprec")

    reading = read(Recording.read(RECORDINGS / "cisco.snmprec"), of_vlan)

    assert asked == [10], "not VLAN 1, which was read already, nor those for FDDI and Token Ring"
    assert reading.fdb == [Forwarding("02:00:00:00:00:09", "Fa0/2", 10)]


def test_vlans_that_do_not_answer_end_neither_the_reading_nor_the_patience():
    class Silent(Recording):
        def walk(self, oid: str) -> dict:
            raise SnmpError(f"10.20.0.2:161 does not answer {oid}")

    vlans = {f"1.3.6.1.4.1.9.9.46.1.3.1.1.2.1.{vlan}": 1 for vlan in range(2, 40)}
    session = Recording(vlans)

    assert read_forwarding(session, {}, lambda _vlan: Silent({})) == []
    assert session.problems[0] == "VLAN 2: no answer to the community with @2 behind it"
    assert session.problems[-1] == "FDB: the other VLANs were not asked"
    assert len(session.problems) == 5


@pytest.mark.parametrize(
    ("oid", "ip"),
    [
        ("1.3.6.1.2.1.4.22.1.2.3.192.0.2.7", "192.0.2.7"),
        ("1.3.6.1.2.1.4.35.1.4.3.1.4.192.0.2.7", "192.0.2.7"),
        ("1.3.6.1.2.1.4.35.1.4.3.2.16.32.1.13.184.0.0.0.0.0.0.0.0.0.0.0.1", "2001:db8::1"),
        ("1.3.6.1.2.1.3.1.1.2.3.1.192.0.2.7", "192.0.2.7"),
    ],
)
def test_arp_is_found_wherever_it_is(oid, ip):
    session = Recording({oid: MAC})

    assert read_neighbours(session) == [Neighbour(ip, "02:00:00:00:00:0a", 3)]
    assert session.problems == []


def test_an_arp_row_without_an_address_keeps_its_mac_and_is_named():
    session = Recording({"1.3.6.1.2.1.4.22.1.2.154": MAC, "1.3.6.1.2.1.4.22.1.2.3.192.0.2.7": b"02:00:00:00:00:0A"})

    assert read_neighbours(session) == [
        Neighbour("192.0.2.7", "02:00:00:00:00:0a", 3), Neighbour(None, "02:00:00:00:00:0a", None),
    ]  # fmt: skip
    assert session.problems == ["ipNetToMediaPhysAddress: 1 rows have an index without an address, as 154"]


@pytest.mark.parametrize(
    ("rows", "route"),
    [
        (
            {"1.3.6.1.2.1.4.24.7.1.7.1.4.0.0.0.0.0.2.0.0.1.4.192.0.2.1": 3},
            DefaultRoute("192.0.2.1", "wan1", 3),
        ),
        ({"1.3.6.1.2.1.4.24.4.1.5.0.0.0.0.0.0.0.0.0.192.0.2.1": 3}, DefaultRoute("192.0.2.1", "wan1", 3)),
        ({"1.3.6.1.2.1.4.24.4.1.5.0.0.0.0.0.0.0.0.0.0.0.0.0": 3}, DefaultRoute(None, "wan1", 3)),
        (
            {"1.3.6.1.2.1.4.21.1.2.0.0.0.0": 3, "1.3.6.1.2.1.4.21.1.7.0.0.0.0": IPv4Address("192.0.2.1")},
            DefaultRoute("192.0.2.1", "wan1", 3),
        ),
        ({"1.3.6.1.2.1.4.24.4.1.5.0.0.0.0.0.0.0.0.0.192.0.2.9": 0}, DefaultRoute("192.0.2.9", None, None)),
    ],
)
def test_the_default_route_is_found_in_each_of_the_three_tables(rows, route):
    session = Recording(rows)

    assert read_default_routes(session, LABELS) == [route]


def test_a_rejecting_default_route_is_none_and_no_other_route_is_read():
    default = "1.4.0.0.0.0.0.2.0.0.1.4.192.0.2.1"
    other = {f"1.3.6.1.2.1.4.24.7.1.7.1.4.10.{n}.0.0.16.2.0.0.1.4.192.0.2.1": 4 for n in range(250)}
    session = Recording({f"1.3.6.1.2.1.4.24.7.1.7.{default}": 3, f"1.3.6.1.2.1.4.24.7.1.8.{default}": 2} | other)

    assert read_default_routes(session, LABELS) == []
    assert session.requests <= 5


def test_several_default_routes_stay_several():
    rows = {f"1.3.6.1.2.1.4.24.4.1.5.0.0.0.0.0.0.0.0.0.192.0.2.{hop}": hop for hop in (3, 4)}

    assert [route.interface for route in read_default_routes(Recording(rows), LABELS)] == ["wan1", "lan"]


def test_a_system_group_of_wrong_types_is_silence():
    system = "1.3.6.1.2.1.1"
    session = Recording(
        {f"{system}.1.0": 7, f"{system}.2.0": b"1.3.6", f"{system}.3.0": b"now", f"{system}.5.0": b" \x00"}
    )

    assert read_system(session) == System(None, None, None, None, None, None)
    assert session.problems == ["sysObjectID: is no OBJECT IDENTIFIER"]


ENTRIES = ("1.3.6.1.2.1.4.22.1", "1.3.6.1.2.1.4.35.1", "1.3.6.1.2.1.3.1.1", "1.3.6.1.2.1.17.4.3.1",
           "1.3.6.1.2.1.17.7.1.2.2.1", "1.3.6.1.2.1.17.7.1.4.2.1", "1.3.6.1.2.1.17.1.4.1", "1.3.6.1.4.1.9.9.46.1.3.1.1",
           "1.0.8802.1.1.2.1.4.1.1", "1.0.8802.1.1.2.1.3.7.1", "1.3.6.1.2.1.4.24.4.1.5.0.0.0.0.0.0.0",
           "1.3.6.1.2.1.4.24.7.1.7.1.4.0.0.0.0", "1.3.6.1.2.1.2.2.1")  # fmt: skip


@given(strange_tables(ENTRIES, st.integers(0, 9)))
def test_no_nonsense_is_a_crash(rows):
    reading = read(Recording(rows), lambda _vlan: Recording({}))

    assert all(row.mac.count(":") == 5 for row in (*reading.arp, *reading.fdb))
    assert reading.problems == list(dict.fromkeys(reading.problems))
