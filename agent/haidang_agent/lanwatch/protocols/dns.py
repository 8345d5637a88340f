"""DNS (RFC 1035), mDNS (RFC 6762), LLMNR (RFC 4795) and NetBIOS name service (RFC 1002): questions and answers."""

from __future__ import annotations

import struct
from typing import NamedTuple

from haidang_agent.lanwatch.protocols import MalformedError

DNS_PORT, NBNS_PORT, MDNS_PORT, LLMNR_PORT = 53, 137, 5353, 5355
PORTS = frozenset({DNS_PORT, NBNS_PORT, MDNS_PORT, LLMNR_PORT})
HEAD = struct.Struct("!HHHHHH")
RECORD = struct.Struct("!HHIH")
A, CNAME, AAAA, NB, NBSTAT = 1, 5, 28, 32, 33
RESPONSE, TRUNCATED = 0x8000, 0x0200
OPCODE_MASK, QUERY = 0x7800, 0
RCODE_MASK = 0x000F
POINTER, POINTER_MASK = 0xC0, 0x3FFF
LONGEST_LABEL, LONGEST_NAME = 63, 255
MOST_POINTERS = 32
MOST_RECORDS = 128
NETBIOS_NAME_BYTES = 32
NB_ENTRY_BYTES = 6


Labels = tuple[bytes, ...]


class Record(NamedTuple):
    """`data` begins at `at` in the message, where names within may point back to, and the next record at `end`."""

    owner: Labels
    kind: int
    at: int
    end: int
    data: bytes


class Dns(NamedTuple):
    """`name` in lower case without the last dot; `answers` are A and AAAA data (for NBNS the owners' addresses)."""

    id: int
    is_response: bool
    is_truncated: bool
    is_query: bool
    code: int
    name: str
    type: int
    answers: frozenset[bytes]


def read(data: bytes) -> Dns:
    """The first question, or the name of the first answer where the question is not repeated. Raises MalformedError."""
    if len(data) < HEAD.size:
        raise MalformedError("DNS")
    number, flags, questions, answers, _authorities, _more = HEAD.unpack_from(data)
    at = HEAD.size
    name, kind = "", 0
    for index in range(min(questions, MOST_RECORDS)):
        asked, at = _name(data, at)
        if at + 4 > len(data):
            raise MalformedError("DNS")
        if index == 0:
            name, kind = asked, int.from_bytes(data[at : at + 2])
        at += 4
    found: set[bytes] = set()
    if flags & RESPONSE:
        for _ in range(min(answers, MOST_RECORDS)):
            answer = read_record(data, at)
            at = answer.end
            if not name:
                name, kind = ".".join(map(_printable, answer.owner)), answer.kind
            found |= _addresses(answer.kind, answer.data)
    is_query = flags & OPCODE_MASK == QUERY
    code = flags & RCODE_MASK
    return Dns(
        number, bool(flags & RESPONSE), bool(flags & TRUNCATED), is_query, code, name, kind, frozenset(found)
    )  # fmt: skip


def read_record(data: bytes, at: int) -> Record:
    """The resource record at `at` (RFC 1035, section 4.1.3). Raises MalformedError."""
    owner, at = read_labels(data, at)
    if at + RECORD.size > len(data):
        raise MalformedError("DNS")
    kind, _class, _ttl, size = RECORD.unpack_from(data, at)
    at += RECORD.size
    if at + size > len(data):
        raise MalformedError("DNS")
    return Record(owner, kind, at, at + size, data[at : at + size])


def read_labels(data: bytes, at: int) -> tuple[Labels, int]:
    """The name at `at`, label by label, and where it ends. Raises MalformedError.

    Pointers (RFC 1035, section 4.1.4) may only lead backwards, which no loop can.
    """
    found: list[bytes] = []
    end, length, pointers = 0, 0, 0
    while True:
        if at >= len(data):
            raise MalformedError("DNS")
        size = data[at]
        if size >= POINTER:
            target = int.from_bytes(data[at : at + 2]) & POINTER_MASK
            pointers += 1
            if at + 2 > len(data) or target >= at or pointers > MOST_POINTERS:
                raise MalformedError("DNS")
            end = end or at + 2
            at = target
            continue
        at += 1
        if size == 0:
            return tuple(found), end or at
        length += size + 1
        if size > LONGEST_LABEL or at + size > len(data) or length > LONGEST_NAME:
            raise MalformedError("DNS")
        found.append(data[at : at + size])
        at += size


def _addresses(kind: int, value: bytes) -> set[bytes]:
    if (kind, len(value)) in {(A, 4), (AAAA, 16)}:
        return {value}
    if kind == NB:
        return {value[at + 2 : at + NB_ENTRY_BYTES] for at in range(0, len(value) - NB_ENTRY_BYTES + 1, NB_ENTRY_BYTES)}
    return set()


def _name(data: bytes, at: int) -> tuple[str, int]:
    found, end = read_labels(data, at)
    return ".".join(map(_printable, found)), end


def netbios_name(encoded: str) -> tuple[str, int]:
    """The name and the kind of service behind the first-level encoding (RFC 1001, section 14.1).

    Raises MalformedError.
    """
    label = encoded.partition(".")[0]
    halves = [ord(letter) - ord("a") for letter in label]
    if len(halves) != NETBIOS_NAME_BYTES or not all(0 <= half <= 0xF for half in halves):  # noqa: PLR2004 - a nibble
        raise MalformedError("NBNS")
    letters = bytes(high << 4 | low for high, low in zip(halves[::2], halves[1::2], strict=True))
    return _printable(letters[:15].rstrip(b" \0")), letters[15]


def _printable(label: bytes) -> str:
    """In lower case; what could upset a terminal is written out."""
    text = label.decode("ascii", "backslashreplace").lower()
    return text if text.isprintable() else "".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in text)
