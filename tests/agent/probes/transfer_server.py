"""An HTTP server for throughput tests: what it does is told by the path; it remembers who asked and what it moved."""

from __future__ import annotations

import threading
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator

BIG = 1 << 40
BLOCK = bytes(1 << 14)


@dataclass
class TransferServer:
    """`asked` has (path, client's address) of each request; `sent` and `received` are bytes of bodies by path."""

    url: str = ""
    asked: list[tuple[str, str]] = field(default_factory=list)
    sent: Counter[str] = field(default_factory=Counter)
    received: Counter[str] = field(default_factory=Counter)
    closing: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        self.server.told.asked.append((self.path, self.client_address[0]))
        getattr(self, f"get_{self.path.strip('/').partition('?')[0]}")()

    def do_POST(self) -> None:
        self.server.told.asked.append((self.path, self.client_address[0]))
        getattr(self, f"post_{self.path.strip('/')}")()

    def get_file(self) -> None:
        self._head(200, BIG)
        self._body(BIG)

    def get_endless(self) -> None:
        """As /dev/zero: no length is told."""
        self._head(200, None)
        self._body(BIG)

    def get_small(self) -> None:
        self._head(200, 1000)
        self._body(1000)

    def get_cut(self) -> None:
        self._head(200, BIG)
        self._body(10_000)
        self.close_connection = True

    def get_slow(self) -> None:
        """1,000 bytes every 50 ms."""
        self._head(200, BIG)
        while not self.server.told.closing.wait(0.05):
            self._body(1000)

    def get_silent(self) -> None:
        self._head(200, BIG)
        self.wfile.flush()
        self.server.told.closing.wait()

    def get_never(self) -> None:
        self.server.told.closing.wait()

    def get_moved(self) -> None:
        self.send_response(302)
        self.send_header("Location", "/file")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def get_missing(self) -> None:
        self._head(404, 0)

    def post_sink(self) -> None:
        """Reads everything, then answers."""
        while size := int(self.rfile.readline(), 16):
            read = len(self.rfile.read(size))
            with self.server.told.lock:
                self.server.told.received[self.path] += read
            self.rfile.readline()
        self.rfile.readline()
        self._head(204, None)

    def post_refuse(self) -> None:
        self._head(413, 0)
        self.close_connection = True

    def _head(self, status: int, length: int | None) -> None:
        self.send_response(status)
        if length is not None:
            self.send_header("Content-Length", str(length))
        else:
            self.close_connection = True
        self.end_headers()

    def _body(self, left: int) -> None:
        while left and not self.server.told.closing.is_set():
            block = BLOCK[:left]
            self.wfile.write(block)
            with self.server.told.lock:
                self.server.told.sent[self.path] += len(block)
            left -= len(block)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class calls it so
        """Quiet."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, address: tuple[str, int], told: TransferServer) -> None:
        self.told = told
        super().__init__(address, _Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hung up is no failure of the test."""


@contextmanager
def transfer_server(address: str = "127.0.0.1", tls: ssl.SSLContext | None = None) -> Iterator[TransferServer]:
    """Listens in the network that the calling thread is in, until the block ends."""
    told = TransferServer()
    server = _Server((address, 0), told)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    told.url = f"{'http' if tls is None else 'https'}://{address}:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield told
    finally:
        told.closing.set()
        server.shutdown()
        server.server_close()
        thread.join()
