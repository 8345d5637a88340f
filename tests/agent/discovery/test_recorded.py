"""What recordings of others amount to: no wrong class above the bar, and most PCs and printers classed.

They lie beside the checkout; where they do not, these tests are left out, and those built by hand cover the same code.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from haidang_agent.discovery.evidence import Evidence, Sign
from haidang_agent.discovery.hearing import hear
from haidang_agent.discovery.oui import vendors
from haidang_agent.discovery.verdict import classify
from haidang_agent.snmp.device import classify as classify_by_snmp
from haidang_agent.snmp.system import read_system

from tests.agent.snmp.recording import SHARED, Recording

INDEX = SHARED / "index.json"
IS = {
    "router": "network", "switch": "network", "ont": "network", "ap": "ap", "camera": "camera", "printer": "printer",
    "pc": "computer", "server": "computer", "nas": "other", "ups": "other", "projector": "display",
}  # fmt: skip
"""Our classes by what the labels say."""

PEOPLE = {
    "android_phone_boot.pcap": {"d8:30:62:56:00:1c": "computer", "4c:6a:f6:9f:f6:27": "phone"},
    "dhcp_and_dyndns.pcap": {"00:50:ba:12:47:cb": "computer"},
    "dhcp_dora.pcapng": {"00:0c:29:59:fd:21": "computer"},
    "dhcp_nak_decline_conflict.pcapng": {"02:00:4c:4f:4f:55": "computer"},
    "dhcp_option108_relay.pcapng": {"42:b4:44:b4:f0:ee": "computer"},
    "dhcp_renewal.pcapng": {"00:0c:29:59:fd:21": "computer"},
    "dhcp_two_servers_renewal.pcapng": {"02:00:4c:4f:4f:55": "computer"},
    "dhcp_wireshark_sample.pcap": {"00:0b:82:01:fc:42": "phone"},
    "lan_bug5162.pcap": {"00:0c:29:90:34:0b": "computer"},
    "mdns_24.pcap": {"8a:3c:d6:e1:4d:c4": "computer"},
    "mdns_printers_netbios.pcapng": {"00:21:cc:c1:2e:ae": "computer"},
    "ssdp_one.pcap": {"e0:91:f5:73:8c:c2": "network"},
    "wifi_lan_real_529.pcapng": {"60:67:20:77:15:22": "computer", "8c:be:be:2d:02:06": "network"},
    "win10_lan_1000.pcapng": {"00:0c:29:03:df:ad": "computer", "00:0c:29:61:f5:5f": "computer"},
    "wsd_discovery_3702.pcapng": {"18:db:f2:2f:a0:18": "computer"},
}
"""Who is who in captures, as far as their frames say it to a reader: host names, DHCP clients, UPnP descriptions."""


def entries(kind: str) -> list[dict]:
    return json.loads(INDEX.read_text())[kind]


def kind_of(entry: dict) -> str:
    """A disk station is labelled as a server of that role, a projector as something else of that role."""
    return entry["role"] if entry.get("role") in IS else entry["kind"]


def by_snmp(entry: dict) -> str:
    """The class of the whole way: its MIBs, as one sign among others."""
    session = Recording.read(SHARED / entry["file"])
    device = classify_by_snmp(session, read_system(session))
    return classify(Evidence([Sign("snmp", "nas" if device.role == "nas" else device.class_)])).class_


def heard(name: str) -> dict[str, str]:
    with (SHARED / "pcap" / name).open("rb") as stream:
        evidence, _ = hear(stream)
    for mac, vendor in vendors(evidence).items():
        evidence[mac].add([Sign("vendor", vendor)])
    return {mac: classify(each).class_ for mac, each in evidence.items()}


@pytest.mark.parametrize("entry", entries("snmp"), ids=lambda entry: Path(entry["file"]).stem)
def test_no_device_is_of_a_wrong_class_by_snmp(entry):
    assert by_snmp(entry) in {IS[kind_of(entry)], "unknown"}


@pytest.mark.parametrize("name", PEOPLE if INDEX.exists() else [])
def test_nobody_in_a_capture_is_of_a_wrong_class(name):
    found = heard(name)

    assert {mac: found.get(mac, "unknown") for mac in PEOPLE[name]}.items() <= {
        (mac, class_) for mac, right in PEOPLE[name].items() for class_ in (right, "unknown")
    }


@pytest.mark.parametrize("wanted", ["computer", "printer"] if INDEX.exists() else [])
def test_at_least_85_percent_of_pcs_and_printers_are_classed(wanted):
    told = Counter()
    for entry in entries("snmp"):
        if IS[kind_of(entry)] == wanted:
            told[by_snmp(entry)] += 1
    for name, people in PEOPLE.items():
        found = heard(name)
        told.update(found.get(mac, "unknown") for mac, class_ in people.items() if class_ == wanted)

    assert told[wanted] >= 0.85 * told.total()
    print(f"{wanted}: {dict(told)}")
