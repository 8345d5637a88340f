"""A connection has so much time for its next request: without it, thousands that say nothing would hold every place.

uvicorn ends connections that are idle between two requests, and no others. Here the time runs also before the first
request, while its headers drip in, and while its body does. Bounded is besides what uvicorn would keep without end with
this parser, the quicker of the two it knows: a head that does not end, and requests that do not wait for the answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

if TYPE_CHECKING:
    import asyncio

HEAD_SECONDS = 20.0
"""From the connection, or from the first byte of a request on one that was kept, to the end of its headers."""
BODY_SECONDS = 120.0
"""From there to the end of the body. Doors that know their senders are less patient, and say so with a 408."""
HEAD_BYTES = 16 << 10
"""Also of what ends a body in chunks. What comes in one go with its end may be larger: one read of asyncio, 256 KiB."""
WAITING = 4
"""Requests of one connection that wait for the answer to one before them: browsers, agents and proxies send none."""
OF_A_BODY = {b"content-length", b"transfer-encoding"}


class NotTakenError(Exception):
    """Told as a request that is broken."""


class BoundedConnection(HttpToolsProtocol):
    _head_seconds = HEAD_SECONDS
    _body_seconds = BODY_SECONDS
    _ending: asyncio.TimerHandle | None = None
    _part = ""
    _head_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        self._wait_for("head", self._head_seconds)

    def data_received(self, data: bytes) -> None:
        self._head_bytes += len(data)
        super().data_received(data)
        if self._head_bytes > HEAD_BYTES and not self.transport.is_closing():
            self.send_400_response(f"The headers are more than {HEAD_BYTES} bytes.")
        if self.cycle is None or self.cycle.response_complete:
            self._wait_for("head", self._head_seconds)
        elif self.cycle.more_body:
            self._wait_for("body", self._body_seconds)
        else:
            self._wait_for("", 0)

    def on_headers_complete(self) -> None:
        """A body beside an offer of another protocol would not be read: the parser takes it for that protocol's."""
        if len(self.pipeline) >= WAITING:
            raise NotTakenError
        if self.parser.should_upgrade() and any(name in OF_A_BODY for name, _ in self.headers):
            raise NotTakenError
        super().on_headers_complete()
        self._head_bytes = 0

    def on_body(self, body: bytes) -> None:
        super().on_body(body)
        self._head_bytes = 0

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._head_bytes = 0

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
