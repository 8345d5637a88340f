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
"""Of a target and its headers; also of what the parser has read and not told of, as the end of a body in chunks."""
BESIDE_BYTES = len(b": \r\n")
WAITING = 4
"""Requests of one connection behind the one that is worked on; who sends more is hung up on: nobody sound sends any."""


class NotTakenError(Exception):
    """Told as a request that is broken."""


class BoundedConnection(HttpToolsProtocol):
    _head_seconds = HEAD_SECONDS
    _body_seconds = BODY_SECONDS
    _ending: asyncio.TimerHandle | None = None
    _part = ""
    _untold_bytes = _head_bytes = 0
    _is_head = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        self._wait_for("head", self._head_seconds)

    def data_received(self, data: bytes) -> None:
        self._untold_bytes += len(data)
        super().data_received(data)
        if self._untold_bytes > HEAD_BYTES and not self.transport.is_closing():
            self.send_400_response(f"The headers are more than {HEAD_BYTES} bytes.")
        self._wait()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._is_head, self._head_bytes = True, 0

    def on_url(self, url: bytes) -> None:
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """What stands behind a body in chunks is let go by: no proxy has seen it as a header."""
        if self._is_head:
            self._count(len(name) + len(value) + BESIDE_BYTES)
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """One Host (RFC 9112 3.2). A body beside an offer of another protocol would be taken for that protocol's."""
        self._is_head = False
        hosts = sum(name == b"host" for name, _ in self.headers)
        is_without = not hosts and self.parser.get_http_version() == "1.1"
        if hosts > 1 or is_without or len(self.pipeline) >= WAITING:
            raise NotTakenError
        if self.parser.should_upgrade() and self._has_body():
            raise NotTakenError
        super().on_headers_complete()
        self._untold_bytes = 0

    def on_body(self, body: bytes) -> None:
        super().on_body(body)
        self._untold_bytes = 0

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._untold_bytes = 0

    def connection_lost(self, exc: Exception | None) -> None:
        self._wait_for("", 0)
        super().connection_lost(exc)

    def on_response_complete(self) -> None:
        """Where nothing more has come, uvicorn's own time for an idle connection runs; it would keep the last body."""
        super().on_response_complete()
        if self._is_head or not self.cycle.response_complete:
            self._wait()
        else:
            self._wait_for("", 0)
            self.cycle.body.clear()

    def _count(self, size: int) -> None:
        self._head_bytes += size
        if self._head_bytes > HEAD_BYTES:
            raise NotTakenError

    def _has_body(self) -> bool:
        return any(
            name == b"transfer-encoding" or (name == b"content-length" and value.strip(b"0"))
            for name, value in self.headers
        )

    def _wait(self) -> None:
        if self.cycle is None or self.cycle.response_complete:
            self._wait_for("head", self._head_seconds)
        elif self.cycle.more_body:
            self._wait_for("body", self._body_seconds)
        else:
            self._wait_for("", 0)

    def _wait_for(self, part: str, seconds: float) -> None:
        """What has begun goes on: bytes that drip in win no time."""
        if part == self._part:
            return
        if self._ending is not None:
            self._ending.cancel()
        self._part = part
        self._ending = self.loop.call_later(seconds, self.transport.abort) if part else None
