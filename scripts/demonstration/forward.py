"""A way from a port of this machine's loopback into a node of the virtual school, for the visitor's browser."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from tests.lab import Node

CHUNK_BYTES = 1 << 16


class Forward:
    """Connections to 127.0.0.1:`port` here end at 127.0.0.1:`inner_port` there. Raises OSError for a taken port."""

    def __init__(self, port: int) -> None:
        self._listener = socket.create_server(("127.0.0.1", port))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def open(self, node: Node, inner_port: int) -> None:
        """From now on connections are taken."""
        threading.Thread(target=self._serve, args=(node, inner_port), daemon=True).start()

    def _serve(self, node: Node, inner_port: int) -> None:
        while True:
            try:
                visitor, _ = self._listener.accept()
            except OSError:
                return  # closed
            try:
                with node.inside():
                    inner = socket.create_connection(("127.0.0.1", inner_port))
            except OSError:
                visitor.close()
                continue
            for source, sink in ((visitor, inner), (inner, visitor)):
                threading.Thread(target=_pump, args=(source, sink), daemon=True).start()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    """Ends the other direction too once this one is over; each socket is closed by the pump that reads it."""
    with source, suppress(OSError):
        while chunk := source.recv(CHUNK_BYTES):
            sink.sendall(chunk)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_RDWR)
