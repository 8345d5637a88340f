"""Frames and capture files, built byte by byte from the standards."""

from __future__ import annotations

import io
import struct
from ipaddress import ip_address
from typing import TYPE_CHECKING

from haidang_agent.lanwatch.analyse import Analysis, analyse

if TYPE_CHECKING:
    from collections.abc import Iterable

EVERYBODY = "ff:ff:ff:ff:ff:ff"
NOBODY = "00:00:00:00:00:00"
START = 1_700_000_000.0

Timed = tuple[float, bytes]
"""Seconds after the start, and the frame."""


def mac(text: str) -> bytes:
    return bytes.fromhex(text.replace(":", ""))


def ip(text: str) -> bytes:
    return ip_address(text).packed


def ethernet(source: str, destination: str, ethertype: int, content: bytes, vlans: Iterable[int] = ()) -> bytes:
    tags = b"".join(struct.pack("!HH", 0x8100, vlan) for vlan in vlans)
    return mac(destination) + mac(source) + tags + struct.pack("!H", ethertype) + content


def arp(operation: int, sender_mac: str, sender: str, target_mac: str, target: str) -> bytes:
    head = struct.pack("!HHBBH", 1, 0x0800, 6, 4, operation)
    return head + mac(sender_mac) + ip(sender) + mac(target_mac) + ip(target)


def asks(who: str, sender: str, target: str, vlans: Iterable[int] = ()) -> bytes:
    return ethernet(who, EVERYBODY, 0x0806, arp(1, who, sender, NOBODY, target), vlans)


def replies(who: str, sender: str, to: str, target: str, vlans: Iterable[int] = ()) -> bytes:
    return ethernet(who, to, 0x0806, arp(2, who, sender, to, target), vlans)


def announces(who: str, sender: str) -> bytes:
    return asks(who, sender, sender)


def ipv4(source: str, destination: str, protocol: int, content: bytes, hops: int = 64, fragment: int = 0) -> bytes:
    size = 20 + len(content)
    head = struct.pack("!BBHHHBB", 0x45, 0, size, 0, fragment, hops, protocol)
    addresses = ip(source) + ip(destination)
    words = sum(struct.unpack("!9H", head + addresses)) % 0xFFFF
    return head + struct.pack("!H", 0xFFFF - words) + addresses + content


def ipv6(source: str, destination: str, protocol: int, content: bytes, hops: int = 255) -> bytes:
    return struct.pack("!IHBB", 6 << 28, len(content), protocol, hops) + ip(source) + ip(destination) + content


def udp(source: int, destination: int, content: bytes) -> bytes:
    return struct.pack("!HHHH", source, destination, 8 + len(content), 0) + content


def datagram(
    source: tuple[str, str, int], destination: tuple[str, str, int], content: bytes, vlans: Iterable[int] = ()
) -> bytes:
    """Both ends as MAC address, IP address, port."""
    inner = udp(source[2], destination[2], content)
    if ":" in source[1]:
        return ethernet(source[0], destination[0], 0x86DD, ipv6(source[1], destination[1], 17, inner), vlans)
    return ethernet(source[0], destination[0], 0x0800, ipv4(source[1], destination[1], 17, inner), vlans)


def packet(source: tuple[str, str], destination: tuple[str, str]) -> bytes:
    """A TCP segment, whose content does not matter."""
    return ethernet(source[0], destination[0], 0x0800, ipv4(source[1], destination[1], 6, bytes(20)))


def bootp(
    kind: int,
    transaction: int,
    client: str,
    *,
    offered: str = "0.0.0.0",
    relay: str = "0.0.0.0",
    options: Iterable[tuple[int, bytes]] = (),
) -> bytes:
    reply = kind in {2, 5, 6}
    head = struct.pack("!BBBBIHH", 2 if reply else 1, 1, 6, 0, transaction, 0, 0)
    addresses = ip("0.0.0.0") + ip(offered) + ip("0.0.0.0") + ip(relay)
    told = b"".join(bytes([code, len(value)]) + value for code, value in [(53, bytes([kind])), *options])
    return head + addresses + mac(client).ljust(16, b"\0") + bytes(192) + bytes.fromhex("63825363") + told + b"\xff"


def dhcp_client(
    kind: int, transaction: int, client: str, *, card: str = "", options: Iterable[tuple[int, bytes]] = ()
) -> bytes:
    content = bootp(kind, transaction, client, options=options)
    return datagram((card or client, "0.0.0.0", 68), (EVERYBODY, "255.255.255.255", 67), content)


