"""The little of the Internet Printing Protocol that a question about queues needs: RFC 8010, 3; RFC 8011, 4.2."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

VERSION = (1, 1)
OPERATION_GROUP, END, PRINTER_GROUP = 0x01, 0x03, 0x04
LAST_DELIMITER = 0x0F
KEYWORD, CHARSET, LANGUAGE = 0x44, 0x47, 0x48
FIRST_FAILURE, NOT_FOUND = 0x0400, 0x0406
REQUEST_ID = 1
HEAD = struct.Struct(">BBHi")
LENGTH = struct.Struct(">H")


class IppError(ValueError):
    """What came is no answer to our question."""


def request(operation: int, wanted: Sequence[str]) -> bytes:
    """Asks for the attributes `wanted`."""
    return b"".join(
        (
            HEAD.pack(*VERSION, operation, REQUEST_ID),
            bytes((OPERATION_GROUP,)),
            _attribute(CHARSET, "attributes-charset", "utf-8"),
            _attribute(LANGUAGE, "attributes-natural-language", "en"),
            *(_attribute(KEYWORD, "" if i else "requested-attributes", name) for i, name in enumerate(wanted)),
            bytes((END,)),
        )
    )


def printers(answer: bytes) -> list[dict[str, bytes]]:
    """The first value of each attribute, printer by printer. Raises IppError.

    Where there is none, CUPS says client-error-not-found. What stands inside a collection is taken for further values
    of the attribute before it, and passed over.
    """
    try:
        _, _, status, number = HEAD.unpack_from(answer)
        if (status >= FIRST_FAILURE and status != NOT_FOUND) or number != REQUEST_ID:
            raise IppError(f"IPP status 0x{status:04x} to request {number}")
        return _groups(answer)
    except (struct.error, IndexError):
        raise IppError(f"an IPP answer that breaks off after {len(answer)} bytes") from None


def _groups(answer: bytes) -> list[dict[str, bytes]]:
    found: list[dict[str, bytes]] = []
    inside = False
    for tag, name, value in _elements(answer):
        if tag <= LAST_DELIMITER:
            inside = tag == PRINTER_GROUP
            if inside:
                found.append({})
        elif inside and name:
            found[-1].setdefault(name.decode("ascii", errors="replace"), value)
    return found


def _elements(answer: bytes) -> Iterator[tuple[int, bytes, bytes]]:
    """Tag, name and value until the end tag; a delimiter has neither."""
    at = HEAD.size
    while (tag := answer[at]) != END:
        at += 1
        name = value = b""
        if tag > LAST_DELIMITER:
            name, at = _counted(answer, at)
            value, at = _counted(answer, at)
        yield tag, name, value


def _counted(answer: bytes, at: int) -> tuple[bytes, int]:
    """The bytes that their own length stands before, and where they end: beyond the answer, if that breaks off."""
    (length,) = LENGTH.unpack_from(answer, at)
    begin = at + LENGTH.size
    return answer[begin : begin + length], begin + length


def _attribute(tag: int, name: str, value: str) -> bytes:
    return b"".join((bytes((tag,)), *(LENGTH.pack(len(text)) + text.encode("ascii") for text in (name, value))))
