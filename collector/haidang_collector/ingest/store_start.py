"""Since when the store has been running, so that agents notice when it began anew.

A store may lose its last seconds when the power of its machine goes, or with VictoriaMetrics when it is killed. Agents
keep for some minutes what was confirmed, and bring it again when the header `Haidang-Store-Since` says another time.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
from typing import TYPE_CHECKING

import httpx

from haidang_collector.ingest.connections import KeptConnections
from haidang_collector.ingest.memory import Memory
from haidang_collector.ingest.refusal import BUSY
from haidang_collector.tenants import authorities

if TYPE_CHECKING:
    from collections.abc import Callable

    from haidang_collector.settings import Settings

log = logging.getLogger(__name__)

EVERY_SECONDS = 5.0
FRESH_SECONDS = 15.0
"""How long an answer holds. What is left of the agent's two minutes, less a push, is the time until all is on disk."""
ASKING_SECONDS = 4.0
WRITE_PATH = "/api/v1/write"
SINGLE = ("prometheus", "victoriametrics")
"""Stores of one process, which tells by itself; of a cluster none says when one of its parts began."""
STARTED = re.compile(rb"^process_start_time_seconds ([0-9.e+]{1,30})\s*$", re.MULTILINE)
"""Prometheus's client libraries and VictoriaMetrics, among their own metrics."""
FORMER = 16
BY_TURNS_SECONDS = 600.0
"""A time that comes back so soon is another store's; later it may be one whose machine's clock was put right."""
AGAIN_SECONDS = 1.0
"""Between two questions where none is answered: a store may keep `/metrics` to itself."""

SERVER_ERROR = 500
"""And above: who answers so is not up yet, and may tell later."""


class StoreStart:
    """Asks the store's `/metrics`. For one event loop."""

    def __init__(
        self,
        settings: Settings,
        transport: httpx.AsyncBaseTransport | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`transport` replaces the network in tests."""
        write_url = httpx.URL(settings.store_write_url)
        tells = settings.store in SINGLE and write_url.path.endswith(WRITE_PATH)
        path = write_url.path.removesuffix(WRITE_PATH) + "/metrics"
        self._url = write_url.copy_with(path=path, query=None) if tells else None
        self._network = transport or KeptConnections(1, ASKING_SECONDS, authorities(settings.store_ca))
        self._clock = clock
        self._since = ""
        self._read_at = float("-inf")
        self._asking = asyncio.Lock()
        self._tried_at = float("-inf")
        self._is_silent = False
        self._former: Memory[bool] = Memory(BY_TURNS_SECONDS, FORMER, clock)

    async def header(self) -> dict[str, str]:
        """Empty where it is not known just now. To be taken before a request is given to the store."""
        if self._is_old() and self._url is not None:
            async with self._asking:
                if self._is_old() and self._clock() - self._tried_at >= AGAIN_SECONDS:  # else one has asked for all
                    await self.read()
        return {} if self._is_old() else {"Haidang-Store-Since": self._since}

    @property
    def tells(self) -> bool:
        """Whether it is known, or will be: the store told once, or did not answer yet. To be asked after `header`."""
        return self._url is not None and (bool(self._since) or not self._is_silent)

    def _is_old(self) -> bool:
        return not self._since or self._clock() - self._read_at > FRESH_SECONDS

    async def keep_reading(self) -> None:
        """Until cancelled."""
        while self._url is not None:
            async with self._asking:
                await self.read()
            await asyncio.sleep(EVERY_SECONDS)

    async def read(self) -> None:
        """Ask once; what can't be read leaves what is known to grow old."""
        if self._url is None:
            return
        asked_at = self._clock()
        try:
            answer = await self._network.handle_async_request(
                httpx.Request("GET", self._url, headers={"Connection": "close"})
            )
            content = await answer.aread()
        except (httpx.HTTPError, ValueError) as failed:
            log.debug("the store does not say since when it has been running: %r", failed)
            self._is_silent = False
            return
        finally:
            self._tried_at = self._clock()
        since = _started(content) if answer.is_success else ""
        self._is_silent = not since and answer.status_code < SERVER_ERROR and answer.status_code != BUSY
        if since:
            self._learn(since, asked_at)

    def _learn(self, since: str, asked_at: float) -> None:
        if self._former.get(since):
            log.warning("%s is more than one store: agents are not told when one began anew", self._url)
            self._url, self._since = None, ""
            return
        if self._since and since != self._since:
            log.warning("the store began anew; agents bring what they sent within the last minutes once more")
            self._former.put(self._since, value=True)
        self._since, self._read_at = since, asked_at

    async def close(self) -> None:
        await self._network.aclose()


def _started(metrics: bytes) -> str:
    """Empty where they do not say it."""
    found = STARTED.search(metrics)
    try:
        return f"{float(found[1]):.2f}" if found else ""
    except ValueError:
        return ""
