"""Services by multicast DNS (RFC 6762) and DNS-SD (RFC 6763): asked for politely, and read from anybody's answers."""

from __future__ import annotations

import re
import struct
from typing import TYPE_CHECKING

from haidang_agent.discovery.evidence import Sign
from haidang_agent.lanwatch.protocols import MalformedError
from haidang_agent.lanwatch.protocols.dns import AAAA, HEAD, MOST_RECORDS, RESPONSE, A, read_labels, read_record

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from haidang_agent.lanwatch.protocols.dns import Labels, Record

PORT = 5353
GROUP = "224.0.0.251"
EVERY_TYPE = ("_services", "_dns-sd", "_udp", "local")
QUESTION_TAIL = struct.Struct("!HH")
PTR, TXT, SRV, ANY_CLASS = 12, 16, 33, 1
SRV_FIXED_BYTES = 6
TYPE = re.compile(r"_[a-z0-9-]{1,15}", re.IGNORECASE)
TELLING = (
    "_ipp._tcp",
    "_printer._tcp",
    "_pdl-datastream._tcp",
    "_device-info._tcp",
    "_googlecast._tcp",
    "_airplay._tcp",
)
"""Types whose instances say more than the type: whose printer it is, which model."""
MODEL_KEYS = frozenset({b"ty", b"md", b"model", b"am", b"usb_mdl", b"product"})
SHARED_BY = b" @ "
"""CUPS names a queue that a computer shares `printer @ computer`."""


def question(types: Iterable[str] = ()) -> bytes:
    """One query for the list of service types, or for instances of `types`, to be answered to the asker's own port."""
    names = [EVERY_TYPE] if not types else [(*name.split("."), "local") for name in types]
    asked = b"".join(_written(name) + QUESTION_TAIL.pack(PTR, ANY_CLASS) for name in names)
    return HEAD.pack(0, 0, len(names), 0, 0, 0) + asked


def read(message: bytes) -> Iterator[Sign]:
    """What an answer says of who sent it. Raises MalformedError; what came before the fault is kept by the caller."""
    for record in _records(message):
        if record.kind == PTR:
            yield from _pointer(record, message)
        elif record.kind == TXT:
            yield from (Sign("model", _text(value)) for value in _models(record.data))
        elif record.kind == SRV and len(record.data) > SRV_FIXED_BYTES:
            target, _ = read_labels(message, record.at + SRV_FIXED_BYTES)
            yield from (Sign("name", _text(label)) for label in target[:1])
        elif record.kind in {A, AAAA}:
            yield from (Sign("name", _text(label)) for label in record.owner[:1])


def _pointer(record: Record, message: bytes) -> Iterator[Sign]:
    target, _ = read_labels(message, record.at)
    if _lower(record.owner) == tuple(part.encode() for part in EVERY_TYPE):
        kind = service_type(target)
        if kind:
            yield Sign("mdns", kind)
        return
    kind = service_type(record.owner)
    if kind and len(target) > len(record.owner):
        instance = target[0]
        yield Sign("shared" if SHARED_BY in instance else "mdns", kind)
        yield Sign("name", _text(instance))


def service_type(labels: Labels) -> str:
    """`_ipp._tcp` of `_ipp._tcp.local`, empty where it is none."""
    if len(labels) < 3:  # noqa: PLR2004 - service, protocol, domain
        return ""
    service, protocol, domain = (_text(label).lower() for label in labels[-3:])
    return f"{service}.{protocol}" if TYPE.fullmatch(service) and protocol in {"_tcp", "_udp"} and domain else ""


def _models(data: bytes) -> Iterator[bytes]:
    """Values of the keys that name a model, in a TXT record's strings."""
    at = 0
    while at < len(data):
        pair = data[at + 1 : at + 1 + data[at]]
        at += 1 + data[at]
        key, equals, value = pair.partition(b"=")
        if equals and key.lower() in MODEL_KEYS:
            yield value


def _records(message: bytes) -> Iterator[Record]:
    if len(message) < HEAD.size:
        raise MalformedError("mDNS")
    _, flags, questions, *counts = HEAD.unpack_from(message)
    if not flags & RESPONSE:
        return
    at = HEAD.size
    for _ in range(min(questions, MOST_RECORDS)):
        _, at = read_labels(message, at)
        at += QUESTION_TAIL.size
    for _ in range(min(sum(counts), MOST_RECORDS)):
        found = read_record(message, at)
        yield found
        at = found.end


def _written(labels: Iterable[str]) -> bytes:
    return b"".join(bytes([len(label)]) + label.encode() for label in labels) + b"\0"


def _lower(labels: Labels) -> Labels:
    return tuple(label.lower() for label in labels)


def _text(label: bytes) -> str:
    return label.decode(errors="replace")
