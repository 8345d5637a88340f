"""Where a relay listens, and for whom."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from haidang_agent.centre import check_way
from haidang_agent.relay.tunnel import authority

if TYPE_CHECKING:
    from collections.abc import Sequence

    from haidang_agent.tables import Relay, Server

PRIVATE = (
    "127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16",
    "::1/128", "fc00::/7", "fe80::/10",
)  # fmt: skip
"""RFC 1918, 3927, 4193, 4291: what no router of the Internet lets through."""
LAST_PORT = 65535
SMALLEST_MB = 5
LONGEST_DIGITS = 5


class Networks:
    """Those whose machines may use the relay; the private ones where none is given. Raises ValueError."""

    def __init__(self, given: Sequence[str]) -> None:
        self._networks = [ipaddress.ip_network(each) for each in given or PRIVATE]

    def hold(self, address: str) -> bool:
        """Whether this IP address is in one of them."""
        parsed = ipaddress.ip_address(address)
        return any(parsed.version == network.version and parsed in network for network in self._networks)


def check_listen(listen: str) -> None:
    """Raises ValueError where it is no `host:port`."""
    host, colon, port = listen.rpartition(":")
    host = host.strip("[]")
    if not (colon and host and port.isascii() and port.isdecimal() and len(port) <= LONGEST_DIGITS):
        raise ValueError('must be host:port, as "0.0.0.0:9196"')
    ipaddress.ip_address(host)
    if int(port) > LAST_PORT:
        raise ValueError(f"there is no port above {LAST_PORT}")


def faults_of(relay: Relay, server: Server | None) -> list[str]:
    """What is wrong with [relay] and with the way through one, a line each."""
    faults = []
    try:
        check_way(server.url if server else "", server.relay if server else "")
    except ValueError as wrong:
        faults.append(f"[server] relay = {wrong}")
    if relay.listen:
        try:
            check_listen(relay.listen)
        except ValueError as wrong:
            faults.append(f'[relay] listen = {relay.listen!r}: {wrong}; "" for none')
        try:
            authority(urlsplit(server.url if server else "").hostname or "", 0)
        except ValueError as wrong:
            faults.append(f"[server] url = {server and server.url!r}: is no host that a relay could go to ({wrong})")
        if server is not None and server.relay:
            faults.append("[relay] listen: this agent goes through a relay itself; leave out one of the two")
    for network in relay.clients:
        try:
            ipaddress.ip_network(network)
        except ValueError:
            faults.append(f'[relay] clients = {network!r}: must be a network, as "192.168.1.0/24"')
    if relay.max_mb < SMALLEST_MB:
        faults.append(f"[relay] max_mb = {relay.max_mb}: must be at least {SMALLEST_MB}")
    return faults
