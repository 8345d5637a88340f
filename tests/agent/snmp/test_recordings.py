"""Every recording, asked over the network as its device would be: the facts that others found, over both libraries."""

import json
from collections import Counter
from functools import cache
from pathlib import Path

import pytest
from haidang_agent.snmp.interfaces import OPER
from haidang_agent.snmp.opening import SESSIONS, open_session
from haidang_agent.snmp.reading import Reading, read, read_device
from haidang_agent.snmp.session import Limits
from haidang_agent.tables import Snmp

from tests.agent.snmp.recording import RECORDINGS, SHARED, Recording, expectations, recording_of
from tests.agent.snmp.responder import Device, Responder

DEVICES = sorted(
    path for folder in (RECORDINGS, SHARED / "snmp") for path in folder.glob("*.snmprec") if "@" not in path.stem
)
SMALL_BYTES = 40_000
EACH = [
    (path, library) for path in DEVICES for library in SESSIONS
    if library != "pysnmp" or path.stat().st_size < SMALL_BYTES  # it is slow, and needs no more of the same
]  # fmt: skip
ARP_ELSEWHERE = {"dlink_dgs-1510-28", "netmanplus_204", "vivotek"}
"""ARP is not in ipNetToMediaTable, which alone was counted."""
ONLY_ONUS = {"edgeosolt"}
NO_ADDRESSES = {"eatonups"}
"""The index of its ARP rows is one number, not an address; the MAC addresses are all that can be used."""


def communities(path: Path) -> dict[str, Device]:
    """The device, and a community for each VLAN where Cisco has them."""
    return {file.stem: Device.read(file) for file in (path, *path.parent.glob(f"{path.stem}@*.snmprec"))}


@cache
def over_the_network(path: Path) -> Reading:
    with Responder(communities(path)) as responder:
        return read_device(Snmp("127.0.0.1", responder.port, community=path.stem), Limits())


@cache
def facts_of(path: Path) -> dict:
    own = path.with_suffix(".json")
    if path.parent == RECORDINGS:
        return json.loads(own.read_text())["raw_facts"]
    index = json.loads((SHARED / "index.json").read_text())
    return next(entry["raw_facts"] for entry in index["snmp"] if entry["community"] == path.stem)


@pytest.mark.parametrize(("path", "library"), EACH, ids=lambda each: getattr(each, "stem", each))
def test_over_the_network_it_reads_as_from_the_file(path, library):
    vlans = {file.stem: Recording.read(file) for file in path.parent.glob(f"{path.stem}@*.snmprec")}

    with Responder(communities(path)) as responder:
        target = Snmp("127.0.0.1", responder.port, community=path.stem)
        with open_session(target, Limits(), library) as session:
            reading = read(session, lambda vlan: vlans.get(f"{path.stem}@{vlan}", Recording({})))
        most = 60 + sum(map(len, (reading.interfaces, reading.fdb, reading.arp)))

    assert reading == read(Recording.read(path), lambda vlan: vlans.get(f"{path.stem}@{vlan}", Recording({})))
    assert len(responder.asked) < most
    json.dumps(reading.as_json())


@pytest.mark.parametrize("path", expectations("ports"), ids=lambda path: path.stem)
def test_counts_states_and_addresses_are_the_devices(path):
    reading, facts = over_the_network(recording_of(path)), facts_of(recording_of(path))

    states = Counter(interface.oper for interface in reading.interfaces if interface.oper)
    named = Counter()
    for state, number in facts.get("ifOperStatus_counts", {}).items():
        named[OPER.get(int(state), "") if state.isdigit() else state] += number
    assert len(reading.interfaces) == facts["interfaces_ifTable"]
    assert states == +Counter({state: number for state, number in named.items() if state})
    assert len({row.mac for row in reading.fdb}) == facts["fdb_macs"]
    if path.stem not in ARP_ELSEWHERE:
        assert len(reading.arp) == facts["arp_entries"]
    if path.stem not in NO_ADDRESSES:
        assert facts.get("arp_sample", {}).items() <= {row.ip: row.mac for row in reading.arp}.items()


@pytest.mark.parametrize("path", expectations("ports"), ids=lambda path: path.stem)
def test_names_types_speeds_and_states_are_those_that_others_read(path):
    """LibreNMS takes the rounded ifHighSpeed where there is one, and invents ports for the ONUs of an OLT."""
    by_index = {interface.index: interface for interface in over_the_network(recording_of(path)).interfaces}
    expected = {port["ifIndex"]: port for port in json.loads(path.read_text())["ports"] if port["ifIndex"] in by_index}

    assert expected or path.stem in ONLY_ONUS
    for index, port in expected.items():
        ours = by_index[index]
        assert ours.type == port["ifType"]
        assert ours.name == port.get("ifName", ours.name)
        assert ours.oper == port.get("ifOperStatus", ours.oper) or port["ifOperStatus"] not in OPER.values()
        assert ours.admin == port.get("ifAdminStatus", ours.admin) or port["ifAdminStatus"] not in OPER.values()
        assert abs((ours.speed_bps or 0) - port.get("ifSpeed", ours.speed_bps or 0)) < 1_000_000
        assert (ours.mac or "00:" * 6)[:17].replace(":", "") == port.get(
            "ifPhysAddress", (ours.mac or "0" * 12).replace(":", "")
        )


def test_the_recordings_of_our_own_cover_each_vlan_of_a_cisco_switch():
    assert [(row.mac, row.port, row.vlan) for row in over_the_network(RECORDINGS / "cisco.snmprec").fdb] == [
        ("02:00:00:00:00:09", "Fa0/2", 10)
    ]
