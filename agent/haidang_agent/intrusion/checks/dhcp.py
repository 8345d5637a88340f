"""Asks by DHCP who gives out addresses (RFC 2131, section 4.4.1), so that a server shows itself before a PC meets it.

One DISCOVER in each subnet, in the name of the agent (client identifier), never a REQUEST: no lease is taken. The
answers are heard by the passive watch, whose detector `rogue_dhcp` judges them.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
from typing import TYPE_CHECKING

from haidang_agent.intrusion.check import Check, Found, Site
from haidang_agent.lanwatch.datagrams import IPV4_HEAD, UDP, UDP_HEAD
from haidang_agent.lanwatch.frames import BROADCAST, ETHERTYPE_IPV4
from haidang_agent.lanwatch.protocols.dhcp import (
    CLIENT_PORT,
    COOKIE,
    DISCOVER,
    END,
    HEAD,
    MASK,
    NAME_SERVERS,
    NO_ADDRESS,
    PROXY,
    ROUTERS,
    ROUTES,
    ROUTES_OF_WINDOWS,
    SERVER_PORT,
    TYPE,
)
from haidang_agent.platform.packet import IP_HEADER, TIME_TO_LIVE, checksum
from haidang_agent.probe import ProbeError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from haidang_agent.intrusion.settings import Settings
    from haidang_agent.platform.subnets import Subnet

PARAMETERS, IDENTIFIER = 55, 61
NAME = b"\0haidang-agent"
"""Type 0: no hardware address (RFC 2132, section 9.14)."""
BOOTREQUEST, ETHERNET, MAC_BYTES = 1, 1, 6
ANSWER_BY_BROADCAST = 0x8000
FLAGS_AT = 10
SHORTEST = 300
"""Bytes of a BOOTP message, which some relays insist on (RFC 1542, section 2.1)."""
EVERYBODY = b"\xff" * 4
GONE = frozenset({errno.ENODEV, errno.ENXIO, errno.ENETDOWN})


def run(site: Site) -> Sequence[Found]:
    """Raises ProbeError where not one question could be sent."""
    refused: OSError | None = None
    sent = 0
    for interface in {subnet.interface: subnet for subnet in site.subnets}.values():
        try:
            _send(interface, question(bytes.fromhex(interface.mac.replace(":", "")), os.urandom(4)))
            sent += 1
        except PermissionError as denied:
            raise ProbeError("denied", f"no raw frames: {denied.strerror}") from denied
        except OSError as failed:
            if failed.errno not in GONE:
                raise ProbeError("unreadable", f"{interface.interface}: {failed.strerror}") from failed
            refused = failed
    if refused is not None and not sent:
        raise ProbeError("unreadable", str(refused.strerror)) from refused
    return ()


def question(mac: bytes, transaction: bytes) -> bytes:
    """A DISCOVER as an Ethernet frame."""
    head = bytearray(HEAD.pack(
        BOOTREQUEST, ETHERNET, MAC_BYTES, 0, int.from_bytes(transaction), *[NO_ADDRESS] * 4, mac, b"", b"",
    ))  # fmt: skip
    struct.pack_into("!H", head, FLAGS_AT, ANSWER_BY_BROADCAST)
    wanted = bytes([MASK, ROUTERS, NAME_SERVERS, ROUTES, ROUTES_OF_WINDOWS, PROXY])
    options = ((TYPE, bytes([DISCOVER])), (IDENTIFIER, NAME), (PARAMETERS, wanted))
    told = b"".join(bytes([code, len(value)]) + value for code, value in options)
    message = (bytes(head) + COOKIE + told + bytes([END])).ljust(SHORTEST, b"\0")
    datagram = struct.pack("!HHHH", CLIENT_PORT, SERVER_PORT, UDP_HEAD + len(message), 0) + message
    fields = (0x45, 0, IPV4_HEAD + len(datagram), 0, 0, TIME_TO_LIVE, UDP)
    summed = checksum(IP_HEADER.pack(*fields, 0, NO_ADDRESS, EVERYBODY))
    ip_head = IP_HEADER.pack(*fields, summed, NO_ADDRESS, EVERYBODY)
    return BROADCAST + mac + struct.pack("!H", ETHERTYPE_IPV4) + ip_head + datagram


def _send(subnet: Subnet, frame: bytes) -> None:
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as raw:
        raw.bind((subnet.interface, 0))
        raw.send(frame)


def _every(settings: Settings) -> float:
    return settings.dhcp_ask_every_seconds


CHECK = Check(name="dhcp", run=run, every=_every, hurries=frozenset({"rogue_dhcp"}))
