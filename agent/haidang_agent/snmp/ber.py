"""The few bytes of an SNMP answer that say whether it is whole, and a refusal (BER, X.690; RFC 3416, section 3)."""

from __future__ import annotations

SEQUENCE, INTEGER, OCTET_STRING, RESPONSE = 0x30, 0x02, 0x04, 0xA2
LONG_FORM = 0x80
MOST_LENGTH_BYTES = 4
ERRORS = (
    "noError", "tooBig", "noSuchName", "badValue", "readOnly", "genErr", "noAccess", "wrongType", "wrongLength",
    "wrongEncoding", "wrongValue", "noCreation", "inconsistentValue", "resourceUnavailable", "commitFailed",
    "undoFailed", "authorizationError", "notWritable", "inconsistentName",
)  # fmt: skip


def is_whole(answer: bytes) -> bool:
    """Whether the datagram is one message, of the length that it says itself."""
    try:
        return _behind(answer, 0, SEQUENCE) == len(answer)
    except (ValueError, IndexError):
        return False


def error_status(answer: bytes) -> str:
    """The name of the error an answer reports; empty where it reports none, or is no SNMPv2c answer."""
    try:
        at = _inside(answer, 0, SEQUENCE)
        for tag in (INTEGER, OCTET_STRING):  # version, community
            at = _behind(answer, at, tag)
        at = _inside(answer, at, RESPONSE)
        at = _behind(answer, at, INTEGER)  # request-id
        end = _behind(answer, at, INTEGER)
        status = int.from_bytes(answer[_inside(answer, at, INTEGER) : end], "big")
    except (ValueError, IndexError):
        return ""
    if status == 0:
        return ""
    return ERRORS[status] if status < len(ERRORS) else f"error {status}"


def _inside(data: bytes, at: int, tag: int) -> int:
    """Where the contents begin of what stands at `at`. Raises ValueError, IndexError."""
    return _answerer(data, at, tag)[0]


def _behind(data: bytes, at: int, tag: int) -> int:
    begin, length = _answerer(data, at, tag)
    if begin + length > len(data):
        raise ValueError("cut off")
    return begin + length


def _answerer(data: bytes, at: int, tag: int) -> tuple[int, int]:
    if data[at] != tag:
        raise ValueError(f"tag {data[at]:#x} where {tag:#x} belongs")
    length = data[at + 1]
    begin = at + 2
    if length >= LONG_FORM:
        more = length - LONG_FORM
        if not 0 < more <= MOST_LENGTH_BYTES:
            raise ValueError("a length of no use")
        length = int.from_bytes(data[begin : begin + more], "big")
        begin += more
    return begin, length
