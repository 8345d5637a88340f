"""One address may have so many connections at a time: without it, one machine could hold every place there is.

They are counted where they are accepted, before TLS: what says nothing, or never ends its handshake, counts too.
"""

from __future__ import annotations

import ipaddress
import logging
import socket
from collections import Counter
from typing import TYPE_CHECKING, Any

from haidang_isps import parse_address

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from haidang_isps import Network

log = logging.getLogger(__name__)

HOME_NETWORK = 64
"""Bits of an IPv6 address that one household or attacker has for itself."""
OF_THIS_MACHINE = tuple(map(ipaddress.ip_network, ("127.0.0.1", "::1")))
TURNED_AWAY_AT_ONCE = 256
"""After so many the event loop gets its turn."""


class Places:
    """Of one process: how many connections each address has open. For one thread."""

    def __init__(self, most: int, free: Iterable[Network] = ()) -> None:
        """At most `most` of each address, of IPv6 of its /64; `free` and this machine's own are not counted."""
        self._most = most
        self._free = (*OF_THIS_MACHINE, *free)
        self._open: Counter[str] = Counter()
        self._told: set[str] = set()

    def take(self, host: str) -> Callable[[], None] | None:
        """What gives the place back, to be called once; None where the address has no place left.

        That is logged once, until it has given back half of them.
        """
        address = self._counted_as(host)
        if address is None:
            return _nothing
        if self._open[address] >= self._most:
            if address not in self._told:
                self._told.add(address)
                log.warning(
                    "%s has %d connections open and gets no more (HAIDANG_CONNECTIONS_PER_ADDRESS); "
                    "a reverse proxy belongs into HAIDANG_TRUSTED_PROXIES", address, self._most,
                )  # fmt: skip
            return None
        self._open[address] += 1
        return lambda: self._give_back(address)

    def _give_back(self, address: str) -> None:
        self._open[address] -= 1
        if self._open[address] <= self._most // 2:
            self._told.discard(address)
        if not self._open[address]:
            del self._open[address]

    def _counted_as(self, host: str) -> str | None:
        """None for what is not counted."""
        address = parse_address(host)
        if address is None:
            return host
        if any(address.version == network.version and address in network for network in self._free):
            return None
        if isinstance(address, ipaddress.IPv4Address):
            return str(address)
        return str(ipaddress.ip_network((address, HOME_NETWORK), strict=False))


class Listener(socket.socket):
    """In the place of a listening socket, which is taken over: accepts only who has a place."""

    def __init__(self, listening: socket.socket, places: Places) -> None:
        super().__init__(listening.family, listening.type, listening.proto, listening.detach())
        self._places = places

    def accept(self) -> tuple[socket.socket, Any]:
        """Others are hung up on. Raises BlockingIOError where nobody waits, or after many in vain."""
        for _ in range(TURNED_AWAY_AT_ONCE):
            accepted, address = super().accept()
            give_back = self._places.take(address[0])
            if give_back is not None:
                return _Accepted(accepted, give_back), address
            accepted.close()
        raise BlockingIOError


class _Accepted(socket.socket):
    def __init__(self, accepted: socket.socket, give_back: Callable[[], None]) -> None:
        super().__init__(accepted.family, accepted.type, accepted.proto, accepted.detach())
        self._give_back = give_back

    def close(self) -> None:
        super().close()
        give_back, self._give_back = self._give_back, _nothing
        give_back()


def _nothing() -> None:
    pass
