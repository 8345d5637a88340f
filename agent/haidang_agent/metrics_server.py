"""GET /metrics for a scrape from this machine (or, if the configuration says so, from the VPN)."""

from __future__ import annotations

import logging
import socket
import sys
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any

from haidang_agent.exposition import CONTENT_TYPE, expose

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from haidang_agent.probe import Sample

log = logging.getLogger(__name__)

REQUEST_SECONDS = 5.0
POLL_SECONDS = 3600.0
"""http.server's poll only serves its `shutdown`, which is not used: it would wake an idle machine twice a second."""


class MetricsServer:
    """One request at a time, each bounded in time: a scraper is no crowd. Raises OSError where it cannot listen."""

    def __init__(self, listen: str, samples: Callable[[], Iterable[Sample]]) -> None:
        host, _, port = listen.rpartition(":")
        host = host.strip("[]")

        class Server(HTTPServer):
            address_family = socket.AF_INET6 if ":" in host else socket.AF_INET

            def handle_error(self, request: object, client_address: object) -> None:  # noqa: ARG002 - the base class's
                crash = sys.exception()
                level = logging.DEBUG if isinstance(crash, OSError) else logging.ERROR  # OSError: the scraper left
                log.log(level, "no metrics for %s", client_address, exc_info=crash)

        class Handler(_Handler):
            measured = staticmethod(samples)

        try:
            self._server = Server((host, int(port)), Handler)
        except OSError as taken:
            raise OSError(f"[agent] listen = {listen!r}: {taken.strerror}; choose another port there") from taken
        self.port: int = self._server.server_address[1]

    def start(self) -> None:
        threading.Thread(target=self._server.serve_forever, args=(POLL_SECONDS,), name="metrics", daemon=True).start()

    def stop(self) -> None:
        """A request under way may be cut; the thread ends with the process."""
        self._server.server_close()


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
