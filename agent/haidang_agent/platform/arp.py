"""Does one address of an Ethernet segment answer ARP (RFC 826)? By a raw packet socket (packet(7)); needs CAP_NET_RAW.

The frames are 42 bytes of fixed layout; scapy would cost the agent 74 MiB for them.
"""

from __future__ import annotations

import select
import socket
import struct
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ipaddress import IPv4Address

ETH_P_ARP = 0x0806
REQUEST, REPLY = 1, 2
ETHERNET_IPV4 = (ETH_P_ARP, 1, 0x0800, 6, 4)
FRAME = struct.Struct("!6s6sHHHBBH6s4s6s4s")
BROADCAST = b"\xff" * 6
MAX_FRAME = 2048
ASKED_AT_MOST = 3
ANSWER_SECONDS = 0.15


def ask(interface: str, own: IPv4Address, address: IPv4Address) -> bool:
    """Does the owner of one address answer? Up to three questions, half a second.

    Raises PermissionError without the capability, OSError where the interface is gone.
    """
    with _opened(interface) as raw:
        answers = Answers(raw.getsockname()[4], own.packed)
        for _ in range(ASKED_AT_MOST):
            raw.send(FRAME.pack(*answers.question(address.packed)))
            answers.listen(raw, ANSWER_SECONDS)
            if answers.macs:
                return True
    return False


def request(interface: str, own: IPv4Address, address: IPv4Address) -> None:
    """Ask everybody once, and wait for nothing: the system takes in the answer, and the owner where this machine is.

    Raises PermissionError without the capability, OSError where the interface is gone.
    """
    with _opened(interface) as raw:
        raw.send(FRAME.pack(*Answers(raw.getsockname()[4], own.packed).question(address.packed)))


def _opened(interface: str) -> socket.socket:
    if sys.platform != "linux":  # elsewhere Python has no AF_PACKET
        raise PermissionError(f"no raw frames on {sys.platform}")
    raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ARP))
    try:
        raw.bind((interface, ETH_P_ARP))
    except OSError:
        raw.close()
        raise
    return raw


@dataclass(slots=True)
class Answers:
    """Replies to the machine with this MAC and address, to a question it asked."""

    mac: bytes
    address: bytes
    asked: set[bytes] = field(default_factory=set)
    macs: set[bytes] = field(default_factory=set)

    def question(self, wanted: bytes) -> tuple[bytes | int, ...]:
        """The fields of a request frame."""
        self.asked.add(wanted)
        return (BROADCAST, self.mac, *ETHERNET_IPV4, REQUEST, self.mac, self.address, bytes(6), wanted)

    def listen(self, raw: socket.socket, seconds: float) -> None:
        """Take in what comes within the time, or until somebody has answered."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0 and select.select([raw], [], [], left)[0]:
            self.take(raw.recv(MAX_FRAME))
            if self.macs:
                return

    def take(self, frame: bytes) -> None:
        """Anything else than a reply to a question of ours is passed over."""
        if len(frame) < FRAME.size:
            return
        _, _, *kind, operation, mac, sender, _, target = FRAME.unpack_from(frame)
        group_address = mac[0] & 1
        to_us = (*kind, operation) == (*ETHERNET_IPV4, REPLY) and target == self.address
        if to_us and sender in self.asked and not group_address:
            self.macs.add(mac)
