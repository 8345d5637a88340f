"""What devices say, built byte by byte from the standards."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tests.lab.lan import Datagram

PTR, TXT, SRV = 12, 16, 33


def name(text: str) -> bytes:
    labels = [label.encode() for label in text.split(".")]
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


def record(owner: bytes, kind: int, data: bytes) -> bytes:
    return owner + struct.pack("!HHIH", kind, 0x8001, 120, len(data)) + data


def mdns(*records: bytes) -> bytes:
    return struct.pack("!HHHHHH", 0, 0x8400, 0, len(records), 0, 0) + b"".join(records)


def services(*types: str) -> bytes:
    """The answer to the question for all service types."""
    return mdns(*(record(name("_services._dns-sd._udp.local"), PTR, name(f"{each}.local")) for each in types))


def instance(kind: str, called: str, *pairs: str) -> bytes:
    """One instance of a service, with its TXT record."""
    owner = bytes([len(called.encode())]) + called.encode() + name(f"{kind}.local")
    texts = b"".join(bytes([len(pair)]) + pair.encode() for pair in pairs)
    return mdns(record(name(f"{kind}.local"), PTR, owner), record(owner, TXT, texts or b"\0"))


def node_status(*held: tuple[str, int]) -> bytes:
    """NetBIOS names with their suffixes; suffixes 1c and 1e are groups'."""
    rows = b"".join(
        called.ljust(15).encode() + struct.pack("!BH", suffix, 0x8400 if suffix in {0x1C, 0x1E} else 0x0400)
        for called, suffix in held
    )
    data = bytes([len(held)]) + rows + bytes(46)
    wildcard = b"\x20CKAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\0"
    head = struct.pack("!HHHHHH", 0, 0x8400, 0, 1, 0, 0)
    return head + wildcard + struct.pack("!HHIH", 0x21, 1, 0, len(data)) + data


def ssdp(kind: str, program: str) -> bytes:
    lines = ("HTTP/1.1 200 OK", "CACHE-CONTROL: max-age=1800", f"ST: {kind}", f"SERVER: {program}", "EXT:", "", "")
    return "\r\n".join(lines).encode()


def probe_match(types: str) -> bytes:
    return (
        '<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Header><a:Action>'
        "http://schemas.xmlsoap.org/ws/2005/04/discovery/ProbeMatches</a:Action></s:Header><s:Body>"
        f"<d:ProbeMatches><d:ProbeMatch><d:Types>{types}</d:Types></d:ProbeMatch></d:ProbeMatches></s:Body></s:Envelope>"
    ).encode()


def on(port: int, *answers: bytes) -> Callable[[Datagram], bytes | None]:
    """Says the answers, one a question, to whoever asks at this port."""
    left = list(answers)

    def says(came: Datagram) -> bytes | None:
        return left.pop(0) if came.target[1] == port and left else None

    return says


def first_of(speakers: Iterable[Callable[[Datagram], bytes | None]]) -> Callable[[Datagram], bytes | None]:
    every = tuple(speakers)
    return lambda came: next((said for speaker in every if (said := speaker(came)) is not None), None)
