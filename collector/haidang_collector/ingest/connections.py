"""Kept connections to the store: HTTP/1.1, as much of it as the answer to a POST needs.

httpx's own network costs several times the processor time (`python -m benchmarks ingest` tells what is left). It is a
transport of httpx, so that a test puts its own in the same place.
"""

from __future__ import annotations

import asyncio
import base64
from typing import TYPE_CHECKING
from urllib.parse import unquote

import httpx

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterable

CONNECT_SECONDS = 3.0
TURN_SECONDS = 4.0
"""For a place among those that are on the way; with the store's own ten, below the 15 s that agents wait."""
LONGEST_HEAD = 64 << 10
LONGEST_BODY = 1 << 20
"""Of an answer, where the caller expects no more; what is longer is cut off."""
FIRST_FINAL = 200
"""What is below only announces the answer (RFC 9110, 15.2)."""
NO_CONTENT = 204
NOT_MODIFIED = 304

Place = tuple[str, str, int]
"""Scheme, host and port."""


class _Reader(asyncio.StreamReader):
    """Knows how many bytes came that nobody has read: after a whole answer, they would pass for the next one."""

    unread = 0

    def feed_data(self, data: bytes) -> None:  # type: ignore[override]  # what a transport gives is bytes
        self.unread += len(data)
        super().feed_data(data)

    async def read(self, n: int = -1) -> bytes:
        return self._taken(await super().read(n))

    async def readexactly(self, n: int) -> bytes:
        return self._taken(await super().readexactly(n))

    async def readuntil(self, separator: bytes = b"\n") -> bytes:  # type: ignore[override]  # one is enough
        return self._taken(await super().readuntil(separator))

    def _taken(self, data: bytes) -> bytes:
        self.unread -= len(data)
        return data


class _Connection:
    def __init__(self, reader: _Reader, writer: asyncio.StreamWriter, longest: int) -> None:
        self._reader, self._writer, self._longest = reader, writer, longest
        self.reusable = False
        """After its last answer: whether another one may be asked for."""

    @property
    def usable(self) -> bool:
        return not (self._reader.unread or self._reader.at_eof() or self._writer.is_closing())

    def close(self) -> None:
        """At once: what was not sent yet is nobody's any more."""
        self._writer.transport.abort()

    async def ask(self, request: bytes) -> httpx.Response:
        """Raises OSError, httpx.ReadError for an end before the first byte, httpx.RemoteProtocolError."""
        self._writer.write(request)
        await self._writer.drain()
        version, status, headers = _parsed(await self._head())
        while status < FIRST_FINAL:
            version, status, headers = _parsed(await self._head())
        body = await self._body(status, headers)
        said_close = headers.get("connection", "").lower() == "close"
        self.reusable = self.reusable and version == b"HTTP/1.1" and not said_close
        return httpx.Response(status, headers=headers, content=body)

    async def _head(self) -> bytes:
        try:
            return await self._reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError as ended:
            if ended.partial:
                raise httpx.RemoteProtocolError("the answer ended inside its headers") from None
            raise httpx.ReadError("the connection ended without an answer") from None
        except asyncio.LimitOverrunError:
            raise httpx.RemoteProtocolError(f"headers of more than {LONGEST_HEAD} bytes") from None

    async def _body(self, status: int, headers: httpx.Headers) -> bytes:
        """Sets whether the connection can serve again."""
        self.reusable = True
        if status in (NO_CONTENT, NOT_MODIFIED):
            return b""
        try:
            if "chunked" in headers.pop("transfer-encoding", "").lower():
                return await self._chunks()
            if "content-length" not in headers:
                self.reusable = False
                return await self._to_the_end()
            length = _length(headers["content-length"], 10)
            self.reusable = length <= self._longest
            return await self._reader.readexactly(min(length, self._longest))
        except asyncio.IncompleteReadError:
            raise httpx.RemoteProtocolError("the answer ended before it was complete") from None
        except asyncio.LimitOverrunError:
            raise httpx.RemoteProtocolError("a chunk's length of no end") from None

    async def _to_the_end(self) -> bytes:
        body = bytearray()
        while len(body) < self._longest and (more := await self._reader.read(self._longest - len(body))):
            body += more
        return bytes(body)

    async def _chunks(self) -> bytes:
        body = bytearray()
        while len(body) <= self._longest:
            line = await self._reader.readuntil(b"\n")
            length = _length(line.partition(b";")[0].strip().decode("latin-1"), 16)
            if length > self._longest:
                break
            chunk = await self._reader.readexactly(length + 2)
            if not length:
                return bytes(body)
            body += chunk[:-2]
        self.reusable = False
        return bytes(body)


