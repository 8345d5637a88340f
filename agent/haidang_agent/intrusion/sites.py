"""What the centre has seen of well-known sites, as `haidang views` puts it into the agents' configuration."""

from __future__ import annotations

import base64
import binascii
from ipaddress import IPv4Address, IPv4Network
from typing import TYPE_CHECKING, NamedTuple

from haidang_agent.probe import ProbeError

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST_SITES = 64


class Site(NamedTuple):
    """`networks` are all that its addresses lie in; empty where these differ from place to place (CDN)."""

    name: str
    networks: tuple[IPv4Network, ...]

    def is_odd(self, address: IPv4Address) -> bool:
        """It cannot be its: of another network, or of none of the Internet."""
        if self.networks:
            return not any(address in network for network in self.networks)
        return not address.is_global


def known_sites(texts: Sequence[str]) -> list[Site]:
    """Raises ProbeError for what cannot be read."""
    return [_site(text) for text in texts[:MOST_SITES]]


def _site(text: str) -> Site:
    name, *networks = text.split() or [""]
    try:
        if not name.isascii() or "." not in name:
            raise ValueError("it begins with no name")
        return Site(name.lower().rstrip("."), tuple(map(IPv4Network, networks)))
    except ValueError as wrong:
        fix = "write the name, then its networks if they do not change"
        raise ProbeError("misconfigured", f"known_sites {text!r}: {wrong}; {fix}") from wrong


def issuers(texts: Sequence[str]) -> bytes:
    """All certificates one after the other, in DER. Raises ProbeError for what cannot be read."""
    try:
        return b"".join(base64.b64decode(text, validate=True) for text in texts)
    except (binascii.Error, ValueError) as wrong:
        raise ProbeError("misconfigured", f"known_issuers: {wrong}; `haidang views` writes them") from wrong
