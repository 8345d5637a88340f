"""What the kernel itself lets through, tried on a pair of local sockets: their datagrams stand for frames to us."""

from __future__ import annotations

import socket
import struct
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from haidang_agent.intrusion.bpf import Program
from haidang_agent.intrusion.selection import HEAD, WHOLE, selection
from haidang_agent.platform.packet import attach

from tests.agent.lanwatch.building import (
    EVERYBODY,
    PC,
    PC_IP,
    ROUTER,
    asks,
    datagram,
    dhcp_client,
    dhcp_server,
    dns,
    ethernet,
    ipv4,
    ipv6,
    netbios,
    packet,
    replies,
    router_advertisement,
    solicits,
    udp,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

SWITCH, NEIGHBOURS, VRRP = "01:80:c2:00:00:00", "01:80:c2:00:00:0e", "01:00:5e:00:00:12"
LLMNR_GROUP, ALL_NODES = "01:00:5e:00:00:fc", "33:33:00:00:00:01"
FE80 = "fe80::1"
HIDDEN_RA = ethernet(ROUTER, ALL_NODES, 0x86DD, ipv6(FE80, "ff02::1", 0, bytes([58, 0, 5, 2, 0, 0, 1, 0]) + bytes(16)))
WANTED = {
    "ARP request": asks(PC, PC_IP, "10.0.0.1"),
    "ARP reply": replies(ROUTER, "10.0.0.1", PC, PC_IP),
    "DHCP question": dhcp_client(1, 1, PC),
    "DHCP answer to one": dhcp_server(2, 1, PC, (ROUTER, "10.0.0.1")),
    "DHCPv6": datagram((PC, FE80, 546), ("33:33:00:01:00:02", "ff02::1:2", 547), b"\x01abc"),
    "router advertisement": router_advertisement(ROUTER, FE80),
    "behind extension headers": HIDDEN_RA,
    "neighbour solicitation": solicits(PC, FE80),
    "DNS question": datagram((PC, PC_IP, 4000), (ROUTER, "10.0.0.1", 53), dns(1, "a.vn")),
    "DNS answer": datagram((ROUTER, "10.0.0.1", 53), (PC, PC_IP, 4000), dns(1, "a.vn", ["10.9.9.9"], response=True)),
    "DNS answer over IPv6": datagram((ROUTER, FE80, 53), (PC, "fe80::2", 4000), dns(1, "a.vn", response=True)),
    "LLMNR question": datagram((PC, PC_IP, 4000), (LLMNR_GROUP, "224.0.0.252", 5355), dns(1, "pc")),
    "LLMNR answer": datagram((PC, PC_IP, 5355), (ROUTER, "10.0.0.1", 4000), dns(1, "pc", ["10.0.0.2"], response=True)),
    "NetBIOS answer": datagram((PC, PC_IP, 137), (ROUTER, "10.0.0.1", 137), netbios(1, "pc", "10.0.0.2")),
    "a broadcast of any kind": datagram((PC, PC_IP, 9), (EVERYBODY, "255.255.255.255", 9), b"x"),
    "BPDU": ethernet(ROUTER, SWITCH, 38, b"\x42\x42\x03" + bytes(35)),
    "LLDP": ethernet(ROUTER, NEIGHBOURS, 0x88CC, bytes(20)),
    "VRRP": ethernet(ROUTER, VRRP, 0x0800, ipv4("10.0.0.1", "224.0.0.18", 112, bytes(20), hops=255)),
    "HSRP": datagram((ROUTER, "10.0.0.1", 1985), ("01:00:5e:00:00:02", "224.0.0.2", 1985), bytes(20)),
}
OPTIONS = struct.pack("!BBHHHBBH", 0x46, 0, 0, 0, 0, 64, 17, 0) + bytes(12)
"""An IPv4 header of 24 bytes, for UDP."""
UNWANTED = {
    "TCP": packet((PC, PC_IP), (ROUTER, "203.0.113.1")),
    "a call": datagram((PC, PC_IP, 4000), (ROUTER, "203.0.113.1", 4001), bytes(900)),
    "a stream to a group": datagram((PC, PC_IP, 4000), ("01:00:5e:01:01:01", "239.1.1.1", 5004), bytes(900)),
    "TCP over IPv6": ethernet(PC, ROUTER, 0x86DD, ipv6(FE80, "2001:db8::1", 6, bytes(900))),
    "echo over IPv6": ethernet(PC, ROUTER, 0x86DD, ipv6(FE80, "2001:db8::1", 58, bytes([128]) + bytes(900))),
    "a second fragment": ethernet(PC, ROUTER, 0x0800, ipv4(PC_IP, "10.0.0.1", 17, udp(53, 53, b"x"), fragment=9)),
    "DNS's port within the options": ethernet(PC, ROUTER, 0x0800, OPTIONS[:20] + b"\0\x35\0\x35" + udp(1, 2, b"")),
    "too short": bytes(13),
}
OFTEN = 2048
"""Eight are expected of them at one in 256: 30 would be a chance of one in ten billion."""


def let_through(program: bytes, frames: Iterable[bytes]) -> list[bytes]:
    receiver, sender = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with closing(receiver), closing(sender):
        attach(receiver, program)
        receiver.setblocking(False)
        found = []
        for frame in frames:
            sender.send(frame)
            try:
                found.append(receiver.recv(4096))
            except BlockingIOError:
                continue
        return found


def in_vlan(frame: bytes) -> bytes:
    return frame[:12] + struct.pack("!HH", 0x8100, 20) + frame[12:]


@pytest.mark.parametrize("name", WANTED)
def test_what_detectors_need_comes_whole(name: str) -> None:
    frame = WANTED[name].ljust(60, b"\0")

    assert let_through(selection(), [frame, in_vlan(frame)]) == [frame, in_vlan(frame)]


@pytest.mark.parametrize("name", UNWANTED)
def test_of_the_rest_a_sample_comes_cut_short(name: str) -> None:
    frame = UNWANTED[name]
    found = let_through(selection(), [frame, in_vlan(frame)] * (OFTEN // 2))

    assert len(found) < 30
    assert set(found) <= {frame[:HEAD], in_vlan(frame)[:HEAD]}


def test_the_sample_is_not_empty() -> None:
    assert let_through(selection(), [UNWANTED["TCP"]] * (8 * OFTEN))


def test_of_calls_all_heads_come_when_floods_are_looked_for() -> None:
    call, stream = UNWANTED["a call"], UNWANTED["a stream to a group"]

    assert let_through(selection(udp=True), [call] * 10) == [call[:HEAD]] * 10
    assert len(let_through(selection(udp=True), [stream] * OFTEN)) < 30
    assert let_through(selection(udp=True), [WANTED["ARP reply"]]) == [WANTED["ARP reply"]]


def test_jumbo_frames_are_cut() -> None:
    (found,) = let_through(selection(), [asks(PC, PC_IP, "10.0.0.1").ljust(4000, b"\0")])

    assert len(found) == WHOLE


def test_a_jump_that_the_machine_cannot_make_is_refused() -> None:
    program = Program()
    program.equal(1, then="far")
    for _ in range(300):
        program.load_byte(0)
    program.label("far")
    program.drop()

    with pytest.raises(ValueError, match="line 1: far is too far away"):
        program.assemble()
