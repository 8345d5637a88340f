"""Frames taken apart: link types, tags, IP, and every protocol's message."""

from __future__ import annotations

import struct

import pytest
from haidang_agent.lanwatch.frames import BROADCAST, Frame, dissect
from haidang_agent.lanwatch.pcap import Packet
from haidang_agent.lanwatch.protocols.arp import Arp
from haidang_agent.lanwatch.protocols.bridging import Bpdu
from haidang_agent.lanwatch.protocols.dhcpv6 import Dhcpv6
from haidang_agent.lanwatch.protocols.dns import netbios_name
from haidang_agent.lanwatch.protocols.nd import Neighbour, RouterAdvertisement
from haidang_agent.lanwatch.protocols.neighbours import Announcement
from haidang_agent.lanwatch.protocols.redundancy import Redundancy, is_virtual
from hypothesis import given
from hypothesis import strategies as st

from tests.agent.lanwatch import building
from tests.agent.lanwatch.building import (
    EVERYBODY,
    arp,
    asks,
    bootp,
    datagram,
    dns,
    ethernet,
    ip,
    ipv4,
    ipv6,
    mac,
    name,
    udp,
)  # fmt: skip

A, B = "00:16:3e:00:00:0a", "00:16:3e:00:00:0b"
QUESTION = arp(1, A, "10.0.0.1", building.NOBODY, "10.0.0.2")


def taken(data: bytes, link: int = 1) -> Frame:
    frame = dissect(Packet(1, 0.0, 0, link, len(data), data))
    assert frame is not None
    return frame


def dhcp_message(content: bytes):
    return taken(datagram((A, "0.0.0.0", 68), (EVERYBODY, "255.255.255.255", 67), content)).message


@pytest.mark.parametrize(
    ("frame", "segment"),
    [
        (ethernet(A, EVERYBODY, 0x0806, QUESTION), (0,)),
        (ethernet(A, EVERYBODY, 0x0806, QUESTION, [12]), (0, 12)),
        (ethernet(A, EVERYBODY, 0x0806, QUESTION, [12, 13]), (0, 12, 13)),
        (ethernet(A, EVERYBODY, 36, bytes.fromhex("aaaa03 000000 0806") + QUESTION), (0,)),
    ],
    ids=["plain", "802.1Q", "QinQ", "SNAP"],
)
def test_ethernet_with_tags_and_snap(frame, segment):
    read = taken(frame + bytes(18))

    assert (read.segment, read.source, read.is_group) == (segment, mac(A), True)
    assert read.message == Arp(False, mac(A), ip("10.0.0.1"), bytes(6), ip("10.0.0.2"))


def test_linux_cooked_captures_tell_who_sent_but_not_to_whom():
    first = struct.pack("!HHH8sH", 1, 1, 6, mac(A) + bytes(2), 0x0806) + QUESTION
    second = struct.pack("!HHIHBB8s", 0x0806, 0, 7, 1, 0, 6, mac(A) + bytes(2)) + QUESTION

    assert (taken(first, 113).source, taken(first, 113).destination) == (mac(A), BROADCAST)
    assert taken(second, 276).segment == (0, -7)
    assert taken(second, 276).message == taken(first, 113).message


@pytest.mark.parametrize(("link", "head"), [(101, b""), (12, b""), (228, b""), (0, b"\2\0\0\0"), (108, b"\0\0\0\2")])
def test_packets_without_ethernet(link, head):
    frame = taken(head + ipv4("10.0.0.1", "10.0.0.2", 17, udp(1, 53, dns(7, "a.vn"))), link)

    assert (frame.source, frame.ports, frame.message.name) == (b"", (1, 53), "a.vn")


def test_wifi_and_usb_are_left_alone():
    assert dissect(Packet(1, 0.0, 0, 105, 4, b"abcd")) is None
    assert dissect(Packet(1, 0.0, 0, 220, 4, b"abcd")) is None


@pytest.mark.parametrize(
    "content",
    [arp(3, A, "0.0.0.0", A, "0.0.0.0"), b"\x00\x0f" + QUESTION[2:], QUESTION[:4] + b"\x08" + QUESTION[5:]],
    ids=["reverse", "frame relay", "long addresses"],
)
def test_other_arp_tells_nothing(content):
    frame = taken(ethernet(A, EVERYBODY, 0x0806, content))

    assert (frame.message, frame.malformed) == (None, "")


