"""The certificate and the version of TLS that a web server offers, each judged apart from the others."""

from __future__ import annotations

import ssl
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from haidang_reach.connecting import MISNAMED, NO_CHECK_TIME

from haidang_agent.dialling import NoAnswerError, anything, secure

if TYPE_CHECKING:
    from haidang_reach.address import Address

    from haidang_agent.dialling import Deadline

NO_ISSUER, SELF_SIGNED_ROOT = 20, 19
"""X509_V_ERR_ of OpenSSL's x509_vfy.h."""


class Handshake(NamedTuple):
    """The version, as `TLSv1.3`, and the server's certificate in DER."""

    version: str
    certificate: bytes


def handshake(address: Address, deadline: Deadline) -> Handshake:
    """Takes whatever the server offers. Raises NoAnswerError."""
    try:
        with secure(address.host, address.port, anything(), deadline.part()) as connection:
            return Handshake(connection.version() or "", connection.getpeercert(binary_form=True) or b"")
    except OSError as failed:
        raise NoAnswerError(f"{address.authority}: {failed}") from failed


def untrusted(address: Address, ca: str, deadline: Deadline) -> str:
    """Why no known authority vouches for the certificate, whatever its name and dates; empty where one does.

    Raises NoAnswerError, also where this machine does not know the authorities: Windows fetches most when needed.
    """
    try:
        context = ssl.create_default_context()
        if ca:
            context.load_verify_locations(cafile=ca)
        elif not _knows_authorities():
            raise NoAnswerError("this machine has no certificates of authorities (Debian: ca-certificates)")
    except (OSError, ssl.SSLError) as unusable:
        raise NoAnswerError(f"[probes.website] ca = {ca!r}: {unusable}") from unusable
    context.check_hostname = False
    code, why = _verify(address, context, deadline)
    if sys.platform == "win32" and code in (NO_ISSUER, SELF_SIGNED_ROOT):
        raise NoAnswerError("Windows has not fetched the certificate of that authority yet")
    return why


def misnamed(address: Address, certificate: bytes, deadline: Deadline) -> str:
    """Why the certificate is not of this name, whoever vouches for it; empty where it is. Raises NoAnswerError."""
    context = anything()
    context.verify_mode = ssl.CERT_REQUIRED
    context.check_hostname = True
    context.hostname_checks_common_name = False
    context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
    try:
        context.load_verify_locations(cadata=certificate)
    except ssl.SSLError as broken:
        raise NoAnswerError(f"{address.authority}: its certificate is not read ({broken})") from broken
    code, why = _verify(address, context, deadline)
    if code and code not in MISNAMED:
        raise NoAnswerError(f"{address.authority}: {why}")
    return why


def _verify(address: Address, context: ssl.SSLContext, deadline: Deadline) -> tuple[int, str]:
    context.verify_flags |= ssl.VerifyFlags(NO_CHECK_TIME)
    try:
        secure(address.host, address.port, context, deadline.part()).close()
    except ssl.SSLCertVerificationError as refused:
        return refused.verify_code, refused.verify_message
    except OSError as failed:
        raise NoAnswerError(f"{address.authority}: {failed}") from failed
    return 0, ""


def _knows_authorities() -> bool:
    """On Windows they are in the system's store."""
    paths = ssl.get_default_verify_paths()
    folder = paths.capath and Path(paths.capath)
    return sys.platform == "win32" or bool(paths.cafile) or bool(folder and any(folder.iterdir()))
