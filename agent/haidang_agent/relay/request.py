"""What is asked of a relay's port, read within bounds: HTTP/1 as far as the relay needs it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

HEAD_BYTES, HEAD_SECONDS = 8192, 10.0
BODY_SECONDS = 30.0
DIGITS = 9
PHRASES = {
    201: "Created", 400: "Bad Request", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed",
    408: "Request Timeout", 411: "Length Required", 413: "Content Too Large", 431: "Request Header Fields Too Large",
    502: "Bad Gateway", 503: "Service Unavailable", 504: "Gateway Timeout", 507: "Insufficient Storage",
}  # fmt: skip


class RefusalError(Exception):
    """The answer to what is not done here."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


class Head(NamedTuple):
    """Of a request; names of headers in lower case."""

    method: str
    target: str
    headers: Mapping[str, str]

    def length(self, most: int) -> int:
        """Of the body. Raises RefusalError."""
        said = self.headers.get("content-length", "")
        if "transfer-encoding" in self.headers or not (said.isascii() and said.isdecimal()):
            raise RefusalError(411, "say Content-Length")
        if len(said) > DIGITS or int(said) > most:
            raise RefusalError(413, f"at most {most} bytes are taken at once")
        return int(said)


def answer(status: int, headers: Mapping[str, str], text: str = "") -> bytes:
    """A whole answer, after which the connection ends."""
    body = f"{text}\n".encode() if text else b""
    told = {"Haidang-Relay": "1", "Connection": "close", "Content-Length": str(len(body)), **headers}
    lines = [f"HTTP/1.1 {status} {PHRASES[status]}", *(f"{name}: {value}" for name, value in told.items())]
    return "\r\n".join([*lines, "", ""]).encode() + body


async def read_head(reader: asyncio.StreamReader) -> Head:
    """`reader` has HEAD_BYTES for its limit. Raises RefusalError, IncompleteReadError, OSError."""
    try:
        async with asyncio.timeout(HEAD_SECONDS):
            raw = await reader.readuntil(b"\r\n\r\n")
    except asyncio.LimitOverrunError:
        raise RefusalError(431, f"a head has at most {HEAD_BYTES} bytes") from None
    except TimeoutError:
        raise RefusalError(408, f"the head was not there within {HEAD_SECONDS:g} s") from None
    lines = raw.decode("latin-1").split("\r\n")
    words = lines[0].split(" ")
    if not all(line.replace("\t", " ").isprintable() for line in lines):
        raise RefusalError(400, "there is a sign in it that has no place there")
    if len(words) != 3 or not words[2].startswith("HTTP/1."):  # noqa: PLR2004 - method, target, version
        raise RefusalError(400, "this is no HTTP/1")
    headers = {}
    for line in filter(None, lines[1:]):
        name, colon, value = line.partition(":")
        if not colon or not name or name != name.strip() or name.lower() in headers:
            raise RefusalError(400, "a header is malformed, or there twice")
        headers[name.lower()] = value.strip()
    return Head(words[0], words[1], headers)


async def read_body(reader: asyncio.StreamReader, length: int) -> bytes:
    """Raises RefusalError, IncompleteReadError, OSError."""
    try:
        async with asyncio.timeout(BODY_SECONDS):
            return await reader.readexactly(length)
    except TimeoutError:
        raise RefusalError(408, f"the body was not there within {BODY_SECONDS:g} s") from None
