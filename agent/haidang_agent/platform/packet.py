"""ICMP echo by an Ethernet interface whatever the routing table says: raw frames to a gateway's MAC (packet(7)).

Even a socket bound to an interface (SO_BINDTODEVICE) needs a route by it: without one, Linux takes every address for a
neighbour's. A spare line has no route on many routers. Here the IP header is our own and the gateway is asked for by
ARP, so firewall, connection tracking and reverse-path filter of the router have no say either. Needs CAP_NET_RAW.
"""

from __future__ import annotations

import ctypes
import errno
import os
import socket
import struct
import time
from typing import TYPE_CHECKING

from haidang_agent.platform import arp

if TYPE_CHECKING:
    from collections.abc import Iterator
    from ipaddress import IPv4Address

ETH_P_IP = 0x0800
ICMP, ECHO, REPLY = 1, 8, 0
TIME_TO_LIVE = 64
IP_HEADER = struct.Struct("!BBHHHBBH4s4s")
ICMP_HEADER = struct.Struct("!BBHHH")
NONCE_BYTES = 16
LENGTH = struct.Struct("!H")
MAX_PACKET = 256
MAX_PACKETS = 256
"""Read at once; the rest the next time, or a flood would keep us from everything else."""
SEQUENCES = 1 << 16

SO_ATTACH_FILTER = 26
LOAD_BYTE, LOAD_HALF, LOAD_WORD = 0x30, 0x28, 0x20
LOAD_HEADER_LENGTH, LOAD_BYTE_BEHIND_HEADER, LOAD_HALF_BEHIND_HEADER = 0xB1, 0x50, 0x48
EQUAL, ACCEPT = 0x15, 0x06
"""Operations of classic BPF (linux/bpf_common.h)."""
_Filter = struct.Struct("=HBBI")


class GatewayEcho:
    """Echo requests from one interface's own address by one gateway."""

    def __init__(self, interface: str, own: IPv4Address, gateway: IPv4Address) -> None:
        """Raises PermissionError without the capability, OSError where the interface is gone."""
        self._own, self._gateway = own.packed, gateway.packed
        self._ident = int.from_bytes(os.urandom(2))
        self._nonce = os.urandom(NONCE_BYTES)
        self._sequence = 0
        self._link: tuple[str, int, int, int, bytes] | None = None
        self._interface = interface
        self._echoes = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0)
        try:
            self._arp = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
            attach(self._echoes, echo_filter(self._own, self._ident))
            attach(self._arp, arp_filter(self._gateway))
            self._echoes.bind((interface, ETH_P_IP))
            self._arp.bind((interface, arp.ETH_P_ARP))
            self._echoes.setblocking(False)
            self._arp.setblocking(False)
            self._asked = arp.Answers(self._arp.getsockname()[4], self._own)
        except OSError:
            self.close()
            raise
        self.gateway_answered: float | None = None
        """When (monotonic) the gateway last answered ARP."""

    def send(self, address: str) -> int:
        """One request; its number. Raises OSError where it cannot leave, as before the gateway has answered ARP."""
        self._sequence = (self._sequence + 1) % SEQUENCES
        if self._link is None:
            raise OSError(f"the gateway on {self._interface} has not answered ARP")
        self._echoes.sendto(self._packet(socket.inet_aton(address)), self._link)
        return self._sequence

    def ask_gateway(self) -> None:
        """Who has the gateway's address? Raises OSError where the interface is down."""
        self._arp.send(arp.FRAME.pack(*self._asked.question(self._gateway)))

    def replies(self) -> list[tuple[int, float]]:
        """What has come since: (number, monotonic time of reading)."""
        found = []
        for packet in _received(self._echoes):
            sequence = self._sequence_of(packet)
            if sequence is not None:
                found.append((sequence, time.monotonic()))
        for frame in _received(self._arp):
            self._asked.take(frame)
        if self._asked.macs:
            (mac, *_others) = self._asked.macs
            self._asked.macs.clear()
            self._link = (self._interface, ETH_P_IP, 0, 0, mac)
            self.gateway_answered = time.monotonic()
        return found

    def sockets(self) -> tuple[socket.socket, ...]:
        """To be watched for reading."""
        return self._echoes, self._arp

    def close(self) -> None:
        self._echoes.close()
        if hasattr(self, "_arp"):
            self._arp.close()

    def _sequence_of(self, packet: bytes) -> int | None:
        """Of a reply to us. Behind its end an Ethernet frame is padded to 60 bytes (IEEE 802.3), as short ones are."""
        header = (packet[0] & 15) * 4
        (length,) = LENGTH.unpack_from(packet, 2)
        if min(length, len(packet)) < header + ICMP_HEADER.size:
            return None
        kind, _, _, ident, sequence = ICMP_HEADER.unpack_from(packet, header)
        is_ours = (kind, ident) == (REPLY, self._ident) and packet[header + ICMP_HEADER.size : length] == self._nonce
        return int(sequence) if is_ours else None

    def _packet(self, target: bytes) -> bytes:
        icmp = ICMP_HEADER.pack(ECHO, 0, 0, self._ident, self._sequence) + self._nonce
        icmp = icmp[:2] + struct.pack("!H", checksum(icmp)) + icmp[4:]
        length = IP_HEADER.size + len(icmp)
        fields = (0x45, 0, length, self._sequence, 0, TIME_TO_LIVE, ICMP)
        header = IP_HEADER.pack(*fields, 0, self._own, target)
        return IP_HEADER.pack(*fields, checksum(header), self._own, target) + icmp


