"""Values of MIB objects as text or whole number, and None where the device sent another type than the MIB says."""

from __future__ import annotations

import codecs
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from haidang_agent.snmp.session import Value

LONGEST = 255
"""Characters kept of a DisplayString (RFC 2579 allows 255 octets; some devices send more)."""


def text(value: Value | None, longest: int = LONGEST) -> str | None:
    """An OCTET STRING that is meant to be read, None where it is none, or empty.

    UTF-8, else Latin-1; white space and control characters become one space.
    """
    if not isinstance(value, bytes):
        return None
    head = value[: 4 * longest]
    try:
        # Incremental: a character that the cut above splits is no error.
        decoded = codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        decoded = head.decode("latin-1")
    readable = "".join(character if character.isprintable() else " " for character in decoded)
    return " ".join(readable.split())[:longest].rstrip() or None


def number(value: Value | None) -> int | None:
    """INTEGER, Counter, Gauge or TimeTicks."""
    return value if isinstance(value, int) else None
