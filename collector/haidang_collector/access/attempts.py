"""Failures to log in, counted by address, whoever they were for."""

from __future__ import annotations

import ipaddress
import threading
import time
from typing import TYPE_CHECKING

from haidang_collector.ingest.memory import Memory

if TYPE_CHECKING:
    from collections.abc import Callable

ADDRESS_FAILURES = 20
ADDRESS_SECONDS = 900.0
ADDRESSES = 10_000
HOME_NETWORK = 64
"""Bits of an IPv6 address that one household or attacker has for itself."""


class Attempts:
    """Failures by address, of this process: 20 close it until 15 minutes after the last. Thread-safe."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._failures: Memory[int] = Memory(ADDRESS_SECONDS, ADDRESSES, clock)
        self._lock = threading.Lock()

    def closed(self, address: str) -> bool:
        with self._lock:
            return (self._failures.get(_network(address)) or 0) >= ADDRESS_FAILURES

    def failed(self, address: str) -> bool:
        """Counts one; whether it closed the address."""
        with self._lock:
            count = (self._failures.get(_network(address)) or 0) + 1
            self._failures.put(_network(address), count)
            return count == ADDRESS_FAILURES


def _network(address: str) -> str:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is None:
        return str(ipaddress.ip_network((parsed, HOME_NETWORK), strict=False))
    return address
