"""Whether a site shows a certificate that was issued by whom the centre knows to issue it.

No secret goes over these connections: they end after the handshake. Dates are not judged: an expired certificate, a
renewed one and a wrong clock of this machine are no interception.
"""

from __future__ import annotations

import socket
import ssl
from typing import Literal, NamedTuple

from haidang_reach.connecting import NO_CHECK_TIME

from haidang_agent.certificate import issuer

CONNECT_SECONDS = 4.0
HTTPS = 443

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
