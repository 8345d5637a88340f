"""The relay's way to the collector: tried by few at a time, and by nobody for a while where it has just failed."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time
from typing import NamedTuple

from haidang_agent.relay.request import RefusalError

CONNECT_SECONDS, CONNECTING_AT_ONCE = 5.0, 8
AWAY_SECONDS = 3.0
"""So long after a failed attempt nobody's question makes another: the centre is tried once, not by each of them."""
MOST_ADDRESSES = 4
AWAY = "the collector cannot be reached from here"

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Collector(NamedTuple):
    """The only place to go to."""

    host: str
    port: int


class Dialler:
    """For one event loop."""

    def __init__(self, collector: Collector) -> None:
        self._collector = collector
        self._connecting = asyncio.Semaphore(CONNECTING_AT_ONCE)
        self._looking_up: asyncio.Future[list[str]] | None = None
        self._away_until = 0.0
        self._away_as = 502

    async def dial(self) -> Connection:
        """Raises RefusalError 502, or 504 where no answer came in time."""
        async with self._connecting:
            if time.monotonic() < self._away_until:
                raise RefusalError(self._away_as, AWAY)
            try:
                async with asyncio.timeout(CONNECT_SECONDS):
                    return await self._connect(await self._addresses())
            except (OSError, UnicodeError) as failed:
                self._away_as = 504 if isinstance(failed, TimeoutError) else 502
                self._away_until = time.monotonic() + AWAY_SECONDS
                raise RefusalError(self._away_as, AWAY) from None

    async def _connect(self, addresses: list[str]) -> Connection:
        """To the first that takes it; one that never answers leaves the next ones their part of the time."""
        for address in addresses[:-1]:
            with contextlib.suppress(OSError):
                async with asyncio.timeout(CONNECT_SECONDS / len(addresses)):
                    return await asyncio.open_connection(address, self._collector.port)
        return await asyncio.open_connection(addresses[-1], self._collector.port)

    async def _addresses(self) -> list[str]:
        """One question at a time however many ask, on a thread that is left behind where the resolver never answers."""
        if self._looking_up is None or self._looking_up.done():
            self._looking_up = asyncio.get_running_loop().create_future()
            args = (self._looking_up, asyncio.get_running_loop())
            threading.Thread(target=self._look_up, args=args, name="relay resolver", daemon=True).start()
        return await asyncio.shield(self._looking_up)

    def _look_up(self, told: asyncio.Future[list[str]], loop: asyncio.AbstractEventLoop) -> None:
        try:
            found = socket.getaddrinfo(*self._collector, type=socket.SOCK_STREAM)
            answer: list[str] | Exception = list(dict.fromkeys(str(each[4][0]) for each in found))[:MOST_ADDRESSES]
        except (OSError, UnicodeError) as failed:
            answer = failed
        with contextlib.suppress(RuntimeError):  # the loop was closed meanwhile
            loop.call_soon_threadsafe(_tell, told, answer)


def _tell(told: asyncio.Future[list[str]], answer: list[str] | Exception) -> None:
    if told.done():
        return
    if isinstance(answer, Exception):
        told.set_exception(answer)
        told.exception()  # whoever asked may have gone
    else:
        told.set_result(answer)