class KeptConnections(httpx.AsyncBaseTransport):
    """For one event loop. At most `most` requests are on the way; the others wait for their turn, and not for long."""

    def __init__(
        self,
        most: int,
        seconds: float,
        tls: ssl.SSLContext | None = None,
        *,
        turn_seconds: float = TURN_SECONDS,
        longest: int = LONGEST_BODY,
    ) -> None:
        """`seconds` for a request, from its turn on to the whole answer; without `tls`, the usual authorities hold.

        `longest`: bytes of an answer, of which the rest is cut off.
        """
        self._places = asyncio.Semaphore(most)
        self._turn_seconds = turn_seconds
        self._longest = longest
        self._seconds = seconds
        self._idle: dict[Place, list[_Connection]] = {}
        self._tls = tls

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """What an idle connection does not answer is asked once more on a new one.

        Raises httpx.TransportError; httpx.PoolTimeout where its turn did not come.
        """
        wire = _encoded(request)
        try:
            async with asyncio.timeout(self._turn_seconds):
                await self._places.acquire()
        except TimeoutError:
            raise httpx.PoolTimeout(f"no turn within {self._turn_seconds:g} s", request=request) from None
        try:
            async with asyncio.timeout(self._seconds):
                return await self._ask(request.url, wire)
        except TimeoutError:
            raise httpx.ReadTimeout(f"no answer after {self._seconds:g} s", request=request) from None
        except OSError as failed:
            raise httpx.NetworkError(str(failed), request=request) from failed
        finally:
            self._places.release()

    async def aclose(self) -> None:
        for connections in self._idle.values():
            for connection in connections:
                connection.close()
        self._idle.clear()
        await asyncio.sleep(0)  # their ends are run by the loop

    async def _ask(self, url: httpx.URL, wire: bytes) -> httpx.Response:
        place = (url.scheme, url.host, url.port or (443 if url.scheme == "https" else 80))
        idle = self._idle.setdefault(place, [])
        while idle:
            connection = idle.pop()
            if not connection.usable:
                connection.close()
                continue
            try:
                return await self._on(connection, wire, idle)
            except (httpx.ReadError, ConnectionError):
                break
        return await self._on(await self._connect(place), wire, idle)

    async def _on(self, connection: _Connection, wire: bytes, idle: list[_Connection]) -> httpx.Response:
        answered = False
        try:
            answer = await connection.ask(wire)
            answered = connection.reusable
        finally:
            if answered:
                idle.append(connection)
            else:
                connection.close()
        return answer

    async def _connect(self, place: Place) -> _Connection:
        scheme, host, port = place
        if scheme == "https" and self._tls is None:
            self._tls = httpx.create_ssl_context(trust_env=False)
        tls = self._tls if scheme == "https" else None
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                return await self._opened(host, port, tls)
        except TimeoutError:
            raise httpx.ConnectTimeout(f"no connection to {host}:{port} after {CONNECT_SECONDS:g} s") from None
        except OSError as failed:
            raise httpx.ConnectError(f"{host}:{port}: {failed}") from failed

    async def _opened(self, host: str, port: int, tls: ssl.SSLContext | None) -> _Connection:
        """As asyncio.open_connection, with a reader of ours."""
        loop = asyncio.get_running_loop()
        reader = _Reader(LONGEST_HEAD, loop)
        protocol = asyncio.StreamReaderProtocol(reader, loop=loop)
        transport, _ = await loop.create_connection(lambda: protocol, host, port, ssl=tls)
        return _Connection(reader, asyncio.StreamWriter(transport, protocol, reader, loop), self._longest)


def _encoded(request: httpx.Request) -> bytes:
    """Host and Content-Length are among the headers of an httpx.Request."""
    head = [b"%s %s HTTP/1.1" % (request.method.encode("ascii"), request.url.raw_path)]
    head += [b"%s: %s" % pair for pair in request.headers.raw]
    if request.url.userinfo and "authorization" not in request.headers:
        pair = f"{unquote(request.url.username)}:{unquote(request.url.password)}"
        head.append(b"Authorization: Basic " + base64.b64encode(pair.encode()))
    return b"\r\n".join([*head, b"", b""]) + request.content


def _parsed(head: bytes) -> tuple[bytes, int, httpx.Headers]:
    """Raises httpx.RemoteProtocolError."""
    first, *lines = head[:-4].split(b"\r\n")
    version, _, rest = first.partition(b" ")
    if not version.startswith(b"HTTP/1.") or not rest[:3].isdigit():
        raise httpx.RemoteProtocolError(f"no HTTP/1.1 answer: {first[:80]!r}")
    return version, int(rest[:3]), httpx.Headers(list(_pairs(lines)))


def _pairs(lines: Iterable[bytes]) -> Iterable[tuple[bytes, bytes]]:
    for line in lines:
        name, colon, value = line.partition(b":")
        if not colon:
            raise httpx.RemoteProtocolError(f"no header: {line[:80]!r}")
        yield name, value.strip()


def _length(text: str, base: int) -> int:
    try:
        length = int(text, base)
    except ValueError:
        raise httpx.RemoteProtocolError(f"no length: {text[:80]!r}") from None
    if length < 0:
        raise httpx.RemoteProtocolError(f"no length: {text[:80]!r}")
    return length
