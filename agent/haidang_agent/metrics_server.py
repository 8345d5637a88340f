"""GET /metrics for a scrape from this machine (or, if the configuration says so, from the VPN)."""

from __future__ import annotations

import logging
import sys
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any

from haidang_agent.exposition import CONTENT_TYPE, expose
from haidang_agent.listening import AGAIN_SECONDS, Port

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterable

    from haidang_agent.probe import Sample

log = logging.getLogger(__name__)

REQUEST_SECONDS = 5.0
POLL_SECONDS = 3600.0
"""http.server's poll only serves its `shutdown`, which is not used: it would wake an idle machine twice a second."""


class MetricsServer:
    """One request at a time, each bounded in time: a scraper is no crowd. Raises OSError where it cannot listen.

    Where the machine has no such address yet, it listens as soon as it has.
    """

    def __init__(self, listen: str, samples: Callable[[], Iterable[Sample]]) -> None:
        class Handler(_Handler):
            measured = staticmethod(samples)

        self._handler = Handler
        self._place = Port("[agent] listen", listen)
        self._socket = self._place.open()
        self._stopping = threading.Event()

    @property
    def port(self) -> int | None:
        """None before it listens."""
        return self._place.number

    def start(self) -> None:
        threading.Thread(target=self._run, name="metrics", daemon=True).start()

    def stop(self) -> None:
        """A request under way may be cut; the thread ends with the process."""
        self._stopping.set()
        if self._socket is not None:
            self._socket.close()

    def _run(self) -> None:
        while self._socket is None:
            if self._stopping.wait(AGAIN_SECONDS):
                return
            self._socket = self._place.open()
        _Server(self._socket, self._handler).serve_forever(POLL_SECONDS)


class _Server(HTTPServer):
    def __init__(self, listening: socket.socket, handler: type[_Handler]) -> None:
        super().__init__(listening.getsockname()[:2], handler, bind_and_activate=False)
        self.socket.close()
        self.socket = listening

    def handle_error(self, request: object, client_address: object) -> None:  # noqa: ARG002 - the base class's
        crash = sys.exception()
        level = logging.DEBUG if isinstance(crash, OSError) else logging.ERROR  # OSError: the scraper left
        log.log(level, "no metrics for %s", client_address, exc_info=crash)


class _Handler(BaseHTTPRequestHandler):
    timeout = REQUEST_SECONDS
    measured: Callable[[], Iterable[Sample]]

    def do_GET(self) -> None:
        if self.path.partition("?")[0] != "/metrics":
            self.send_error(HTTPStatus.NOT_FOUND, explain="Ask for /metrics.")
            return
        body = expose(self.measured())
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", CONTENT_TYPE)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server's name
        """A scrape every few seconds is no news."""
