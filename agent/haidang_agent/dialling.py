"""Connections to a web server, bounded in time whatever the server does: one deadline for all of them."""

from __future__ import annotations

import io
import queue
import socket
import ssl
import time
from threading import Thread
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

LONGEST_WAIT_SECONDS = 8.0
"""For any one answer, so that one that never comes leaves time for the others."""
MOST_ADDRESSES = 4


class NoAnswerError(Exception):
    """The server gave no answer that can be used; the text says how far it came."""


class RefusedError(NoAnswerError):
    """Nothing listens there."""


class Deadline:
    """`seconds` from now on, for everything that is given it."""

    def __init__(self, seconds: float) -> None:
        self._until = time.monotonic() + seconds

    def left(self) -> float:
        """Seconds, above 0. Raises NoAnswerError when the time is over."""
        left = self._until - time.monotonic()
        if left <= 0:
            raise NoAnswerError("the time for all checks was over")
        return left

    def part(self) -> Deadline:
        """For one answer."""
        return Deadline(min(self.left(), LONGEST_WAIT_SECONDS))


class Stream(io.RawIOBase):
    """What a socket receives until the deadline, however slowly: `http.client` reads from it as from a socket."""

    def __init__(self, connection: socket.socket, deadline: Deadline) -> None:
        self._connection, self._deadline = connection, deadline

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(self)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        self._connection.settimeout(self._deadline.left())
        return self._connection.recv_into(buffer)


def connect(host: str, port: int, deadline: Deadline) -> socket.socket:
    """To the first of its addresses that takes the connection. Raises NoAnswerError, RefusedError where all refuse.

    One that never answers, as IPv6 where only the names know of it, leaves the next ones their part of the time.
    """
    failed: list[Exception] = []
    addresses = _resolve(host, port, deadline)
    for number, (family, address) in enumerate(addresses):
        connection = socket.socket(family, socket.SOCK_STREAM)
        try:
            connection.settimeout(deadline.left() / (len(addresses) - number))
            connection.connect(address)
        except OSError as refused:
            connection.close()
            failed.append(refused)
        except NoAnswerError:
            connection.close()
            raise
        else:
            return connection
    refused_by_all = failed and all(isinstance(each, ConnectionRefusedError) for each in failed)
    raise (RefusedError if refused_by_all else NoAnswerError)(f"{host}:{port}: {failed[0] if failed else 'no address'}")


def secure(host: str, port: int, context: ssl.SSLContext, deadline: Deadline) -> ssl.SSLSocket:
    """Raises NoAnswerError; ssl.SSLError where the two do not come to terms."""
    connection = connect(host, port, deadline)
    try:
        connection.settimeout(deadline.left())
        return context.wrap_socket(connection, server_hostname=host)
    except ssl.SSLError:
        connection.close()
        raise
    except (OSError, ValueError) as failed:
        connection.close()
        raise NoAnswerError(f"{host}:{port}: {failed}") from failed


def anything() -> ssl.SSLContext:
    """Takes any certificate and any version: to look, never to trust."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    context.set_ciphers("ALL:@SECLEVEL=0")
    return context


def _resolve(host: str, port: int, deadline: Deadline) -> list[tuple[int, Any]]:
    """The system's resolver knows no deadline, so it is left behind where it takes too long."""
    answers: queue.Queue[list[tuple[int, Any]] | OSError | UnicodeError] = queue.Queue()

    def look() -> None:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            answers.put([(int(family), address) for family, _, _, _, address in found[:MOST_ADDRESSES]])
        except (OSError, UnicodeError) as failed:
            answers.put(failed)

    Thread(target=look, name=f"resolve {host}", daemon=True).start()
    try:
        answer = answers.get(timeout=deadline.left())
    except queue.Empty:
        raise NoAnswerError(f"{host}: the name was not resolved in time") from None
    if isinstance(answer, Exception):
        raise NoAnswerError(f"{host}: the name is not resolved ({answer})") from answer
    return answer
