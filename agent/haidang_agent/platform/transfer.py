"""How many bytes a second go through a line: the body of an HTTP download or upload, by several connections at once.

Counted is what the line has carried of the body: read from the socket, or acknowledged by the server's system
(TCP_INFO, tcp(7)). The headers of HTTP, TLS, TCP and IP are not (about 5 %); TCP's slow start is part of the time.
Nothing is retried, and no redirect is followed. Binding to an interface and uploads need Linux.
"""

from __future__ import annotations

import http.client
import os
import socket
import struct
import threading
import time
from abc import ABC, abstractmethod
from concurrent.futures import FIRST_COMPLETED, FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

if TYPE_CHECKING:
    import ssl

Address = tuple[socket.AddressFamily, Any]

CONNECT_SECONDS = 10.0
ANSWER_SECONDS = 15.0
"""So long an upload whose time is over may take to send what it has begun, and the server to answer."""
SHORTEST_SECONDS = 0.2
"""What is over sooner tells of buffers, not of a line."""
LARGEST_CHUNK, SMALLEST_CHUNK = 1 << 16, 1 << 10
CHUNK_SECONDS = 0.05
"""All connections together move about so much at a time."""
SEND_BUFFER_BYTES = 1 << 19
"""Of all connections. Kept small, or a slow line would be busy long after the test."""
MOST_ADDRESSES = 4
TCP_INFO_BYTES, BYTES_ACKED_AT = 128, 120
"""`tcpi_bytes_acked` of struct tcp_info (linux/tcp.h, since Linux 4.1)."""

CAN_BIND, CAN_UPLOAD = hasattr(socket, "SO_BINDTODEVICE"), hasattr(socket, "TCP_INFO")


class UnfitServerError(Exception):
    """The server answered, but not with what a test needs; the text says what to change."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one transfer; `bytes` and `bytes_per_second` are of all its `streams` (TCP connections) together."""

    bytes: int
    bytes_per_second: int
    seconds: float
    streams: int


class Server(NamedTuple):
    """`context` None: without TLS. `path` has the query too."""

    host: str
    port: int
    path: str
    context: ssl.SSLContext | None


class Pace:
    """Spreads the bytes of all connections evenly over time. Thread-safe."""

    def __init__(self, bytes_per_second: int) -> None:
        self._bytes_per_second = bytes_per_second
        self._free_at = 0.0
        self._lock = threading.Lock()

    def spend(self, size: int) -> float:
        """Seconds to wait after so many bytes."""
        with self._lock:
            now = time.monotonic()
            self._free_at = max(self._free_at, now) + size / self._bytes_per_second
            return self._free_at - now


class Transfer(ABC):
    """One direction, once, by `device` (empty: as the routes have it). `run` in one thread, `end` from any."""

    patience_seconds: ClassVar[float]
    """So long the connections may take to come to an end after the measurement."""

    def __init__(self, server: Server, device: str, limits: Limits) -> None:
        self._server, self._device, self._limits = server, device, limits
        self._left = limits.bytes
        paced = int(limits.bytes_per_second / limits.streams * CHUNK_SECONDS)
        self._chunk = min(LARGEST_CHUNK, max(SMALLEST_CHUNK, paced))
        self._pace = Pace(limits.bytes_per_second)
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._sockets: list[socket.socket] = []
        self._began: float | None = None

    def run(self) -> float:
        """Bytes per second, until a limit is reached or the first connection has no more to do.

        From then on fewer connections would share the line, and the lag of the last would count as the line's.
        Raises TimeoutError, PermissionError (binding is denied), another OSError, HTTPException or UnfitServerError.
        """
        found = socket.getaddrinfo(self._server.host, self._server.port, type=socket.SOCK_STREAM)[:MOST_ADDRESSES]
        addresses: list[Address] = [(family, address) for family, _, _, _, address in found]
        with ThreadPoolExecutor(self._limits.streams) as pool:
            streams = [pool.submit(self._stream, addresses) for _ in range(self._limits.streams)]
            wait(streams, self._limits.seconds, FIRST_COMPLETED)
            ended, moved = time.monotonic(), self.moved()
            self._over.set()
            wait(streams, self.patience_seconds, FIRST_EXCEPTION)
            self.end()
        for stream in streams:
            stream.result()
        if self._began is None or not moved:
            by = f" by {self._device}" if self._device else ""
            raise TimeoutError(f"nothing came through in {self._limits.seconds:g} s; is there a route{by}?")
        seconds = ended - self._began
        if seconds < SHORTEST_SECONDS:
            raise UnfitServerError(
                f"{moved} bytes in {seconds:.3f} s are too few to tell; offer a larger file, or raise budget_bytes"
            )
        return moved / seconds

    def end(self) -> None:
        """Stop now: what waits for the network wakes up."""
        self._over.set()
        with self._lock:
            for each in self._sockets:
                with suppress(OSError):  # not connected yet, or closed by now
                    socket.socket.shutdown(each, socket.SHUT_RDWR)

    @abstractmethod
    def moved(self) -> int:
        """Bytes of the body that the line has carried until now, whatever became of `run`."""

    @abstractmethod
    def _exchange(self, connection: http.client.HTTPConnection) -> None:
        """One request over a connection that is there."""

    def _stream(self, addresses: list[Address]) -> None:
        try:
            with closing(http.client.HTTPConnection(self._server.host, self._server.port)) as connection:
                connection.sock = self._connect(addresses)
                self._exchange(connection)
        except (OSError, http.client.HTTPException):
            if not self._over.is_set():
                raise

    def _connect(self, addresses: list[Address]) -> socket.socket:
        """To the first address that answers. Raises OSError of the last."""
        for place, (family, address) in enumerate(addresses, 1):
            plain = self._track(socket.socket(family, socket.SOCK_STREAM))
            try:
                if self._device and not CAN_BIND:
                    raise OSError("only Linux binds a connection to an interface")
                if self._device:
                    plain.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, self._device.encode())
                plain.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES // self._limits.streams)
                plain.settimeout(CONNECT_SECONDS)
                plain.connect(address)
                return self._secure(plain)
            except OSError:
                plain.close()
                if place == len(addresses) or self._over.is_set():
                    raise
        raise OSError("its name has no address")

    def _secure(self, plain: socket.socket) -> socket.socket:
        context, ready = self._server.context, plain
        if context is not None:
            secure = context.wrap_socket(plain, server_hostname=self._server.host, do_handshake_on_connect=False)
            self._track(secure)
            try:
                secure.do_handshake()
            except OSError:
                secure.close()
                raise
            ready = secure
        ready.settimeout(self._limits.seconds + ANSWER_SECONDS)
        return ready

    def _track(self, made: socket.socket) -> socket.socket:
        with self._lock:
            self._sockets.append(made)
        if self._over.is_set():
            made.close()
            raise ConnectionAbortedError("the test is over")
        return made

    def _begin(self) -> None:
        with self._lock:
            self._began = self._began or time.monotonic()

    def _claim(self, most: int) -> int:
        """So many bytes of the budget are this connection's to move; 0 where it is used up, or the test is over."""
        with self._lock:
            claimed = 0 if self._over.is_set() else min(most, self._chunk, self._left)
            self._left -= claimed
            return claimed


