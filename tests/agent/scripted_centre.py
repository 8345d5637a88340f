"""A collector on loopback that says what a test tells it to, and remembers what it was asked."""

from __future__ import annotations

import json
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

from tests.agent.write_requests import decode

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator, Mapping

    from tests.agent.outboxes import Samples

WRITE, CONFIG = "/api/v1/write", "/api/v1/agent/config"


@dataclass(frozen=True)
class Asked:
    """One request; `connection` is the same for requests of one TCP connection, `when` is monotonic seconds."""

    path: str
    headers: Mapping[str, str]
    body: bytes
    connection: int
    when: float

    @property
    def samples(self) -> Samples:
        return {(tuple(labels), when): value for labels, points in decode(self.body) for value, when in points}

    @property
    def times(self) -> list[int]:
        return sorted({when for _, points in decode(self.body) for _, when in points})


@dataclass(frozen=True)
class Say:
    """An answer. Without `time` there is no Haidang-Time; `hang_up` closes without (further) words."""

    status: int = 204
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    time: bool = True
    hang_up: bool = False
    close_after: bool = False


@dataclass
class ScriptedCentre:
    """`answer` decides on each request. `clock` is the centre's time in Unix seconds."""

    url: str = ""
    asked: list[Asked] = field(default_factory=list)
    answer: Callable[[Asked], Say] = lambda _: Say()
    clock: Callable[[], float] = time.time

    def of(self, path: str) -> list[Asked]:
        return [asked for asked in list(self.asked) if asked.path == path]

    @property
    def writes(self) -> list[Asked]:
        return self.of(WRITE)


def _handler(centre: ScriptedCentre) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            asked = Asked(self.path, headers, body, self.client_address[1], time.monotonic())
            centre.asked.append(asked)
            say = centre.answer(asked)
            if say.hang_up:
                self.close_connection = True
                return
            self.send_response(say.status)
            if say.time:
                self.send_header("Haidang-Time", f"{centre.clock():.3f}")
            for name, value in say.headers.items():
                self.send_header(name, value)
            if say.status not in (204, 304):
                self.send_header("Content-Length", str(len(say.body)))
            self.end_headers()
            self.wfile.write(say.body)
            self.close_connection = self.close_connection or say.close_after

        do_GET = do_POST  # noqa: N815 - the base class calls it so

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class calls it so
            """Quiet."""

    return Handler


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """A client that gave up is no failure of the test."""


@contextmanager
def scripted_centre(port: int = 0, tls: ssl.SSLContext | None = None) -> Iterator[ScriptedCentre]:
    """Answers on loopback until the block ends, then refuses connections."""
    centre = ScriptedCentre()
    server = _Server(("127.0.0.1", port), _handler(centre))
    server.daemon_threads = True
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    centre.url = f"{'http' if tls is None else 'https'}://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield centre
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def json_body(content: object) -> bytes:
    return json.dumps(content).encode()