def test_ipv6_extension_headers_are_passed_over_and_fragments_left():
    inner = udp(546, 547, bytes([1, 0, 0, 1]) + struct.pack("!HH", 1, 2) + b"id")
    options = bytes([60, 0]) + bytes(6) + bytes([17, 0]) + bytes(6)
    fragment = bytes([17, 0]) + bytes(6)

    whole = taken(ethernet(A, B, 0x86DD, ipv6("fe80::1", "ff02::1:2", 0, options + inner)))
    part = taken(ethernet(A, B, 0x86DD, ipv6("fe80::1", "ff02::1:2", 44, fragment + inner)))

    assert whole.message == Dhcpv6(1, b"\0\0\1", b"id", b"")
    assert (part.ports, part.message, part.malformed) == (None, None, "")


def test_later_ipv4_fragments_have_no_ports():
    frame = taken(ethernet(A, B, 0x0800, ipv4("10.0.0.1", "10.0.0.2", 17, udp(67, 68, bytes(9)), fragment=0x2001)))

    assert (frame.ports, frame.malformed) == (None, "")


def test_dhcp_options_in_the_name_fields_and_in_pieces():
    """RFC 2132, section 9.3, and RFC 3396."""
    plain = bytearray(bootp(1, 5, A, options=[(52, b"\3"), (3, b"\x0a\0"), (3, b"\0\1")]))
    plain[44:54] = bytes([54, 4]) + ip("10.0.0.9") + b"\xff\0\0\0"
    plain[108:115] = bytes([50, 4]) + ip("10.0.0.8") + b"\xff"

    message = dhcp_message(bytes(plain))

    assert (message.routers, message.server, message.requested) == (ip("10.0.0.1"), ip("10.0.0.9"), ip("10.0.0.8"))


def test_bootp_without_options_has_no_type():
    assert dhcp_message(bootp(1, 5, A)[:236]).type == 0


@pytest.mark.parametrize(
    "loop", [b"\xc0\x0c", b"\xc0\x0e\xc0\x0c", b"\x01a\xc0\x0c", b"\xff\xff", b"\x40" + bytes(80), b"\xc0\x0e\x01a\0"]
)
def test_names_that_point_at_themselves_or_forwards_are_refused(loop):
    content = struct.pack("!HHHHHH", 1, 0x0100, 1, 0, 0, 0) + loop + bytes(4)

    assert taken(datagram((A, "10.0.0.1", 999), (B, "10.0.0.2", 53), content)).malformed == "DNS"


def test_names_cannot_upset_a_terminal():
    content = struct.pack("!HHHHHH", 1, 0x0100, 1, 0, 0, 0) + name("\x1b[2J.vn") + struct.pack("!HH", 1, 1)

    assert taken(datagram((A, "10.0.0.1", 999), (B, "10.0.0.2", 53), content)).message.name == "\\x1b[2j.vn"


def test_netbios_names_are_decoded():
    content = building.netbios(1, "FILESERVER")
    message = taken(datagram((A, "10.0.0.1", 137), (EVERYBODY, "10.0.0.255", 137), content)).message

    assert netbios_name(message.name) == ("fileserver", 0x20)


def test_router_advertisements_need_a_hop_limit_of_255():
    near = taken(building.router_advertisement(A, "fe80::1", preference=1)).message
    far = taken(building.router_advertisement(A, "fe80::1", hops=64)).message

    assert near == RouterAdvertisement(1800, 1, frozenset({(ip("2001:db8:1::"), 64)}), b"")
    assert far is None


def test_neighbour_messages():
    assert taken(building.solicits(A, "fe80::5")).message == Neighbour(False, ip("fe80::5"), b"")
    assert taken(building.advertises(A, "fe80::5", said=B)).message == Neighbour(
        True, ip("fe80::5"), mac(B), False, True
    )


def test_bpdus_plain_rapid_and_per_vlan():
    root, bridge = bytes.fromhex("8000") + mac(A), bytes.fromhex("8000") + mac(B)
    bpdu = struct.pack("!HBBB8sI8sH", 0, 2, 2, 1, root, 4, bridge, 0x8001) + bytes(9)
    plain = ethernet(B, "01:80:c2:00:00:00", 3 + len(bpdu), b"\x42\x42\x03" + bpdu)
    per_vlan = ethernet(B, "01:00:0c:cc:cc:cd", 8 + len(bpdu), bytes.fromhex("aaaa0300000c010b") + bpdu)
    notice = ethernet(B, "01:80:c2:00:00:00", 7, bytes.fromhex("424203 0000 00 80"))

    assert taken(plain).message == taken(per_vlan).message == Bpdu(root, bridge, topology_changes=True)
    assert taken(notice).message == Bpdu(b"", b"", topology_changes=True)


