"""A TCP server that does to its clients whatever a test says."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@contextmanager
def serving(behave: Callable[[socket.socket, threading.Event], None], port: int = 0) -> Iterator[int]:
    """Its port. `behave` gets each connection, in a thread of its own, and an event that is set at the end."""
    over = threading.Event()
    listener = socket.create_server(("127.0.0.1", port), backlog=64)

    def talk(connection: socket.socket) -> None:
        with connection, suppress(OSError):  # the client gave up
            behave(connection, over)

    def accept() -> None:
        with suppress(OSError):  # closed below
            while True:
                threading.Thread(target=talk, args=(listener.accept()[0],), daemon=True).start()

    taking = threading.Thread(target=accept, daemon=True)
    taking.start()
    try:
        yield listener.getsockname()[1]
    finally:
        over.set()
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        taking.join(timeout=60)


def saying(answer: bytes) -> Callable[[socket.socket, threading.Event], None]:
    """Hears the request's first bytes, says this and hangs up."""

    def behave(connection: socket.socket, _: threading.Event) -> None:
        connection.recv(65536)
        connection.sendall(answer)

    return behave


def dripping(start: bytes, drop: bytes, every: float) -> Callable[[socket.socket, threading.Event], None]:
    """Says a little now and then, for ever."""

    def behave(connection: socket.socket, over: threading.Event) -> None:
        connection.recv(65536)
        connection.sendall(start)
        while not over.wait(every):
            connection.sendall(drop)

    return behave
