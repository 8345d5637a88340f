"""One column of a table by row index; values of another type than the MIB says are left out and named."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from haidang_agent.snmp.values import number, text

if TYPE_CHECKING:
    from collections.abc import Callable

    from haidang_agent.snmp.session import Session, Value

T = TypeVar("T")

MAC_BYTES = 6


def numbers(session: Session, name: str, oid: str, least: int = 0) -> dict[str, int]:
    """A column of whole numbers not below `least`; `name` is the MIB's, for `problems`."""

    def read(value: Value) -> int | None:
        found = number(value)
        return found if found is not None and found >= least else None

    return _column(session, name, oid, read)


def texts(session: Session, name: str, oid: str) -> dict[str, str]:
    """A column of texts; empty ones are left out and are no problem."""
    return {index: told for index, told in _column(session, name, oid, _text).items() if told}


def addresses(session: Session, name: str, oid: str) -> dict[str, str]:
    """A column of MAC addresses, lower-case with colons; what is empty or of another length is left out."""
    return {index: told for index, told in _column(session, name, oid, _mac).items() if told}


def mac(value: Value) -> str:
    """Of six bytes, or of text such as `00:1B:…`; empty where it is none."""
    return _mac(value) or ""


def as_mac(index: str) -> str:
    """What stands in an OID for a MAC address, back as `00:1b:…`; some devices put its length before it.

    Raises ValueError.
    """
    octets = bytes(map(int, index.split(".")))
    if len(octets) == MAC_BYTES + 1 and octets[0] == MAC_BYTES:
        octets = octets[1:]
    if len(octets) != MAC_BYTES:
        raise ValueError(f"{index} is no MAC address")
    return octets.hex(":")


def _mac(value: Value) -> str | None:
    if not isinstance(value, bytes):
        return None
    octets = value if len(value) == MAC_BYTES else _spelled(value)
    return octets.hex(":") if len(octets) == MAC_BYTES else ""


def _text(value: Value) -> str | None:
    return (text(value) or "") if isinstance(value, bytes) else None


def _spelled(value: bytes) -> bytes:
    digits = value.decode("ascii", "replace").strip().replace("-", ":").replace(" ", ":").rstrip("\0").split(":")
    try:
        return bytes(int(pair, 16) for pair in digits)
    except ValueError:
        return b""


def _column(session: Session, name: str, oid: str, read: Callable[[Value], T | None]) -> dict[str, T]:
    found: dict[str, T] = {}
    wrong: list[str] = []
    for index, value in session.walk(oid).items():
        told = read(value)
        if told is None:
            wrong.append(index)
        else:
            found[index] = told
    if wrong:
        session.problems.append(
            f"{name}: {len(wrong)} of {len(wrong) + len(found)} values are of no use, as {wrong[0]}"
        )
    return found
