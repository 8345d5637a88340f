"""Whether a site shows a certificate that was issued by whom the centre knows to issue it.

No secret goes over these connections: they end after the handshake. Dates are not judged: an expired certificate, a
renewed one and a wrong clock of this machine are no interception.
"""

from __future__ import annotations

import socket
import ssl
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

CONNECT_SECONDS = 4.0
HTTPS = 443
NO_CHECK_TIME = 0x200000
"""X509_V_FLAG_NO_CHECK_TIME (OpenSSL's x509_vfy.h)."""
SEQUENCE, OBJECT_ID, EXPLICIT_0 = 0x30, 0x06, 0xA0
COMMON_NAME, ORGANISATION = bytes.fromhex("550403"), bytes.fromhex("55040a")
"""id-at-commonName, id-at-organizationName (RFC 5280, appendix A.1)."""
LONG_FORM, MOST_LENGTH_BYTES = 0x80, 3
ISSUER_AT = 2
"""In a TBSCertificate behind the version: serial number, algorithm, issuer (RFC 5280, section 4.1)."""
LONGEST_NAME = 64
NAMELESS = "?"

Judgement = Literal["genuine", "public", "foreign"]


class Shown(NamedTuple):
    """`public`: issued by an authority that this machine trusts, though not the one that the centre knows."""

    judgement: Judgement
    issuer: str


def judge(name: str, address: str, port: int, issuers: bytes | str) -> Shown | None:
    """What the server at `address` shows as `name`; None where it gives no handshake.

    `issuers` are certificates, in DER one after the other or as PEM. Raises ssl.SSLError where these cannot be read.
    """
    pinned = _trusting(issuers)
    handshake = _handshake(name, address, port, pinned)
    if handshake is not False:
        return None if handshake is None else Shown("genuine", "")
    shown = _certificate(name, address, port)
    if shown is None:
        return None
    is_public = _handshake(name, address, port, ssl.create_default_context())
    return None if is_public is None else Shown("public" if is_public else "foreign", issuer(shown))


def _trusting(issuers: bytes | str) -> ssl.SSLContext:
    """These alone, whether they are roots or not."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN | ssl.VerifyFlags(NO_CHECK_TIME)
    context.load_verify_locations(cadata=issuers)
    return context


def _handshake(name: str, address: str, port: int, context: ssl.SSLContext) -> bool | None:
    """Whether the certificate is one of `context`'s for this name; None where there is no handshake."""
    try:
        with (
            socket.create_connection((address, port), CONNECT_SECONDS) as plain,
            context.wrap_socket(plain, server_hostname=name),
        ):
            return True
    except ssl.SSLCertVerificationError:
        return False
    except OSError:  # nobody there, no TLS, too old a version: the service's own trouble
        return None


def _certificate(name: str, address: str, port: int) -> bytes | None:
    """As it is shown, in DER."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        with (
            socket.create_connection((address, port), CONNECT_SECONDS) as plain,
            context.wrap_socket(plain, server_hostname=name) as secured,
        ):
            return secured.getpeercert(binary_form=True)
    except OSError:
        return None


def issuer(certificate: bytes) -> str:
    """The common name, or the organisation, of who issued it; `?` where neither can be read."""
    try:
        return _issuer(certificate)
    except (ValueError, IndexError):
        return NAMELESS


def _issuer(certificate: bytes) -> str:
    (_tag, whole), *_ = _fields(certificate)
    (_tag, body), *_signature = _fields(whole)
    fields = [field for field in _fields(body) if field[0] != EXPLICIT_0]
    told: dict[bytes, str] = {}
    for _tag, relative in _fields(fields[ISSUER_AT][1]):
        for _sequence, attribute in _fields(relative):
            (_object, kind), (_string, value) = list(_fields(attribute))[:2]
            text = value.decode(errors="replace")[:LONGEST_NAME]
            told[kind] = "".join(sign if sign.isprintable() else "?" for sign in text)
    return told.get(COMMON_NAME) or told.get(ORGANISATION) or NAMELESS


def _fields(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Tag and content of each (DER, X.690). Raises ValueError, IndexError."""
    at = 0
    while at < len(data):
        tag, length = data[at], data[at + 1]
        at += 2
        if length >= LONG_FORM:
            more = length - LONG_FORM
            if not 0 < more <= MOST_LENGTH_BYTES:
                raise ValueError("a length of no use")
            length = int.from_bytes(data[at : at + more])
            at += more
        if at + length > len(data):
            raise ValueError("cut off")
        yield tag, data[at : at + length]
        at += length
