"""The dates of a certificate, read from its DER (RFC 5280, 4.1; X.690): `ssl` tells them of trusted ones only."""

from __future__ import annotations

import binascii
import calendar
import re
import time
from typing import NamedTuple

BEGIN, END = b"-----BEGIN CERTIFICATE-----", b"-----END CERTIFICATE-----"
MOST_IN_FILE = 100
VERSION, INTEGER, SEQUENCE, UTC_TIME, GENERALIZED_TIME = 0xA0, 0x02, 0x30, 0x17, 0x18
LONG_FORM, MOST_LENGTH_BYTES = 0x80, 4
CENTURY_TURNS = 50
"""UTCTime has two digits of the year: from here on they are of the twentieth century."""


class NoCertificateError(ValueError):
    """These bytes are no certificate."""


class Validity(NamedTuple):
    """Unix seconds, both included."""

    not_before: float
    not_after: float


def validity(der: bytes) -> Validity:
    """Raises NoCertificateError."""
    try:
        at = _element(der, 0, SEQUENCE)[0]
        at = _element(der, at, SEQUENCE)[0]
        if der[at] == VERSION:
            at = _element(der, at, VERSION)[1]
        for tag in (INTEGER, SEQUENCE, SEQUENCE):  # serial number, signature algorithm, issuer
            at = _element(der, at, tag)[1]
        at = _element(der, at, SEQUENCE)[0]
        not_before, at = _time(der, at)
        return Validity(not_before, _time(der, at)[0])
    except (IndexError, ValueError, OverflowError) as broken:
        raise NoCertificateError(f"no certificate: {broken}") from None


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


def _element(der: bytes, at: int, tag: int) -> tuple[int, int]:
    """Where the contents of the element at `at` begin and end."""
    if der[at] != tag:
        raise ValueError(f"0x{der[at]:02x} at byte {at}, not 0x{tag:02x}")
    length, at = der[at + 1], at + 2
    if length >= LONG_FORM:
        count = length - LONG_FORM
        if not 1 <= count <= MOST_LENGTH_BYTES:
            raise ValueError(f"a length of {count} bytes")
        length, at = int.from_bytes(der[at : at + count], "big"), at + count
    if at + length > len(der):
        raise ValueError("cut off")
    return at, at + length


def _time(der: bytes, at: int) -> tuple[float, int]:
    """RFC 5280, 4.1.2.5: seconds are there, and the zone is Z."""
    tag = der[at] if der[at] == UTC_TIME else GENERALIZED_TIME
    begin, end = _element(der, at, tag)
    text = der[begin:end].decode("ascii")
    digits = 12 if tag == UTC_TIME else 14
    if not re.fullmatch(rf"[0-9]{{{digits}}}Z", text):
        raise ValueError(f"{text!r} is no time")
    if tag == UTC_TIME:
        text = ("20" if int(text[:2]) < CENTURY_TURNS else "19") + text
    return float(calendar.timegm(time.strptime(text, "%Y%m%d%H%M%SZ"))), end