def test_lldp_and_cdp_say_who_forwards():
    lldp = bytes([2, 7, 4]) + mac(A) + bytes([14, 4]) + struct.pack("!HH", 0x14, 0x04) + bytes(2)
    cdp = bytes([2, 180, 0, 0]) + struct.pack("!HH", 1, 6) + b"sw" + struct.pack("!HHI", 4, 8, 0x28)
    snap = ethernet(A, "01:00:0c:cc:cc:cc", 8 + len(cdp), bytes.fromhex("aaaa0300000c2000") + cdp)

    assert taken(ethernet(A, "01:80:c2:00:00:0e", 0x88CC, lldp)).message == Announcement(b"\4" + mac(A), forwards=True)
    assert taken(snap).message == Announcement(b"sw", forwards=True)


def test_redundant_routers_say_so():
    vrrp = ipv4("10.0.0.2", "224.0.0.18", 112, bytes([0x31, 1, 100, 1, 0, 100, 0, 0]) + ip("10.0.0.1"), hops=255)
    hsrp = datagram((A, "10.0.0.2", 1985), ("01:00:5e:00:00:02", "224.0.0.2", 1985), bytes(20))

    assert taken(ethernet(A, "01:00:5e:00:00:12", 0x0800, vrrp)).message == Redundancy("VRRP")
    assert taken(hsrp).message == Redundancy("HSRP")


@pytest.mark.parametrize(
    ("address", "virtual"),
    [
        ("00:00:5e:00:01:07", True), ("00:00:5e:00:02:07", True), ("00:00:0c:07:ac:01", True),
        ("00:00:0c:9f:f0:01", True), ("00:00:0c:9f:10:01", False), ("00:07:b4:00:01:02", True), (A, False),
    ],
)  # fmt: skip
def test_virtual_mac_addresses(address, virtual):
    assert is_virtual(mac(address)) is virtual


SAMPLES = [
    asks(A, "10.0.0.1", "10.0.0.2"),
    building.dhcp_client(1, 1, A),
    datagram((A, "10.0.0.1", 999), (B, "10.0.0.2", 53), dns(1, "truong.edu.vn", ["10.0.0.1"], response=True)),
    datagram((A, "fe80::1", 546), (B, "ff02::1:2", 547), bytes([1, 0, 0, 1, 0, 1, 0, 2, 1, 2])),
    building.router_advertisement(A, "fe80::1"),
    building.advertises(A, "fe80::5"),
]


@pytest.mark.parametrize("sample", SAMPLES)
def test_a_frame_cut_anywhere_is_malformed_or_understood(sample):
    whole = taken(sample)
    assert whole.malformed == ""

    for size in range(len(sample)):
        cut = taken(sample[:size])
        assert cut.malformed or type(cut.message) in {type(whole.message), type(None)}


@given(st.binary(max_size=200), st.sampled_from([0, 1, 12, 101, 108, 113, 228, 276]))
def test_no_bytes_upset_a_link_type(noise, link):
    assert taken(noise, link).number == 1


ETHERTYPES = [0x0806, 0x0800, 0x86DD, 0x88CC, 0x8100, 0x0026]
PORTS = [53, 67, 68, 137, 546, 547, 1985, 3222, 5353, 5355]


@given(st.binary(max_size=300), st.sampled_from(ETHERTYPES))
def test_no_content_upsets_an_ethertype(noise, ethertype):
    frame = taken(ethernet(A, EVERYBODY, ethertype, noise))

    assert frame.source == mac(A) or frame.malformed == "802.1Q"


@given(st.binary(max_size=300), st.sampled_from(PORTS), st.sampled_from(PORTS))
def test_no_content_upsets_a_port(noise, source, destination):
    assert taken(datagram((A, "10.0.0.1", source), (B, "10.0.0.2", destination), noise)).ports == (source, destination)
    assert taken(datagram((A, "fe80::1", source), (B, "fe80::2", destination), noise)).ports == (source, destination)


@given(st.sampled_from(SAMPLES), st.lists(st.tuples(st.integers(12, 400), st.integers(0, 255)), max_size=4))
def test_changed_bytes_upset_nothing(sample, changes):
    changed = bytearray(sample)
    for where, value in changes:
        changed[where % len(changed)] = value
    assert taken(bytes(changed)).data == bytes(changed)


@given(st.binary(max_size=250), st.sampled_from([0, 43, 44, 51, 58, 60, 112]))
def test_no_extension_header_leads_astray(noise, protocol):
    frame = taken(ethernet(A, B, 0x86DD, ipv6("fe80::1", "fe80::2", protocol, noise)))

    assert frame.malformed == "IPv6" or frame.ip.source == ip("fe80::1")
