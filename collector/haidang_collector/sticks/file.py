"""A file that `haidang-agent export` wrote: a line that says what it is, one that says whose, and signed frames.

Each frame is good or bad by itself, so one that was cut off gives what is whole of it. The body of a frame is a remote
write request of its agent; or, where that is a relay, what another one has sealed (`relay.frame`).
"""

from __future__ import annotations

import hmac
import json
import re
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from haidang_collector.relay.frame import MAGIC as RELAYED

if TYPE_CHECKING:
    from collections.abc import Iterator

MAGIC = b"HAIDANG-EXPORT 1\n"
SIGNED_FOR = b"haidang-export-1"
LONGEST_LINE = 1000
LONGEST_BODY = 4 << 20
HIGHEST_NUMBER = 99_999
FRAME = struct.Struct(">II32s")
"""Number, length of the body, HMAC-SHA256 over the header's line, number and body."""
AGENT = re.compile("[A-Za-z0-9-]{1,32}")
EXPORT = re.compile("[0-9a-f]{8,32}")


class BadExportError(ValueError):
    """These bytes are no export, or a part of one that cannot be taken; the text says what is wrong."""


@dataclass(frozen=True, slots=True)
class Frame:
    """A part of an export. `line` is the header's as it stands in the file. An empty `body` ends the export."""

    agent: str
    export: str
    line: bytes
    number: int
    signature: bytes
    body: bytes

    @property
    def is_relayed(self) -> bool:
        """It holds a frame of another agent. No snappy block begins so: it would copy what is not there yet."""
        return self.body.startswith(RELAYED)

    def is_signed_by(self, key_hash: str) -> bool:
        """By the agent that holds the key of this hash."""
        key = hmac.digest(key_hash.encode(), SIGNED_FOR, "sha256")
        return hmac.compare_digest(
            hmac.digest(key, self.line + struct.pack(">I", self.number) + self.body, "sha256"), self.signature
        )

    def encode(self) -> bytes:
        """As a file with this frame alone."""
        return MAGIC + self.line + FRAME.pack(self.number, len(self.body), self.signature) + self.body


def frames(file: BinaryIO) -> Iterator[Frame]:
    """One after the other, so that memory holds one. Raises BadExportError where it is no export or is cut off."""
    if file.read(len(MAGIC)) != MAGIC:
        raise BadExportError("is no file of `haidang-agent export`")
    line = file.readline(LONGEST_LINE)
    agent, export = _header(line)
    while head := file.read(FRAME.size):
        number, length, signature = FRAME.unpack(head) if len(head) == FRAME.size else (0, LONGEST_BODY + 1, b"")
        if length > LONGEST_BODY or number > HIGHEST_NUMBER:
            raise BadExportError("is cut off or damaged: what stands there is no part of an export")
        body = file.read(length)
        if len(body) < length:
            raise BadExportError(f"is cut off in part {number}; copy it again")
        yield Frame(agent, export, line, number, signature, body)


def _header(line: bytes) -> tuple[str, str]:
    try:
        header = json.loads(line)
        agent, export = header["agent"], header["export"]
        if AGENT.fullmatch(agent) and EXPORT.fullmatch(export) and line.endswith(b"\n"):
            return agent, export
    except (ValueError, KeyError, TypeError, RecursionError):
        pass
    raise BadExportError("its second line does not say whose export it is")
