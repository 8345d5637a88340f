"""Reads a request's body: so many bytes, in so much time, and no more."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from starlette.requests import ClientDisconnect

from haidang_collector.ingest.refusal import BAD_REQUEST, TOO_LARGE, TOO_SLOW, WRONG_ENCODING, Refusal

if TYPE_CHECKING:
    from starlette.requests import Request

CONTENT_TYPES = ("application/x-protobuf", "application/x-protobuf;proto=prometheus.writerequest")
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
    """The body of one request. `max_bytes` holds whatever Content-Length says.

    What is not read is left to uvicorn, which lets it go by: a connection closed on a sender that is still sending
    would look like a broken network to it, and be tried again for ever.
    """

    def __init__(self, request: Request, max_bytes: int) -> None:
        self._request = request
        self._max_bytes = max_bytes

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
                async for chunk in self._request.stream():
                    received += chunk
                    if len(received) > self._max_bytes:
                        raise self._too_large("more")
        except TimeoutError:
            raise Refusal(TOO_SLOW, "slow", f"body: not complete after {seconds:g} s") from None
        except ClientDisconnect:
            text = "body: the connection ended before it was complete"
            raise Refusal(BAD_REQUEST, "disconnected", text) from None
        return bytes(received)

    def _too_large(self, found: str) -> Refusal:
        return Refusal(TOO_LARGE, "too_large", f"body: {found}; {self._max_bytes} bytes are allowed; send less at once")
