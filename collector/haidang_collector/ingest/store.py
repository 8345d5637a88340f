"""The way to the store: one POST, and what its answer means for the agent's copy."""

from __future__ import annotations

import logging
from functools import lru_cache
from typing import TYPE_CHECKING

import httpx

from haidang_collector.ingest.connections import KeptConnections
from haidang_collector.ingest.refusal import BAD_REQUEST, TOO_LARGE, UNAVAILABLE, Refusal
from haidang_collector.tenants import authorities, ready_url

if TYPE_CHECKING:
    from haidang_collector.settings import Settings
    from haidang_collector.tenants import Tenants

log = logging.getLogger(__name__)

HEADERS = {
    "Content-Encoding": "snappy",
    "Content-Type": "application/x-protobuf",
    "X-Prometheus-Remote-Write-Version": "0.1.0",
    "User-Agent": "haidang-collector",
}
CONNECTIONS = 32

FINAL_500 = ("too old sample", "invalid sample", "native histograms are disabled")
"""
What Prometheus 2.42 says with a 500 although it will say so for ever (write_handler.go knows three errors as 400, and
these are not among them; later versions answer 400). Taken for "try again", one such sample would block an outbox.
"""

LATER_400 = ("err-mimir-max-series-per-user", "err-mimir-max-series-per-metric")
"""
What Mimir says with a 400 while a tenant has as many series as it is granted (Grafana Mimir, "Runbooks"). The operator
mends that, or it mends itself when old series end; taken for "never", it would cost the school its measurements.
"""


_parsed = lru_cache(maxsize=1024)(httpx.URL)


class Store:
    """Prometheus or whatever takes remote write. Holds no data."""

    def __init__(self, settings: Settings, tenants: Tenants, transport: httpx.AsyncBaseTransport | None = None) -> None:
        """`transport` replaces the network in tests."""
        self._tenants = tenants
        self._ready_url = ready_url(settings)
        self._network = transport or KeptConnections(
            CONNECTIONS, settings.store_timeout_seconds, authorities(settings.store_ca)
        )

    async def append(self, payload: bytes, district: str) -> None:
        """Returns when it is stored. Raises Refusal: 400 or 413 when the store never will, 503 when it may later.

        `district` is whose unit measured it.
        """
        url, tenant = self._tenants.write_url(district), self._tenants.write_headers(district)
        try:
            request = httpx.Request("POST", _parsed(url), content=payload, headers=HEADERS | tenant)
            answer = await self._network.handle_async_request(request)
            await answer.aread()
        except httpx.PoolTimeout:
            text = f"{CONNECTIONS} requests wait for the store, which does not keep up; keep the data"
            raise Refusal(UNAVAILABLE, "store_unavailable", text) from None
        except httpx.HTTPError as failed:
            log.warning("store %s does not answer: %r", url, failed)
            raise Refusal(UNAVAILABLE, "store_unavailable", "the store does not answer; keep the data") from None
        if answer.is_success:
            return
        text = answer.text.strip() or answer.reason_phrase
        if answer.status_code in (BAD_REQUEST, TOO_LARGE) and not any(later in text for later in LATER_400):
            raise Refusal(answer.status_code, "store_refused", text)
        if answer.is_server_error and any(final in text for final in FINAL_500):
            raise Refusal(BAD_REQUEST, "store_refused", text)
        log.warning("store %s answered %d: %.200s", url, answer.status_code, text)
        raise Refusal(UNAVAILABLE, "store_unavailable", f"the store answered {answer.status_code}; keep the data")

    async def ready(self) -> bool:
        """Whether it answers at all, and not with a 5xx."""
        try:
            answer = await self._network.handle_async_request(httpx.Request("GET", self._ready_url))
        except httpx.HTTPError:
            return False
        return not answer.is_server_error

    async def close(self) -> None:
        await self._network.aclose()
