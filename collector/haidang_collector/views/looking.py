"""Where a site is and who issued its certificate, as seen from here, at this moment."""

from __future__ import annotations

import base64
import socket
import ssl
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network

CONNECT_SECONDS = 8.0
HTTPS = 443
PREFIX = 24
"""Neighbouring addresses are one place: a site's servers are moved within them."""
DER = 2
"""`_ssl.ENCODING_DER`."""


@dataclass(frozen=True, slots=True)
class View:
    """`issuer` is the certificate of who issued the site's, in base 64 of DER; empty where there is none to compare.

    `problem` says what was not seen.
    """

    name: str
    networks: tuple[IPv4Network, ...] = ()
    issuer: str = ""
    problem: str = ""


def look(name: str) -> View:
    """Takes some seconds where the site does not answer."""
    try:
        told = socket.getaddrinfo(name, HTTPS, socket.AF_INET, socket.SOCK_STREAM)
    except (OSError, UnicodeError) as failed:
        return View(name, problem=f"{name}: has no address here ({failed})")
    addresses = {IPv4Address(address[0]) for *_, address in told if isinstance(address[0], str)}
    if inside := sorted(address for address in addresses if not address.is_global):
        return View(name, problem=f"{name}: has the private address {inside[0]} here; left out")
    networks = tuple(sorted({IPv4Network((address, PREFIX), strict=False) for address in addresses}))
    try:
        return View(name, networks, base64.b64encode(_issuer(name)).decode())
    except ssl.SSLCertVerificationError as untrusted:
        return View(name, networks, problem=f"{name}: its certificate is not trusted here ({untrusted.verify_message})")
    except OSError as failed:
        return View(name, networks, problem=f"{name}: no TLS at port {HTTPS} ({failed})")


def _issuer(name: str) -> bytes:
    """The second of the chain that was verified, which is the site's own where it issued it itself. Raises OSError."""
    with (
        socket.create_connection((name, HTTPS), CONNECT_SECONDS) as plain,
        ssl.create_default_context().wrap_socket(plain, server_hostname=name) as secured,
    ):
        chain = _chain(secured)
    return chain[min(1, len(chain) - 1)]


def _chain(secured: ssl.SSLSocket) -> list[bytes]:
    """Python has a public method for it from 3.13 on, and the same below it before."""
    public = getattr(secured, "get_verified_chain", None)
    if public is not None:
        return list(public())
    inner = getattr(secured, "_sslobj")  # noqa: B009 - typeshed does not know it
    return [certificate.public_bytes(DER) for certificate in inner.get_verified_chain()]
