"""Reads a request's body: so many bytes, in so much time, and no more."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from haidang_collector.ingest.refusal import BAD_REQUEST, TOO_LARGE, TOO_SLOW, WRONG_ENCODING, Refusal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request

CONTENT_TYPES = ("application/x-protobuf", "application/x-protobuf;proto=prometheus.writerequest")
DISCARD_SECONDS = 5.0
DIGITS = 18


def check_headers(request: Request) -> None:
    """Raises Refusal 415 for what is not remote write 1.0."""
    encoding = request.headers.get("content-encoding", "")
    if encoding.strip().lower() != "snappy":
        raise Refusal(WRONG_ENCODING, "encoding", f"Content-Encoding: {encoding!r}; only 'snappy' is taken")
    content_type = request.headers.get("content-type", "")
    if content_type.replace(" ", "").lower() not in CONTENT_TYPES:
        text = f"Content-Type: {content_type!r}; only 'application/x-protobuf' is taken (remote write 1.0)"
        raise Refusal(WRONG_ENCODING, "encoding", text)


class Body:
    """The body of one request. `max_bytes` holds whatever Content-Length says."""

    def __init__(self, request: Request, max_bytes: int) -> None:
        self._request = request
        self._max_bytes = max_bytes
        self._more = True

    def expected_bytes(self) -> int:
        """What Content-Length says, or the most there can be. Raises Refusal 413."""
        text = self._request.headers.get("content-length", "")
        if not text.isdecimal():
            return self._max_bytes
        if len(text) > DIGITS or int(text) > self._max_bytes:
            raise self._too_large(f"{text[:DIGITS]} bytes")
        return int(text)

    async def read(self, seconds: float) -> bytes:
        """Raises Refusal 413, 408 when it takes longer than `seconds`, 400 when the sender hangs up."""
        received = bytearray()
        try:
            async with asyncio.timeout(seconds):
                async for chunk in self._chunks():
                    received += chunk
                    if len(received) > self._max_bytes:
                        raise self._too_large("more")
        except TimeoutError:
            self._more = False
            raise Refusal(TOO_SLOW, "slow", f"body: not complete after {seconds:g} s") from None
        return bytes(received)

    async def discard(self) -> None:
        """Lets the rest go by for a moment, so that the sender comes to read our answer.

        A connection closed on a sender that is still sending looks like a broken network to it, and it would try
        the same again for ever.
        """
        try:
            async with asyncio.timeout(DISCARD_SECONDS):
                async for _ in self._chunks():
                    pass
        except (TimeoutError, Refusal):
            return

    async def _chunks(self) -> AsyncIterator[bytes]:
        while self._more:
            message = await self._request.receive()
            self._more = message.get("more_body", False)
            if message["type"] == "http.disconnect":
                raise Refusal(BAD_REQUEST, "disconnected", "body: the connection ended before it was complete")
            yield message.get("body", b"")

    def _too_large(self, found: str) -> Refusal:
        return Refusal(TOO_LARGE, "too_large", f"body: {found}; {self._max_bytes} bytes are allowed; send less at once")
