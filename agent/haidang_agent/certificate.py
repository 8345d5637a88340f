"""Dates and issuer of a certificate, read from its DER (RFC 5280, 4.1; X.690): `ssl` tells of trusted ones only."""

from __future__ import annotations

import binascii
import calendar
import re
import time
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

BEGIN, END = b"-----BEGIN CERTIFICATE-----", b"-----END CERTIFICATE-----"
MOST_IN_FILE = 100
VERSION, SEQUENCE, UTC_TIME, GENERALIZED_TIME = 0xA0, 0x30, 0x17, 0x18
ISSUER_AT, VALIDITY_AT = 2, 3
"""In a TBSCertificate behind the version: serial number, algorithm, issuer, validity."""
COMMON_NAME, ORGANISATION = bytes.fromhex("550403"), bytes.fromhex("55040a")
"""id-at-commonName, id-at-organizationName (RFC 5280, appendix A.1)."""
LONG_FORM, MOST_LENGTH_BYTES = 0x80, 4
LONGEST_NAME = 64
NAMELESS = "?"
CENTURY_TURNS = 50
"""UTCTime has two digits of the year: from here on they are of the twentieth century."""

Field = tuple[int, bytes]
"""Tag and content in DER. What reads fields raises ValueError or IndexError."""


class NoCertificateError(ValueError):
    """These bytes are no certificate."""


class Validity(NamedTuple):
    """Unix seconds, both included."""

    not_before: float
    not_after: float


def validity(der: bytes) -> Validity:
    """Raises NoCertificateError."""
    try:
        not_before, not_after = _sequence(_signed(der)[VALIDITY_AT])
        return Validity(_time(not_before), _time(not_after))
    except (IndexError, ValueError, OverflowError) as broken:
        raise NoCertificateError(f"no certificate: {broken}") from None


def issuer(der: bytes) -> str:
    """The common name, or the organisation, of who issued it; `?` where neither can be read."""
    try:
        told = dict(_attributes(_signed(der)[ISSUER_AT]))
    except (ValueError, IndexError):
        return NAMELESS
    return told.get(COMMON_NAME) or told.get(ORGANISATION) or NAMELESS


def from_pem(text: bytes) -> list[bytes]:
    """The DER of each certificate of a PEM file (RFC 7468), the first hundred. Raises NoCertificateError for none."""
    found = []
    for part in text.split(BEGIN)[1 : MOST_IN_FILE + 1]:
        body, end, _ = part.partition(END)
        if not end:
            raise NoCertificateError("a certificate is cut off")
        try:
            found.append(binascii.a2b_base64(body))
        except binascii.Error as broken:
            raise NoCertificateError(f"no PEM: {broken}") from None
    if not found:
        raise NoCertificateError("holds no certificate in PEM")
    return found


def _signed(der: bytes) -> list[Field]:
    """The fields of the TBSCertificate, from the serial number on."""
    whole = next(iter(_fields(der)), (0, b""))
    return [field for field in _sequence(_sequence(whole)[0]) if field[0] != VERSION]


def _sequence(field: Field) -> list[Field]:
    tag, content = field
    if tag != SEQUENCE:
        raise ValueError(f"0x{tag:02x} is no sequence")
    return list(_fields(content))


def _fields(data: bytes) -> Iterator[Field]:
    at = 0
    while at < len(data):
        tag, length, at = data[at], data[at + 1], at + 2
        if length >= LONG_FORM:
            count = length - LONG_FORM
            if not 1 <= count <= MOST_LENGTH_BYTES:
                raise ValueError(f"a length of {count} bytes")
            length, at = int.from_bytes(data[at : at + count], "big"), at + count
        if at + length > len(data):
            raise ValueError("cut off")
        yield tag, data[at : at + length]
        at += length


def _attributes(name: Field) -> Iterator[tuple[bytes, str]]:
    """Object identifier and text of each part of a name, cut and printable."""
    for _set, relative in _sequence(name):
        for attribute in _fields(relative):
            (_object, kind), (_string, value) = _sequence(attribute)[:2]
            text = value.decode(errors="replace")[:LONGEST_NAME]
            yield kind, "".join(sign if sign.isprintable() else "?" for sign in text)


def _time(field: Field) -> float:
    """RFC 5280, 4.1.2.5: seconds are there, and the zone is Z."""
    tag, content = field
    if tag not in (UTC_TIME, GENERALIZED_TIME):
        raise ValueError(f"0x{tag:02x} is no time")
    text = content.decode("ascii")
    digits = 12 if tag == UTC_TIME else 14
    if not re.fullmatch(rf"[0-9]{{{digits}}}Z", text):
        raise ValueError(f"{text!r} is no time")
    if tag == UTC_TIME:
        text = ("20" if int(text[:2]) < CENTURY_TURNS else "19") + text
    return float(calendar.timegm(time.strptime(text, "%Y%m%d%H%M%SZ")))
