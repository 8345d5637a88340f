"""Reads an HTTP/1.x response (RFC 9112) piece by piece as it comes, bounded; knows no socket."""

from __future__ import annotations

import re
import zlib

MOST_HEAD_BYTES = 65536
"""Of all heads together, interim ones (1xx) included."""
MOST_HEADERS = 200
LONGEST_CHUNK_LINE = 1024
STATUS_LINE = re.compile(rb"HTTP/1\.[0-9] ([1-9][0-9]{2})(?: [^\r\n]*)?")
END_OF_HEAD = re.compile(rb"\r?\n\r?\n")
HEADER = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}):[ \t]*(.*?)[ \t]*", re.DOTALL)
LENGTH = re.compile(r"[0-9]{1,15}")
CHUNK = re.compile(rb"([0-9a-fA-F]{1,12})[ \t]*(?:;.*)?", re.DOTALL)
BODILESS = frozenset({204, 304})
INTERIM = range(100, 200)
ZLIB_OR_GZIP = 32 + zlib.MAX_WBITS


class BadResponseError(ValueError):
    """What came is no HTTP/1.x."""


class Response:
    """`feed` it what comes, then `end` when the connection is closed; `done` as soon as nothing more is wanted.

    `status` is None until the whole head was there. Of a larger body than `most_bytes` the beginning is kept, and
    `whole` is False. Header names are in lower case; lines of a head that are no headers are passed over.
    """

    def __init__(self, most_bytes: int) -> None:
        self.status: int | None = None
        self.headers: tuple[tuple[str, str], ...] = ()
        self.body = bytearray()
        self.whole = True
        self.done = False
        self._most, self._head_bytes, self._searched = most_bytes, 0, 0
        self._buffer = bytearray()
        self._left: int | None = None
        self._chunked = self._after_chunk = self._trailer = False

    def header(self, name: str) -> str:
        """All values, parted by commas; empty where there is none."""
        return ", ".join(value for key, value in self.headers if key == name)

    def feed(self, data: bytes) -> None:
        """Raises BadResponseError."""
        self._buffer += data
        while not self.done and self._step():
            pass

    def end(self) -> bool:
        """The server closed the connection: whether the response may end there (RFC 9112, 6.3)."""
        if self.status is not None and not self.done and not self._chunked and self._left is None:
            self.done = True
        return self.done

    def _step(self) -> bool:
        """Take what can be taken; False where more must come first."""
        if self.status is None:
            return self._take_head()
        if self._chunked and not self._left:
            return self._take_chunk_line()
        return self._take_body()

    def _take_head(self) -> bool:
        end = END_OF_HEAD.search(self._buffer, max(0, self._searched - 3))
        self._searched = 0 if end else len(self._buffer)
        if self._head_bytes + (end.start() if end else len(self._buffer)) > MOST_HEAD_BYTES:
            raise BadResponseError(f"its head has more than {MOST_HEAD_BYTES} bytes")
        if end is None:
            start = bytes(self._buffer[:5])
            if not b"HTTP/".startswith(start):
                raise BadResponseError("does not begin with HTTP/")
            return False
        head = bytes(self._buffer[: end.start()])
        del self._buffer[: end.end()]
        self._head_bytes += end.end()
        self._read_head([line.removesuffix(b"\r") for line in head.split(b"\n")])
        return True

    def _read_head(self, lines: list[bytes]) -> None:
        first = STATUS_LINE.fullmatch(lines[0])
        if not first:
            raise BadResponseError("has no status line of HTTP/1.x")
        if len(lines) > MOST_HEADERS:
            raise BadResponseError(f"has more than {MOST_HEADERS} headers")
        status = int(first[1])
        if status in INTERIM:
            if status == 101:  # noqa: PLR2004 - RFC 9110, 15.2.2
                raise BadResponseError("switches to a protocol that was not asked for")
            return
        found = (HEADER.fullmatch(line) for line in lines[1:])
        self.headers = tuple((each[1].decode().lower(), each[2].decode("latin-1")) for each in found if each)
        self._frame(status)
        self.status = status

    def _frame(self, status: int) -> None:
        """How the body's end is told (RFC 9112, 6.3)."""
        if status in BODILESS:
            self.done = True
            return
        coding = self.header("transfer-encoding").lower()
        if coding:
            if coding != "chunked":
                raise BadResponseError(f"has a transfer coding of {coding[:40]!r}")
            self._chunked, self._left = True, 0
            return
        lengths = {each.strip() for each in self.header("content-length").split(",")} - {""}
        if not lengths:
            return
        length = lengths.pop()
        if lengths or not LENGTH.fullmatch(length):
            raise BadResponseError("has a content length that is none")
        self._left = int(length)
        self.done = self._left == 0

    def _take_body(self) -> bool:
        taken = len(self._buffer) if self._left is None else min(self._left, len(self._buffer))
        kept = min(taken, self._most - len(self.body))
        self.body += self._buffer[:kept]
        del self._buffer[:taken]
        if kept < taken:
            self.whole, self.done = False, True
        if self._left is not None:
            self._left -= taken
            if self._left == 0:
                self.done = self.done or not self._chunked
                self._after_chunk = self._chunked
        return taken > 0 and self._chunked

    def _take_chunk_line(self) -> bool:
        end = self._buffer.find(b"\n")
        if (end if end >= 0 else len(self._buffer)) > LONGEST_CHUNK_LINE:
            raise BadResponseError("has a chunk without a length")
        if end < 0:
            return False
        line = bytes(self._buffer[:end]).removesuffix(b"\r")
        del self._buffer[: end + 1]
        if self._trailer:
            self._head_bytes += end
            if self._head_bytes > MOST_HEAD_BYTES:
                raise BadResponseError(f"its head has more than {MOST_HEAD_BYTES} bytes")
            self.done = not line
        elif self._after_chunk:
            if line:
                raise BadResponseError("has a chunk that is longer than it says")
            self._after_chunk = False
        else:
            size = CHUNK.fullmatch(line)
            if not size:
                raise BadResponseError("has a chunk without a length")
            self._left = int(size[1], 16)
            self._trailer = self._left == 0
        return True


def unpacked(body: bytes, encoding: str, most_bytes: int) -> tuple[bytes, bool]:
    """The body by its Content-Encoding, and whether that is all of it: servers pack unasked. Raises ValueError."""
    encoding = encoding.strip().lower()
    if encoding in ("", "identity"):
        return body, True
    if encoding not in ("gzip", "x-gzip", "deflate"):
        raise ValueError(f"is encoded as {encoding[:40]!r}, which was not asked for")
    packed = zlib.decompressobj(ZLIB_OR_GZIP)
    try:
        plain = packed.decompress(body, most_bytes)
    except zlib.error as broken:
        raise ValueError(f"is no {encoding}: {broken}") from None
    return plain, packed.eof and not packed.unconsumed_tail
