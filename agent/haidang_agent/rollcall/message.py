"""Questions and answers of the roll call: one UDP datagram each, signed with the unit's key.

All are of one length, so that an answer never has more bytes than its question (no amplifier, RFC 8085 section 3.1.5)::

    "HDRC"  version  kind  nonce[16]  body, filled up with zeros  HMAC-SHA-256[32] of all that stands before it

A question's body is the time of asking (milliseconds of Unix time), the address it is meant for, and the room; an
answer's is machine, strength, number and addresses of network cards, and the room. A question for one address is no
good at another one: recorded and sent elsewhere, it would put that machine into the wrong room.

The signature proves that an agent of the unit has spoken, not which one: whoever may read the key on one machine can
speak for all of them. Nothing is kept from listeners but the mainboard's numbers, of which only a keyed hash is told.
"""

from __future__ import annotations

import hmac
import struct
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from haidang_agent.probe import Timekeeper

PORT = 9811
KEY_BYTES = 32
NONCE_BYTES = 16
MACHINE_BYTES = 16
LONGEST_LAB = 100
"""Characters of a room's name, as in the registry; in UTF-8 four bytes each at most."""
MOST_CARDS = 8
DATAGRAM_BYTES = 576
LONGEST_DATAGRAM = 65535
"""What is taken in: Windows fails to give one that is longer than asked for."""

MAGIC, VERSION = b"HDRC", 1
QUESTION, ANSWER = 1, 2
HASH = "sha256"
SIGNATURE_BYTES = 32
HEAD = struct.Struct(f"!4sBB{NONCE_BYTES}s")
ASKED = struct.Struct("!Q4sH")
ANSWERED = struct.Struct(f"!{MACHINE_BYTES}s?BH")
MAC_BYTES = 6


@dataclass(frozen=True, slots=True)
class Question:
    """`sent` in seconds of Unix time; `lab` is the room that the site worked out for `address`, empty for none."""

    nonce: bytes
    sent: float
    address: IPv4Address
    lab: str


@dataclass(frozen=True, slots=True)
class Statement:
    """What a machine says of itself to the question with this `nonce`; the fields are those of `asking.Answer`."""

    nonce: bytes
    machine: str
    strong: bool
    macs: tuple[str, ...]
    lab: str


def unix_time(time: Timekeeper) -> float:
    """The centre's time, the machine's own where that is not known; what both sides hold their clocks by."""
    return time.moment().unix


def pack_question(question: Question, key: bytes) -> bytes:
    """Raises ValueError for a name of a room beyond 100 characters."""
    lab = _encoded(question.lab)
    body = ASKED.pack(round(question.sent * 1000), question.address.packed, len(lab)) + lab
    return _signed(QUESTION, question.nonce, body, key)


def unpack_question(datagram: bytes, key: bytes) -> Question | None:
    """None for anything but a question signed with this key."""
    if (signed := _opened(datagram, QUESTION, key)) is None:
        return None
    nonce, body = signed
    sent, address, length = ASKED.unpack_from(body)
    lab = _decoded(body[ASKED.size :], length)
    return None if lab is None else Question(nonce, sent / 1000, IPv4Address(address), lab)


def pack_answer(statement: Statement, key: bytes) -> bytes:
    """The first eight cards are told. Raises ValueError for a name of a room beyond 100 characters."""
    lab, macs = _encoded(statement.lab), statement.macs[:MOST_CARDS]
    machine = bytes.fromhex(statement.machine)
    body = ANSWERED.pack(machine, statement.strong, len(macs), len(lab))
    body += b"".join(bytes.fromhex(mac.replace(":", "")) for mac in macs) + lab
    return _signed(ANSWER, statement.nonce, body, key)


def unpack_answer(datagram: bytes, key: bytes) -> Statement | None:
    """None for anything but an answer signed with this key."""
    if (signed := _opened(datagram, ANSWER, key)) is None:
        return None
    nonce, body = signed
    machine, strong, cards, length = ANSWERED.unpack_from(body)
    if cards > MOST_CARDS:
        return None
    end = ANSWERED.size + cards * MAC_BYTES
    lab = _decoded(body[end:], length)
    if lab is None:
        return None
    told = machine.hex() if any(machine) else ""
    return Statement(nonce, told, strong, _macs(body[ANSWERED.size : end]), lab)


def _signed(kind: int, nonce: bytes, body: bytes, key: bytes) -> bytes:
    if len(key) != KEY_BYTES:
        raise ValueError(f"the unit's key has {len(key)} bytes, not {KEY_BYTES}")
    filled = (HEAD.pack(MAGIC, VERSION, kind, nonce) + body).ljust(DATAGRAM_BYTES - SIGNATURE_BYTES, b"\0")
    return filled + hmac.digest(key, filled, HASH)


def _opened(datagram: bytes, kind: int, key: bytes) -> tuple[bytes, bytes] | None:
    """Nonce and body; what is of no use is told by its length and head before anything is reckoned."""
    if len(datagram) != DATAGRAM_BYTES or not datagram.startswith(MAGIC + bytes((VERSION, kind))):
        return None
    filled, signature = datagram[:-SIGNATURE_BYTES], datagram[-SIGNATURE_BYTES:]
    if not hmac.compare_digest(hmac.digest(key, filled, HASH), signature):
        return None
    return HEAD.unpack_from(filled)[3], filled[HEAD.size :]


def _encoded(lab: str) -> bytes:
    if len(lab) > LONGEST_LAB:
        raise ValueError(f"the name of a room has {len(lab)} characters; {LONGEST_LAB} are allowed")
    return lab.encode()


def _decoded(data: bytes, length: int) -> str | None:
    """None for what is no name of a room: too long, or no UTF-8."""
    if length > len(data):
        return None
    try:
        lab = data[:length].decode()
    except UnicodeDecodeError:
        return None
    return lab if len(lab) <= LONGEST_LAB else None


def _macs(data: Sequence[int]) -> tuple[str, ...]:
    return tuple(bytes(data[at : at + MAC_BYTES]).hex(":") for at in range(0, len(data), MAC_BYTES))