def checksum(packet: bytes) -> int:
    """The Internet checksum (RFC 1071)."""
    total = sum(struct.unpack(f"!{len(packet) // 2}H", packet))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return int(~total & 0xFFFF)


def echo_filter(own: bytes, ident: int) -> bytes:
    """Classic BPF (bpf(4)): IPv4 echo replies to `own` with this identifier, nothing else leaves the kernel."""
    return program(
        (LOAD_BYTE, 0, 0, 9),
        (EQUAL, 0, 8, ICMP),
        (LOAD_WORD, 0, 0, 16),
        (EQUAL, 0, 6, int.from_bytes(own)),
        (LOAD_HEADER_LENGTH, 0, 0, 0),
        (LOAD_BYTE_BEHIND_HEADER, 0, 0, 0),
        (EQUAL, 0, 3, REPLY),
        (LOAD_HALF_BEHIND_HEADER, 0, 0, 4),
        (EQUAL, 0, 1, ident),
        (ACCEPT, 0, 0, MAX_PACKET),
        (ACCEPT, 0, 0, 0),
    )


def arp_filter(gateway: bytes) -> bytes:
    """ARP replies that the gateway's address sends, in an Ethernet frame."""
    return program(
        (LOAD_HALF, 0, 0, 20),
        (EQUAL, 0, 3, arp.REPLY),
        (LOAD_WORD, 0, 0, 28),
        (EQUAL, 0, 1, int.from_bytes(gateway)),
        (ACCEPT, 0, 0, MAX_PACKET),
        (ACCEPT, 0, 0, 0),
    )


def program(*lines: tuple[int, int, int, int]) -> bytes:
    """Classic BPF: operation, jumps where true and false, constant."""
    return b"".join(_Filter.pack(*line) for line in lines)


def attach(to: socket.socket, code: bytes) -> None:
    """A program of `program`, by SO_ATTACH_FILTER (socket(7)) takes a `struct sock_fprog`."""
    lines = ctypes.create_string_buffer(code)
    to.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("@HP", len(code) // 8, ctypes.addressof(lines)))


def _received(from_: socket.socket) -> Iterator[bytes]:
    for _ in range(MAX_PACKETS):
        packet = _receive(from_)
        if packet is None:
            return
        yield packet


def _receive(from_: socket.socket) -> bytes | None:
    try:
        return from_.recv(MAX_PACKET)
    except OSError as nothing:
        if nothing.errno in (errno.EAGAIN, errno.ENETDOWN):  # the second, once, when the interface goes down
            return None
        raise
