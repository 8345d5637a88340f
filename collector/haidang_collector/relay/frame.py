"""A frame that a relay hands over: a line that says what it is, one that says whose, the writer's signature, a body.

The body is a remote write request. All before the signature and all after it is signed with a key made from the
writer's own, which the relay does not have; of the writer's key the centre knows the SHA-256.
"""

from __future__ import annotations

import hmac
import json
import re
from dataclasses import dataclass

MAGIC = b"HAIDANG-RELAY 1\n"
SIGNED_FOR = b"haidang-relay-1"
SIGNATURE_BYTES = 32
LONGEST_LINE = 300
LONGEST_FRAME = 2 << 20
AGENT = re.compile("[A-Za-z0-9-]{1,32}")
NUMBER = re.compile("[0-9a-f]{32}")


class BadFrameError(ValueError):
    """These bytes are no frame; the text says what is wrong."""


@dataclass(frozen=True, slots=True)
class Frame:
    """`agent` is who says to have written it, `number` the frame's own, of chance. `head` are both lines."""

    agent: str
    number: str
    head: bytes
    signature: bytes
    body: bytes

    def is_signed_by(self, key_hash: str) -> bool:
        """By the agent that holds the key of this hash."""
        key = hmac.digest(key_hash.encode(), SIGNED_FOR, "sha256")
        return hmac.compare_digest(hmac.digest(key, self.head + self.body, "sha256"), self.signature)


def read(content: bytes) -> Frame:
    """Raises BadFrameError."""
    end = content.find(b"\n", len(MAGIC), len(MAGIC) + LONGEST_LINE) + 1
    body = end + SIGNATURE_BYTES
    if not content.startswith(MAGIC) or not end or len(content) <= body:
        raise BadFrameError("is no frame of an agent, or is cut off")
    agent, number = _label(content[len(MAGIC) : end])
    return Frame(agent, number, content[:end], content[end:body], content[body:])


def _label(line: bytes) -> tuple[str, str]:
    try:
        label = json.loads(line)
        agent, number = label["agent"], label["frame"]
        if AGENT.fullmatch(agent) and NUMBER.fullmatch(number):
            return agent, number
    except (ValueError, KeyError, TypeError, RecursionError):
        pass
    raise BadFrameError("its second line does not say whose it is")
