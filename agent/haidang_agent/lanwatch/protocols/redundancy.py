"""First-hop redundancy: VRRP (RFC 9568) and CARP, HSRP (RFC 2281 and version 2), GLBP.

A machine that speaks one of them may take over an address at any time; MAC addresses made for it say so by themselves.
"""

from __future__ import annotations

from typing import NamedTuple

from haidang_agent.lanwatch.protocols import MalformedError

VRRP_PROTOCOL = 112
VRRP_HEAD_BYTES = 8
HSRP_PORT, GLBP_PORT = 1985, 3222

VIRTUAL_PREFIXES = (
    b"\x00\x00\x5e\x00\x01",  # VRRP and CARP, IPv4
    b"\x00\x00\x5e\x00\x02",  # VRRP, IPv6
    b"\x00\x00\x0c\x07\xac",  # HSRP
    *(b"\x00\x00\x0c\x9f" + bytes([0xF0 | group]) for group in range(16)),  # HSRP version 2: 00:00:0c:9f:fx
    b"\x00\x05\x73\xa0",  # HSRP, IPv6
    b"\x00\x07\xb4",  # GLBP
    b"\x02\xbf",  # Microsoft network load balancing, unicast
)
"""Sources: RFC 9568, section 7.3; Cisco's configuration guides of HSRP and GLBP; Microsoft's of NLB."""


class Redundancy(NamedTuple):
    """A router's word that it belongs to a group of routers."""

    protocol: str


def read_vrrp(data: bytes) -> Redundancy:
    """Raises MalformedError."""
    if len(data) < VRRP_HEAD_BYTES:
        raise MalformedError("VRRP")
    return Redundancy("VRRP")


def read_udp(port: int, data: bytes) -> Redundancy:
    """Raises MalformedError."""
    name = "HSRP" if port == HSRP_PORT else "GLBP"
    if len(data) < 8:  # noqa: PLR2004 - the shortest head of any version
        raise MalformedError(name)
    return Redundancy(name)


def is_virtual(mac: bytes) -> bool:
    """Made for a group of machines, not for one."""
    return mac.startswith(VIRTUAL_PREFIXES)
