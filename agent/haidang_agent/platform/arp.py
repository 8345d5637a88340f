"""Who answers ARP on an Ethernet segment (RFC 826), by a raw packet socket (packet(7)); needs CAP_NET_RAW.

The frames are 42 bytes of fixed layout; scapy would cost the agent 74 MiB for them.
"""

from __future__ import annotations

import select
import socket
import struct
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from ipaddress import IPv4Address, IPv4Network

ETH_P_ARP = 0x0806
REQUEST, REPLY = 1, 2
FRAME = struct.Struct("!6s6sHHHBBH6s4s6s4s")
BROADCAST = b"\xff" * 6
LINGER_SECONDS = 1.0
MAX_FRAME = 2048


def sweep(interface: str, own: IPv4Address, network: IPv4Network, packets_per_second: float) -> set[str]:
    """Ask for every address of `network` once; the MAC addresses that answered.

    Raises PermissionError without the capability, OSError where the interface is gone.
    """
    # PF_PACKET exists on Linux only; the caller looks at that.
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ARP)) as raw:
        raw.bind((interface, ETH_P_ARP))
        mac = raw.getsockname()[4]
        answered: set[bytes] = set()
        for address in _others(network, own):
            raw.send(_request(mac, own, address))
            answered |= _listen(raw, network, 1 / packets_per_second)
        answered |= _listen(raw, network, LINGER_SECONDS)
    return {text(found) for found in answered}


def text(mac: bytes) -> str:
    """`02:00:5e:10:00:01`."""
    return mac.hex(":")


def _others(network: IPv4Network, own: IPv4Address) -> Iterable[IPv4Address]:
    return (address for address in network.hosts() if address != own)


def _request(mac: bytes, own: IPv4Address, wanted: IPv4Address) -> bytes:
    return FRAME.pack(BROADCAST, mac, ETH_P_ARP, 1, 0x0800, 6, 4, REQUEST, mac, own.packed, b"\0" * 6, wanted.packed)


def _listen(raw: socket.socket, network: IPv4Network, seconds: float) -> set[bytes]:
    """MAC addresses of the replies for addresses of this network that come within the time."""
    found: set[bytes] = set()
    low, high = int(network.network_address), int(network.broadcast_address)
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        if not select.select([raw], [], [], left)[0]:
            break
        frame = raw.recv(MAX_FRAME)
        if len(frame) < FRAME.size:
            continue
        _, _, kind, hardware, protocol, _, _, operation, mac, sender, _, _ = FRAME.unpack_from(frame)
        if (kind, hardware, protocol, operation) != (ETH_P_ARP, 1, 0x0800, REPLY):
            continue
        if low <= int.from_bytes(sender) <= high and not mac[0] & 1:
            found.add(mac)
    return found
