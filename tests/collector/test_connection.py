from __future__ import annotations

import socket
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
import uvicorn
from haidang_collector.connection import TimedConnection

from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from uvicorn._types import ASGIReceiveCallable, ASGISendCallable, Scope

REQUEST = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n"
HEAD = b"GET / HTTP/1.1\r\nX: " + b"y" * 2000
PATIENCE = 30
BETWEEN_SECONDS = 120
"""How long uvicorn keeps a connection that asks for nothing more."""


class Hurried(TimedConnection):
    _head_seconds = 3.0
    _body_seconds = 3.0


async def echo(scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
    """Answers with what it was sent; a body that ends early is answered with nothing."""
    body = b""
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return
        body += message["body"]
        if not message["more_body"]:
            break
    headers = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers, "trailers": False})
    await send({"type": "http.response.body", "body": body, "more_body": False})


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(echo, http=Hurried, lifespan="off", log_level="error", timeout_keep_alive=BETWEEN_SECONDS)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    eventually("it listens", lambda: server.started, seconds=PATIENCE)
    yield listener.getsockname()[1]
    server.should_exit = True
    thread.join(PATIENCE)


@contextmanager
def connected(port: int) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as connection:
        yield connection


def is_ended(connection: socket.socket) -> bool:
    """Waits until the other side says something: whether that is the end."""
    try:
        return connection.recv(4096) == b""
    except ConnectionResetError:
        return True


@pytest.mark.parametrize("beginning", [b"", b"POST / HTTP/1.1\r\nHost:", REQUEST, REQUEST + b"abc"])
def test_whoever_does_not_go_on_is_hung_up_on(port: int, beginning: bytes) -> None:
    with connected(port) as connection:
        connection.sendall(beginning)

        assert is_ended(connection)


def test_dripping_wins_no_time(port: int) -> None:
    with connected(port) as connection:
        connection.settimeout(0.05)

        sent = next(number for number, byte in enumerate(HEAD) if is_ended_after(connection, bytes((byte,))))

    assert 3 < sent < len(HEAD) - 1


def is_ended_after(connection: socket.socket, byte: bytes) -> bool:
    try:
        connection.sendall(byte)
        return connection.recv(1) == b""
    except TimeoutError:
        return False
    except ConnectionError:
        return True


def test_who_pauses_between_requests_is_served_on_one_connection(port: int) -> None:
    """
    For longer than there is for a request: whoever came later and said nothing is hung up on meanwhile.
    """
    with connected(port) as connection:
        connection.sendall(REQUEST + b"abcd")
        first = _answer(connection)
        with connected(port) as later:
            assert is_ended(later)
        connection.sendall(REQUEST + b"abcd")

        assert (first, _answer(connection)) == (b"abcd", b"abcd")


def _answer(connection: socket.socket) -> bytes:
    received = b""
    while b"\r\n\r\n" not in received or len(received.partition(b"\r\n\r\n")[2]) < 4:
        piece = connection.recv(4096)
        if not piece:
            raise ConnectionResetError("it was ended")
        received += piece
    return received.partition(b"\r\n\r\n")[2]
