"""A connection has so much time for its next request: without it, thousands that say nothing would hold every place.

uvicorn ends connections that are idle between two requests, and no others. Here the time runs also before the first
request, while its headers drip in, and while its body does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from uvicorn.protocols.http.h11_impl import H11Protocol

if TYPE_CHECKING:
    import asyncio

HEAD_SECONDS = 20.0
"""From the connection, or from the first byte of a request on one that was kept, to the end of its headers."""
BODY_SECONDS = 120.0
"""From there to the end of the body. Doors that know their senders are less patient, and say so with a 408."""


class TimedConnection(H11Protocol):
    _head_seconds = HEAD_SECONDS
    _body_seconds = BODY_SECONDS
    _ending: asyncio.TimerHandle | None = None
    _part = ""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        self._wait_for("head", self._head_seconds)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.cycle is None or self.cycle.response_complete:
            self._wait_for("head", self._head_seconds)
        elif self.cycle.more_body:
            self._wait_for("body", self._body_seconds)
        else:
            self._wait_for("", 0)

    def connection_lost(self, exc: Exception | None) -> None:
        self._wait_for("", 0)
        super().connection_lost(exc)

    def on_response_complete(self) -> None:
        """From here on uvicorn's own time for an idle connection runs."""
        self._wait_for("", 0)
        super().on_response_complete()

    def _wait_for(self, part: str, seconds: float) -> None:
        """What has begun goes on: bytes that drip in win no time."""
        if part == self._part:
            return
        if self._ending is not None:
            self._ending.cancel()
        self._part = part
        self._ending = self.loop.call_later(seconds, self.transport.abort) if part else None
