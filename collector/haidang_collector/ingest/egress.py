"""By which ISP a push came, told by the address it came from.

Of the address nothing is kept but whose it is.
"""

from __future__ import annotations

import ipaddress
from functools import lru_cache
from typing import TYPE_CHECKING

from haidang_isps import Address, Network, Prefixes, is_public, parse_address

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.requests import Request

UNKNOWN = "unknown"
"""A public address that no prefix covers."""
MOST_PROXIES = 16
"""How many entries of X-Forwarded-For are looked at, from the nearest on."""
_parsed = lru_cache(maxsize=65_536)(parse_address)
"""The same addresses come every 15 seconds."""


class Egress:
    """`proxies` are the networks of the centre's own reverse proxies, whose word on the address is taken."""

    def __init__(self, prefixes: Prefixes, proxies: Iterable[Network] = ()) -> None:
        self._prefixes = prefixes
        self._proxies = tuple(proxies)

    def public_sender(self, request: Request) -> Address | None:
        """None for a private address (VPN, the centre's own network), which tells of no ISP."""
        address = self.sender(request)
        return address if address is not None and is_public(address) else None

    def isp(self, address: Address) -> str:
        """Of a public address."""
        return self._prefixes.isp(address) or UNKNOWN

    def sender(self, request: Request) -> Address | None:
        """The peer, or whom trusted proxies name; what stands behind the first untrusted address anybody can write."""
        if request.client is None:
            return None
        forwarded = ",".join(request.headers.getlist("x-forwarded-for")).split(",")
        for text in (request.client.host, *reversed(forwarded[-MOST_PROXIES:])):
            address = _parsed(text.strip())
            if address is None or not self._is_proxy(address):
                return address
        return None

    def _is_proxy(self, address: Address) -> bool:
        return any(address.version == network.version and address in network for network in self._proxies)


def parse_networks(text: str) -> list[Network]:
    """`10.0.0.5, 2001:db8::/64`: addresses and networks. Raises ValueError."""
    return [ipaddress.ip_network(part.strip()) for part in text.split(",") if part.strip()]