class Download(Transfer):
    """GET by each connection, and no more is read than the budget has; what is on its way by then is lost."""

    patience_seconds = 0.0

    def __init__(self, server: Server, device: str, limits: Limits) -> None:
        super().__init__(server, device, limits)
        self._read = 0

    def moved(self) -> int:
        return self._read

    def _exchange(self, connection: http.client.HTTPConnection) -> None:
        connection.request("GET", self._server.path, headers={"User-Agent": "haidang-agent"})
        response = connection.getresponse()
        _check(response)
        self._begin()
        left = response.length
        while claimed := self._claim(self._chunk if left is None else left):
            data = response.read1(claimed)
            with self._lock:
                self._read += len(data)
                self._left += claimed - len(data)
            if not data:
                if left is not None:
                    raise http.client.IncompleteRead(b"", left)
                return
            left = None if left is None else left - len(data)
            self._over.wait(self._pace.spend(len(data)))


class Sent:
    """What one connection has delivered."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._before = self._acknowledged()
        self._settled: int | None = None

    def carried(self) -> int:
        return self._acknowledged() - self._before if self._settled is None else self._settled

    def settle(self, carried: int) -> None:
        """The connection tells no more; it was so many bytes."""
        self._settled = carried

    def _acknowledged(self) -> int:
        told = self._connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, TCP_INFO_BYTES)
        acknowledged: int = struct.unpack_from("=Q", told, BYTES_ACKED_AT)[0]
        return acknowledged


class Upload(Transfer):
    """POST of random bytes in chunks, so that it can end in good order at any time."""

    patience_seconds = ANSWER_SECONDS

    def __init__(self, server: Server, device: str, limits: Limits) -> None:
        super().__init__(server, device, limits)
        self._sent: list[Sent] = []
        self._data = os.urandom(self._chunk)

    def moved(self) -> int:
        return sum(each.carried() for each in list(self._sent))

    def _exchange(self, connection: http.client.HTTPConnection) -> None:
        connection.putrequest("POST", self._server.path, skip_accept_encoding=True)
        for header in (("Transfer-Encoding", "chunked"), ("User-Agent", "haidang-agent")):
            connection.putheader(*header)
        connection.endheaders()
        sent = Sent(connection.sock)
        self._sent.append(sent)
        self._begin()
        size = 0
        with closing(http.client.HTTPResponse(connection.sock, method="POST")) as response:
            try:
                with suppress(BrokenPipeError, ConnectionResetError):  # then its answer says why
                    size = self._push(connection)
                response.begin()
            finally:
                sent.settle(size or sent.carried())
        _check(response)

    def _push(self, connection: http.client.HTTPConnection) -> int:
        size = 0
        while claimed := self._claim(self._chunk):
            connection.send(b"%x\r\n%b\r\n" % (claimed, self._data[:claimed]))
            size += claimed
            self._over.wait(self._pace.spend(claimed))
        connection.send(b"0\r\n\r\n")
        return size


def _check(response: http.client.HTTPResponse) -> None:
    if response.status in range(300, 400):
        raise UnfitServerError(f"it answers {response.status}, look elsewhere; write the address that it means")
    if response.status not in range(200, 300):
        raise UnfitServerError(f"it answers {response.status} {response.reason[:80]}")
