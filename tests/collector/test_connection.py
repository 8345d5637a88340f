from __future__ import annotations

import contextlib
import socket
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
import uvicorn
from haidang_collector.connection import HEAD_BYTES, WAITING, BoundedConnection

from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from uvicorn._types import ASGIReceiveCallable, ASGISendCallable, Scope

REQUEST = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n"
HEAD = b"GET / HTTP/1.1\r\nX: " + b"y" * 2000
CHUNKED = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
REFUSED, RESET = b"HTTP/1.1 400", b"reset"
ONE_READ = 256 << 10
PATIENCE = 30
BETWEEN_SECONDS = 120
"""How long uvicorn keeps a connection that asks for nothing more."""


class Hurried(BoundedConnection):
    _head_seconds = 3.0
    _body_seconds = 3.0


async def echo(scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
    """Answers with what it was sent; a body that ends early is answered with nothing.

    At /names with the names of the headers, as they are when the body has ended.
    """
    assert scope["type"] == "http"
    body = b""
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return
        body += message["body"]
        if not message["more_body"]:
            break
    if scope["path"] == "/names":
        body = b",".join(name for name, _ in scope["headers"])
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


@pytest.mark.parametrize("beginning", [b"POST / HTTP/1.1\r\nHost:", REQUEST, REQUEST + b"abc"])
def test_whoever_came_with_another_request_is_no_exception(port: int, beginning: bytes) -> None:
    with connected(port) as connection:
        connection.sendall(REQUEST + b"abcd" + beginning)

        assert _answer(connection) == b"abcd"
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


@pytest.mark.parametrize(
    "endless", [HEAD, b"GET /" + b"y" * 2000, CHUNKED + b"4;" + b"y" * 2000, CHUNKED + b"0\r\nX: " + b"y" * 2000]
)
def test_a_head_that_does_not_end_is_refused(port: int, endless: bytes) -> None:
    with connected(port) as connection:
        connection.sendall(endless)
        with contextlib.suppress(ConnectionError):
            connection.sendall(b"y" * 4 * ONE_READ)

        assert received(connection).startswith((REFUSED, RESET)), "its time is not over yet"


def test_many_headers_of_a_request_that_ends_soon_are_none(port: int) -> None:
    with connected(port) as connection:
        for _ in range(20):
            connection.sendall(REQUEST.replace(b"Host", b"X: " + b"y" * 2000 + b"\r\nHost") + b"abcd")

            assert _answer(connection) == b"abcd"


def test_a_large_body_is_no_head(port: int) -> None:
    length = 40 * HEAD_BYTES
    with connected(port) as connection:
        connection.sendall(REQUEST.replace(b"4", str(length).encode()))
        for _ in range(40):
            connection.sendall(b"abcd" * (HEAD_BYTES // 4))

        assert len(_answer(connection, length)) == length


def test_requests_that_do_not_wait_for_answers_are_few(port: int) -> None:
    """
    Each would be kept while the one before it is worked on.
    """
    with connected(port) as two, connected(port) as many:
        two.sendall(2 * (REQUEST + b"abcd"))
        many.sendall((WAITING + 2) * (REQUEST + b"abcd"))

        assert [_answer(two), _answer(two)] == [b"abcd", b"abcd"]
        assert REFUSED in received(many) or RESET in received(many)


def test_who_would_rather_speak_another_protocol_is_answered_in_this_one(port: int) -> None:
    """
    The parser would leave the body to the other protocol: nobody is to be answered as if there had been none.
    """
    offer = b"Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
    with connected(port) as connection:
        for _ in range(2):
            connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n" + offer)
            assert _head(connection).startswith(b"HTTP/1.1 200")
        connection.sendall(REQUEST.replace(b"4\r\n\r\n", b"0\r\n" + offer))
        assert _head(connection).startswith(b"HTTP/1.1 200")
        connection.sendall(REQUEST.replace(b"\r\n\r\n", b"\r\n" + offer) + b"abcd")

        assert _head(connection).startswith(REFUSED)


@pytest.mark.parametrize(
    "head",
    [
        b"GET / HTTP/1.1\r\nHost: x\r\n" + b"a:\r\n" * HEAD_BYTES + b"\r\n",
        b"GET /" + b"y" * HEAD_BYTES + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
    ],
    ids=["too many headers", "too long", "no host", "two hosts"],
)
def test_a_head_that_comes_at_once_is_looked_at_too(port: int, head: bytes) -> None:
    with connected(port) as connection:
        connection.sendall(head)

        assert received(connection).startswith((REFUSED, RESET))


def test_what_stands_behind_a_body_is_no_header(port: int) -> None:
    """A proxy may have let it by unseen."""
    head = b"POST /names HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    with connected(port) as connection:
        connection.sendall(head + b"0\r\nX-Forwarded-For: 192.0.2.1\r\n\r\n")

        assert received(connection).endswith(b"\r\n\r\nhost,connection,transfer-encoding")


def received(connection: socket.socket) -> bytes:
    """Until the other side ends it; RESET where it hung up before it had read everything."""
    pieces = []
    try:
        while piece := connection.recv(4096):
            pieces.append(piece)
    except ConnectionError:
        pieces.append(RESET)
    return b"".join(pieces)


def _answer(connection: socket.socket, length: int = 4) -> bytes:
    """The body of the next answer."""
    _head(connection)
    return _received(connection, length)


def _head(connection: socket.socket) -> bytes:
    """Byte by byte: another answer may follow."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += _received(connection, 1)
    return head


def _received(connection: socket.socket, length: int) -> bytes:
    received = b""
    while len(received) < length:
        piece = connection.recv(length - len(received))
        if not piece:
            raise ConnectionResetError("it was ended")
        received += piece
    return received
