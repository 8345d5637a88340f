"""Whether TCP ports of an address take a connection. Nothing is sent; an open one is closed at once."""

from __future__ import annotations

import asyncio
import errno
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

PATIENCE_SECONDS = 5.0
PER_SECOND = 10.0
"""Connections begun, to all addresses together; the ports of one are looked at one after the other."""
NOT_SENT = frozenset({errno.EACCES, errno.EPERM, errno.ENETUNREACH, errno.ENETDOWN, errno.EADDRNOTAVAIL, errno.EMFILE})
"""What this machine says where it did not ask."""


class Looking:
    """One run, at `per_second` connections."""

    def __init__(self, per_second: float = PER_SECOND, patience_seconds: float = PATIENCE_SECONDS) -> None:
        self._gap, self._patience = 1 / per_second, patience_seconds
        self._turn = asyncio.Lock()

    async def ports(self, address: str, ports: Iterable[int]) -> dict[int, bool]:
        """By port whether it took a connection; one that could not be asked from here is absent."""
        found = {}
        for port in ports:
            async with self._turn:
                await asyncio.sleep(self._gap)
            answer = await self._is_open(address, port)
            if answer is not None:
                found[port] = answer
        return found

    async def _is_open(self, address: str, port: int) -> bool | None:
        try:
            async with asyncio.timeout(self._patience):
                _, writer = await asyncio.open_connection(address, port)
        except TimeoutError:
            return False
        except OSError as refused:
            return None if refused.errno in NOT_SENT else False
        writer.transport.abort()
        return True