def dhcp_server(
    kind: int,
    transaction: int,
    client: str,
    server: tuple[str, str],
    *,
    router: str = "",
    offered: str = "10.0.0.50",
    relay: str = "0.0.0.0",
    identifier: str = "",
    more: Iterable[tuple[int, bytes]] = (),
) -> bytes:
    """`server` is MAC and IP address."""
    options = [(54, ip(identifier or server[1])), (1, ip("255.255.255.0")), (3, ip(router or server[1])), *more]
    content = bootp(kind, transaction, client, offered=offered, relay=relay, options=options)
    return datagram((server[0], server[1], 67), (client, offered, 68), content)


def name(text: str) -> bytes:
    return b"".join(bytes([len(label)]) + label.encode() for label in text.split(".")) + b"\0"


def dns(number: int, asked: str, answers: Iterable[str] = (), *, response: bool = False, code: int = 0) -> bytes:
    found = list(answers)
    flags = (0x8180 if response else 0x0100) | code
    question = name(asked) + struct.pack("!HH", 1, 1)
    records = b"".join(struct.pack("!HHHIH", 0xC00C, 1, 1, 60, 4) + ip(one) for one in found)
    return struct.pack("!HHHHHH", number, flags, 1, len(found), 0, 0) + question + records


def netbios(number: int, asked: str, answer: str = "", suffix: int = 0x20) -> bytes:
    padded = asked.upper().encode().ljust(15) + bytes([suffix])
    encoded = bytes(ord("A") + half for byte in padded for half in (byte >> 4, byte & 0xF))
    owner = b"\x20" + encoded + b"\0"
    if not answer:
        return struct.pack("!HHHHHH", number, 0x0110, 1, 0, 0, 0) + owner + struct.pack("!HH", 32, 1)
    record = owner + struct.pack("!HHIHH", 32, 1, 60, 6, 0) + ip(answer)
    return struct.pack("!HHHHHH", number, 0x8500, 0, 1, 0, 0) + record


def router_advertisement(
    who: str,
    address: str,
    *,
    prefix: str = "2001:db8:1::",
    lifetime: int = 1800,
    preference: int = 0,
    managed: bool = False,
    hops: int = 255,
) -> bytes:
    body = struct.pack("!BBHBBHII", 134, 0, 0, 64, managed << 7 | (preference & 3) << 3, lifetime, 0, 0)
    body += struct.pack("!BBBBIII", 3, 4, 64, 0xC0, 86400, 14400, 0) + ip(prefix)
    return ethernet(who, "33:33:00:00:00:01", 0x86DD, ipv6(address, "ff02::1", 58, body, hops))


def solicits(who: str, target: str, source: str = "::") -> bytes:
    body = struct.pack("!BBHI", 135, 0, 0, 0) + ip(target)
    return ethernet(who, "33:33:ff:00:00:01", 0x86DD, ipv6(source, "ff02::1:ff00:1", 58, body))


def advertises(who: str, target: str, *, solicited: bool = False, override: bool = True, said: str = "") -> bytes:
    body = struct.pack("!BBHI", 136, 0, 0, (solicited << 30) | (override << 29)) + ip(target)
    body += bytes([2, 1]) + mac(said or who)
    return ethernet(who, "33:33:00:00:00:01", 0x86DD, ipv6(target, "ff02::1", 58, body))


def pcap(frames: Iterable[Timed], *, order: str = "<", nanoseconds: bool = False, link: int = 1) -> bytes:
    parts = [struct.pack(f"{order}IHHIIII", 0xA1B23C4D if nanoseconds else 0xA1B2C3D4, 2, 4, 0, 0, 262144, link)]
    scale = 10**9 if nanoseconds else 10**6
    for seconds, frame in frames:
        whole, fraction = divmod(round((START + seconds) * 10**6), 10**6)
        parts.append(struct.pack(f"{order}IIII", whole, fraction * (scale // 10**6), len(frame), len(frame)) + frame)
    return b"".join(parts)


def look(frames: Iterable[Timed]) -> Analysis:
    """What the analysis of a capture of these frames finds."""
    return analyse(io.BytesIO(pcap(frames)))


def found(frames: Iterable[Timed]) -> list[tuple[str, str]]:
    """Kind and severity of each incident."""
    return [(incident.kind, incident.severity) for incident in look(frames).incidents]


ROUTER, PC, EVIL, OTHER = "3c:52:82:00:00:01", "00:1f:16:00:10:02", "00:0c:29:00:20:66", "a4:5d:36:00:30:03"
GATEWAY, PC_IP, EVIL_IP = "10.0.0.1", "10.0.0.2", "10.0.0.66"


def everyday(since: float = 0.0) -> list[Timed]:
    """The PC asks for its router and is answered; the router asks for the PC."""
    return [
        (since, asks(PC, PC_IP, GATEWAY)),
        (since + 0.001, replies(ROUTER, GATEWAY, PC, PC_IP)),
        (since + 0.5, asks(ROUTER, GATEWAY, PC_IP)),
        (since + 0.501, replies(PC, PC_IP, ROUTER, GATEWAY)),
    ]
