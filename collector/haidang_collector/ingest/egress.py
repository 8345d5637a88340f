"""By which ISP each agent's last push came, told by the address it came from.

Kept in memory only, and of the address nothing but whose it is.
"""

from __future__ import annotations

import ipaddress
import time
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from haidang_isps import Address, Network, Prefixes, is_public, parse_address

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from starlette.requests import Request

LATELY_SECONDS = 60.0
UNKNOWN = "unknown"
"""A public address that no prefix covers."""
MOST_PROXIES = 16
"""How many entries of X-Forwarded-For are looked at, from the nearest on."""
_parsed = lru_cache(maxsize=65_536)(parse_address)
"""The same addresses come every 15 seconds."""


class _Push(NamedTuple):
    isp: str
    at: float


class Egress:
    """`proxies` are the networks of the centre's own reverse proxies, whose word on the address is taken."""

    def __init__(
        self, prefixes: Prefixes, proxies: Iterable[Network] = (), clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._prefixes = prefixes
        self._proxies = tuple(proxies)
        self._clock = clock
        self._pushes: dict[str, _Push] = {}

    def learn(self, agent: str, request: Request) -> Address | None:
        """The public address that the push came from; a private one (VPN, the centre's own network) tells of no ISP."""
        address = self.sender(request)
        if address is None or not is_public(address):
            self._pushes.pop(agent, None)
            return None
        self._pushes[agent] = _Push(self._prefixes.isp(address) or UNKNOWN, self._clock())
        return address

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

    def isp(self, agent: str) -> str | None:
        """None for an agent that was not heard lately, or from no public address."""
        push = self._pushes.get(agent)
        return None if push is None or self._clock() - push.at > LATELY_SECONDS else push.isp

    def _is_proxy(self, address: Address) -> bool:
        return any(address.version == network.version and address in network for network in self._proxies)


def parse_networks(text: str) -> list[Network]:
    """`10.0.0.5, 2001:db8::/64`: addresses and networks. Raises ValueError."""
    return [ipaddress.ip_network(part.strip()) for part in text.split(",") if part.strip()]
