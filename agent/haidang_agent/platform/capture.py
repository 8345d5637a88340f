"""Frames of one Ethernet interface by a packet socket (packet(7)), those that a BPF program lets through. Linux only.

Needs CAP_NET_RAW. The card is asked for all multicast (spanning tree, IPv6 neighbours of others), never for frames to
other machines. Frames are read in batches, so that a busy network costs a wake-up per batch.
"""

from __future__ import annotations

import socket
import struct
from typing import TYPE_CHECKING, NamedTuple

from haidang_agent.platform.packet import attach

if TYPE_CHECKING:
    from collections.abc import Iterator

ETH_P_ALL, ARPHRD_ETHER = 3, 1
SOL_PACKET, PACKET_ADD_MEMBERSHIP, PACKET_STATISTICS, PACKET_AUXDATA = 263, 1, 6, 8
PACKET_MR_ALLMULTI = 2
SO_TIMESTAMPNS = 35
BUFFER_BYTES = 1 << 20
"""Of the kernel; it grants no more than net.core.rmem_max."""
LONGEST = 2048
ANCILLARY_BYTES = 128
MEMBERSHIP = struct.Struct("@IHH8s")
STATISTICS = struct.Struct("@II")
TIMESPEC = struct.Struct("@ll")
AUXDATA = struct.Struct("@IIIHHHH")
VLAN_VALID = 0x10
VLAN_MASK = 0x0FFF
TAG_AT = 12
REFUSE_ALL = struct.pack("=HBBI", 0x06, 0, 0, 0)
"""A program that lets nothing through."""


class Captured(NamedTuple):
    """`time` is Unix seconds by the machine's clock, `length` the bytes on the wire, `data` its first ones."""

    time: float
    length: int
    data: bytes


class Capture:
    """One interface's frames, its own included. Watch `fileno` for reading."""

    def __init__(self, interface: str, program: bytes) -> None:
        """Raises PermissionError without the capability, OSError where the interface is gone or is no Ethernet."""
        self.interface = interface
        self.index = socket.if_nametoindex(interface)
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        try:
            self._open(program)
        except OSError:
            self._socket.close()
            raise

    def _open(self, program: bytes) -> None:
        raw = self._socket
        attach(raw, REFUSE_ALL)
        raw.bind((self.interface, ETH_P_ALL))
        if raw.getsockname()[3] != ARPHRD_ETHER:
            raise OSError(f"{self.interface} is no Ethernet")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
        raw.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        raw.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
        raw.setsockopt(SOL_PACKET, PACKET_ADD_MEMBERSHIP, MEMBERSHIP.pack(self.index, PACKET_MR_ALLMULTI, 0, b""))
        raw.setblocking(False)
        attach(raw, program)

    def fileno(self) -> int:
        return self._socket.fileno()

    def select(self, program: bytes) -> None:
        """Another program from now on."""
        attach(self._socket, program)

    def read(self, most: int) -> Iterator[Captured]:
        """What waits, at most so many frames. Raises OSError where the interface is gone."""
        for _ in range(most):
            try:
                data, told, _flags, _address = self._socket.recvmsg(LONGEST, ANCILLARY_BYTES)
            except BlockingIOError:
                return
            yield _captured(data, told)

    def statistics(self) -> tuple[int, int]:
        """Frames that the program let through since the last call, and those of them lost for want of room."""
        passed, lost = STATISTICS.unpack(self._socket.getsockopt(SOL_PACKET, PACKET_STATISTICS, STATISTICS.size))
        return passed, lost

    def close(self) -> None:
        self._socket.close()


def _captured(data: bytes, told: list[tuple[int, int, bytes]]) -> Captured:
    """The kernel takes a VLAN tag off and tells it beside; here it is put back. Tag 0 is a priority only."""
    time, length = 0.0, len(data)
    for _level, kind, value in told:
        if kind == SO_TIMESTAMPNS:
            seconds, nanoseconds = TIMESPEC.unpack_from(value)
            time = seconds + nanoseconds / 1e9
        elif kind == PACKET_AUXDATA:
            status, length, _kept, _mac, _net, tag, protocol = AUXDATA.unpack_from(value)
            if status & VLAN_VALID and tag & VLAN_MASK:
                data = data[:TAG_AT] + struct.pack("!HH", protocol or 0x8100, tag) + data[TAG_AT:]
                length += 4
    return Captured(time, length, data)
