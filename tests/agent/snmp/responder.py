"""An SNMPv2c agent on loopback that serves recordings, and lies where a test tells it to.

Its BER (X.690) is written apart from everything the agent uses.
"""

import socket
import threading
import time
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from pathlib import Path
from random import Random
from typing import Self

from tests.agent.snmp.recording import Key, key, value

GET, NEXT, RESPONSE, BULK = 0xA0, 0xA1, 0xA2, 0xA5
NO_SUCH_INSTANCE, END_OF_MIB = b"\x81\x00", b"\x82\x00"
TOO_BIG, GEN_ERR = 1, 5


def tlv(tag: int, body: bytes) -> bytes:
    length = len(body)
    if length < 0x80:
        return bytes((tag, length)) + body
    many = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(many))) + many + body


def integer(number: int, tag: int = 2) -> bytes:
    return tlv(tag, number.to_bytes(number.bit_length() // 8 + 1, "big", signed=True))


def base128(arc: int) -> bytes:
    septets = [arc & 0x7F]
    while arc := arc >> 7:
        septets.append(arc & 0x7F | 0x80)
    return bytes(reversed(septets))


def oid_tlv(arcs: Key) -> bytes:
    return tlv(6, b"".join(base128(arc) for arc in (40 * arcs[0] + arcs[1], *arcs[2:])))


def read_tlv(data: bytes, at: int) -> tuple[int, bytes, int]:
    """Tag, contents, and where the next begins."""
    tag, length, at = data[at], data[at + 1], at + 2
    if length & 0x80:
        many = length & 0x7F
        length, at = int.from_bytes(data[at : at + many], "big"), at + many
    return tag, data[at : at + length], at + length


def read_oid(body: bytes) -> Key:
    arcs, arc = [], 0
    for octet in body:
        arc = arc << 7 | octet & 0x7F
        if not octet & 0x80:
            arcs.append(arc)
            arc = 0
    first = min(arcs[0] // 40, 2)
    return (first, arcs[0] - 40 * first, *arcs[1:])


class Device:
    """What one community shows: values in BER by OID, in the order they are told."""

    def __init__(self, rows: Mapping[str, bytes]) -> None:
        self.rows = {key(oid): row for oid, row in rows.items()}
        self.order = sorted(self.rows)

    @classmethod
    def read(cls, path: Path) -> Self:
        rows = {}
        for line in path.read_bytes().splitlines():
            oid, tag, raw = line.split(b"|", 2)
            rows[oid.decode().strip(".")] = encoded(tag.decode(), raw)
        return cls(rows)

    def after(self, asked: Key) -> Key | None:
        at = bisect_right(self.order, asked)
        return self.order[at] if at < len(self.order) else None


def encoded(tag: str, raw: bytes) -> bytes:
    """A value of a .snmprec file in BER."""
    number, told = int(tag.rstrip("xe")), value(tag, raw)
    match told:
        case None:
            return b"\x05\x00"
        case int():
            return integer(told, number)
        case IPv4Address():
            return tlv(number, told.packed)
        case bytes():
            return tlv(number, told)
    return oid_tlv(key(told))


@dataclass
class Lies:
    """`falls_silent_after` so many answers; `bulk`: what GETBULK gets; `circle`: behind the one OID comes the other.

    `cut_at`: answers end after so many bytes; `too_big_over`: GETBULK for more rows is refused; `broken` objects give
    genErr; `garbage` comes in place of every answer; `damage` changes, adds or takes bytes.
    """

    delay: float = 0.0
    falls_silent_after: float = float("inf")
    bulk: str = "works"
    cut_at: int | None = None
    too_big_over: float = float("inf")
    circle: dict[str, str] = field(default_factory=dict)
    broken: tuple[str, ...] = ()
    most_bytes: int = 1400
    garbage: bytes = b""
    damage: Random | None = None


class Responder:
    """Context manager. `asked` holds PDU tag, community, maximum repetitions and OIDs of every request."""

    def __init__(self, devices: Mapping[str, Device], lies: Lies | None = None) -> None:
        self.devices = dict(devices)
        self.lies = lies or Lies()
        self.asked: list[tuple[int, str, int, list[str]]] = []
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.sendto(b"", ("127.0.0.1", self.port))
        self._thread.join()
        self._socket.close()

    def _serve(self) -> None:
        while True:
            message, peer = self._socket.recvfrom(65535)
            if not message:
                return
            answer = self._answer(message)
            if answer is None or len(self.asked) > self.lies.falls_silent_after:
                continue
            time.sleep(self.lies.delay)
            if self.lies.damage:
                answer = damaged(answer, self.lies.damage)
            self._socket.sendto(self.lies.garbage or answer[: self.lies.cut_at], peer)

    def _answer(self, message: bytes) -> bytes | None:
        _, body, _ = read_tlv(message, 0)
        _, version, at = read_tlv(body, 0)
        _, community, at = read_tlv(body, at)
        tag, pdu, _ = read_tlv(body, at)
        _, request, at = read_tlv(pdu, 0)
        _, _, at = read_tlv(pdu, at)
        _, repetitions, at = read_tlv(pdu, at)
        _, bindings, _ = read_tlv(pdu, at)
        asked = read_bindings(bindings)
        device = self.devices.get(community.decode())
        if version != b"\x01" or device is None:
            return None
        most = int.from_bytes(repetitions, "big")
        self.asked.append((tag, community.decode(), most, [".".join(map(str, oid)) for oid in asked]))
        if tag == BULK and self.lies.bulk == "silent":
            return None
        error, rows = self._rows(device, tag, asked, most)
        told = b"".join(tlv(0x30, oid_tlv(oid) + row) for oid, row in rows)
        answer = tlv(RESPONSE, tlv(2, request) + integer(error) + integer(0) + tlv(0x30, told))
        return tlv(0x30, integer(1) + tlv(4, community) + answer)

    def _rows(self, device: Device, tag: int, asked: Sequence[Key], most: int) -> tuple[int, list[tuple[Key, bytes]]]:
        empty = [(oid, b"\x05\x00") for oid in asked]
        if tag == BULK and (most > self.lies.too_big_over or self.lies.bulk == "refused"):
            return TOO_BIG, []
        if tag == GET:
            if any(oid == key(broken) for oid in asked for broken in self.lies.broken):
                return GEN_ERR, empty
            return 0, [(oid, device.rows.get(oid, NO_SUCH_INSTANCE)) for oid in asked]
        rows: list[tuple[Key, bytes]] = []
        at, size = asked[0], 0
        for _ in range(most if tag == BULK else 1):
            following = self._after(device, at)
            if following is None:
                rows.append((at, END_OF_MIB))
                break
            if any(following == key(broken) for broken in self.lies.broken):
                return (0, rows) if rows else (GEN_ERR, empty)
            size += len(oid_tlv(following)) + len(device.rows[following]) + 4
            if rows and size > self.lies.most_bytes:
                break
            rows.append((following, device.rows[following]))
            at = following
        return 0, rows

    def _after(self, device: Device, at: Key) -> Key | None:
        told = self.lies.circle.get(".".join(map(str, at)))
        return key(told) if told else device.after(at)


def damaged(answer: bytes, random: Random) -> bytes:
    at = random.randrange(len(answer))
    head, tail, some = answer[:at], answer[at:], random.randbytes(random.randrange(1, 9))
    return random.choice((answer, head + some[:1] + tail[1:], head + tail[len(some) :], head + some + tail))


def read_bindings(data: bytes) -> list[Key]:
    at, found = 0, []
    while at < len(data):
        _, binding, at = read_tlv(data, at)
        found.append(read_oid(read_tlv(binding, 0)[1]))
    return found
