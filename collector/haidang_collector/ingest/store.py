"""The way to the store: one POST, and what its answer means for the agent's copy."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import httpx

from haidang_collector.ingest.refusal import BAD_REQUEST, TOO_LARGE, UNAVAILABLE, Refusal

if TYPE_CHECKING:
    from haidang_collector.settings import Settings

log = logging.getLogger(__name__)

HEADERS = {
    "Content-Encoding": "snappy",
    "Content-Type": "application/x-protobuf",
    "X-Prometheus-Remote-Write-Version": "0.1.0",
    "User-Agent": "haidang-collector",
}
CONNECT_SECONDS = 3.0
CONNECTIONS = 32

FINAL_500 = ("too old sample", "invalid sample", "native histograms are disabled")
"""
What Prometheus 2.42 says with a 500 although it will say so for ever (write_handler.go knows three errors as 400, and
these are not among them; later versions answer 400). Taken for "try again", one such sample would block an outbox.
"""


class Store:
    """Prometheus or whatever takes remote write. Holds no data."""

    def __init__(self, settings: Settings, transport: httpx.AsyncBaseTransport | None = None) -> None:
        """`transport` replaces the network in tests."""
        self._write_url = settings.store_write_url
        self._ready_url = settings.prometheus_url.rstrip("/") + "/-/ready"
        self._client = httpx.AsyncClient(
            timeout=httpx.Timeout(settings.store_timeout_seconds, connect=CONNECT_SECONDS),
            limits=httpx.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS),
            transport=transport,
            trust_env=False,
        )

    async def append(self, payload: bytes) -> None:
        """Returns when it is stored. Raises Refusal: 400 or 413 when the store never will, 503 when it may later."""
        try:
            answer = await self._client.post(self._write_url, content=payload, headers=HEADERS)
        except httpx.HTTPError as failed:
            log.warning("store %s does not answer: %r", self._write_url, failed)
            raise Refusal(UNAVAILABLE, "store_unavailable", "the store does not answer; keep the data") from None
        if answer.is_success:
            return
        text = answer.text.strip() or answer.reason_phrase
        if answer.status_code in (BAD_REQUEST, TOO_LARGE):
            raise Refusal(answer.status_code, "store_refused", text)
        if answer.is_server_error and any(final in text for final in FINAL_500):
            raise Refusal(BAD_REQUEST, "store_refused", text)
        log.warning("store %s answered %d: %.200s", self._write_url, answer.status_code, text)
        raise Refusal(UNAVAILABLE, "store_unavailable", f"the store answered {answer.status_code}; keep the data")

    async def ready(self) -> bool:
        """Whether it answers at all, and not with a 5xx."""
        try:
            answer = await self._client.get(self._ready_url)
        except httpx.HTTPError:
            return False
        return not answer.is_server_error

    async def close(self) -> None:
        await self._client.aclose()
