"""What a host agent gives into a relay's custody: a line that says what it is, one that says whose, signature and body.

The signature is of the writer's own key, which the relay does not have. The proof and the receipt that go with a frame
on the school's network are of the unit's key: only the unit's own agents may deposit, and no other machine can pretend
to have taken something.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import secrets
from typing import TYPE_CHECKING, NamedTuple

from haidang_agent.outbox_export import signing_key
from haidang_agent.wire import encode

if TYPE_CHECKING:
    from haidang_agent.credentials import Credentials
    from haidang_agent.outbox import Batch

MAGIC = b"HAIDANG-RELAY 1\n"
SIGNED_FOR = b"haidang-relay-1"
PROOF_FOR, RECEIPT_FOR = b"haidang-relay-proof-1\n", b"haidang-relay-receipt-1\n"
SIGNATURE_BYTES = 32
"""HMAC-SHA256 over both lines and the body."""
LONGEST_LINE = 300
LONGEST_FRAME = 2 << 20
MOST_SAMPLES = 60_000
LATEST_MS = 1 << 48
AGENT = re.compile("[A-Za-z0-9-]{1,32}")
FRAME = re.compile("[0-9a-f]{32}")


class BadFrameError(ValueError):
    """These bytes are no frame; the text says what is wrong."""


class Label(NamedTuple):
    """What a frame says of itself; nobody but the centre can tell whether it is true. `newest_ms`: of its samples."""

    agent: str
    frame: str
    newest_ms: int
    samples: int


def seal(who: Credentials, batch: Batch) -> bytes:
    """These snapshots as a remote write request, signed."""
    label = Label(who.agent, secrets.token_hex(16), batch.timestamps_ms[-1], len(batch.ids) * len(batch.layout))
    head = MAGIC + json.dumps(label._asdict()).encode() + b"\n"
    body = encode(batch.layout, batch.timestamps_ms, batch.values)
    return head + hmac.digest(signing_key(who.key, SIGNED_FOR), head + body, "sha256") + body


def read_label(frame: bytes) -> Label:
    """Raises BadFrameError."""
    end = frame.find(b"\n", len(MAGIC), len(MAGIC) + LONGEST_LINE)
    if not frame.startswith(MAGIC) or end < 0 or len(frame) <= end + 1 + SIGNATURE_BYTES:
        raise BadFrameError("is no frame of an agent")
    try:
        label = Label(**json.loads(frame[len(MAGIC) : end]))
        sound = (
            AGENT.fullmatch(label.agent)
            and FRAME.fullmatch(label.frame)
            and _is_count(label.newest_ms, LATEST_MS)
            and _is_count(label.samples, MOST_SAMPLES)
        )
    except (ValueError, TypeError, RecursionError):
        sound = None
    if not sound:
        raise BadFrameError("its second line does not say whose it is")
    return label


def proof(unit_key: bytes, frame: bytes) -> str:
    """That one of the unit's agents deposits this."""
    return hmac.digest(unit_key, PROOF_FOR + frame, "sha256").hex()


def receipt(unit_key: bytes, frame: bytes) -> str:
    """That one of the unit's agents has this on its disk."""
    return hmac.digest(unit_key, RECEIPT_FOR + hashlib.sha256(frame).digest(), "sha256").hex()


def _is_count(number: object, most: int) -> bool:
    return type(number) is int and 0 <= number <= most
