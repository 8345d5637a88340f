"""From addresses to a connection that can be spoken on: TCP as a browser does it, a proxy's tunnel, TLS."""

from __future__ import annotations

import errno
import os
import socket
import ssl
import sys
import time
from functools import partial
from itertools import chain, zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from haidang_reach.faults import FaultError
from haidang_reach.response import BadResponseError, Response
from haidang_reach.waiting import READ, WRITE, Want

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from haidang_reach.address import Address
    from haidang_reach.faults import Fault
    from haidang_reach.resolving import Place
    from haidang_reach.waiting import Task

T = TypeVar("T")

ATTEMPT_DELAY_SECONDS = 0.25
"""After so long the next address is tried beside the one before (RFC 8305, 5)."""
NO_CHECK_TIME = 0x200000
"""X509_V_FLAG_NO_CHECK_TIME: dates are judged by the centre's time, for the machine's clock may be wrong."""
MISNAMED = frozenset({62, 64})
"""X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH."""
UNDER_WAY = frozenset({0, errno.EINPROGRESS, errno.EWOULDBLOCK, 10035})
"""10035 is WSAEWOULDBLOCK."""
PIECE_BYTES = 65536
OK = 200


def trusting(ca: str = "") -> ssl.SSLContext:
    """The system's authorities and those of the PEM file `ca`. Raises ValueError for a file that is none."""
    context = ssl.create_default_context()
    context.verify_flags |= ssl.VerifyFlags(NO_CHECK_TIME)
    context.hostname_checks_common_name = False
    if ca:
        try:
            context.load_verify_locations(cafile=Path(ca))
        except (OSError, ssl.SSLError) as unusable:
            raise ValueError(f"ca = {ca!r}: {unusable}") from unusable
    return context


def connect(places: Sequence[Place], what: str, until: float) -> Task[socket.socket]:
    """To the first that takes it, IPv6 and IPv4 by turns (RFC 8305). Raises FaultError."""
    waiting = _by_turns(places)
    attempts: set[socket.socket] = set()
    errors: list[int] = []
    next_at = 0.0
    try:
        while waiting or attempts:
            if waiting and (not attempts or time.monotonic() >= next_at):
                _begin(waiting.pop(0), attempts, errors)
                next_at = time.monotonic() + ATTEMPT_DELAY_SECONDS
                continue
            ready = yield Want(min(until, next_at) if waiting else until, dict.fromkeys(attempts, WRITE))
            for connection in ready:
                attempts.discard(connection)
                error = connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                if not error:
                    return connection
                connection.close()
                errors.append(error)
                next_at = 0.0
            if not ready and time.monotonic() >= until:
                raise FaultError("connect_timeout", f"{what}: no answer to any of {len(places)} addresses")
        raise _fault(what, errors)
    finally:
        for connection in attempts:
            connection.close()


def tunnel(connection: socket.socket, far: Address, until: float) -> Task[None]:
    """Let the proxy at the other end join it to `far` (RFC 9110, 9.3.6). Raises FaultError."""
    target = far.authority if far.authority.endswith(f":{far.port}") else f"{far.authority}:{far.port}"
    answer = Response(0)
    try:
        yield from send(connection, f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n".encode("ascii"), until)
        while answer.status is None:
            data = yield from receive(connection, until, 1)
            if not data:
                raise FaultError("proxy", "the proxy hung up")
            answer.feed(data)
    except OSError as failed:
        raise FaultError("proxy", f"the proxy did not answer: {failed.strerror}") from None
    except BadResponseError as broken:
        raise FaultError("proxy", f"the proxy's answer {broken}") from None
    if answer.status != OK:
        raise FaultError("proxy", f"the proxy answers {answer.status}")


def secure(connection: socket.socket, host: str, context: ssl.SSLContext, until: float) -> Task[ssl.SSLSocket]:
    """The handshake; trust and name are checked, dates are not. Raises FaultError; then `connection` is closed."""
    wrapped: ssl.SSLSocket | None = None
    try:
        wrapped = context.wrap_socket(connection, server_hostname=host, do_handshake_on_connect=False)
        yield from _attempt(wrapped, wrapped.do_handshake, until, READ)
    except ssl.SSLCertVerificationError as refused:
        fault: Fault = "certificate_name" if refused.verify_code in MISNAMED else "certificate_untrusted"
        raise FaultError(fault, f"{host}: {refused.verify_message}") from None
    except OSError as failed:
        raise FaultError("handshake", f"{host}: {failed.strerror or failed}") from None
    except ValueError as wrong:  # no name to be asked for by SNI
        raise FaultError("handshake", f"{host}: {wrong}") from None
    else:
        done, wrapped = wrapped, None
        return done
    finally:
        if wrapped is not None:
            wrapped.close()


def send(connection: socket.socket, data: bytes, until: float) -> Task[None]:
    """All of it. Raises OSError, TimeoutError among them."""
    left = memoryview(data)
    while left:
        sent = yield from _attempt(connection, partial(connection.send, left), until, WRITE)
        left = left[sent:]


def receive(connection: socket.socket, until: float, most: int = PIECE_BYTES) -> Task[bytes]:
    """What has come; empty at the end, also where the server ends TLS rudely. Raises OSError, TimeoutError among them.

    A server that lets its bytes drip is left in time.
    """
    return (yield from _attempt(connection, partial(connection.recv, most), until, READ))


def _attempt(connection: socket.socket, act: Callable[[], T], until: float, event: int) -> Task[T]:
    """Again and again as the socket lets it. Raises TimeoutError, and what `act` raises."""
    while time.monotonic() < until:
        try:
            return act()
        except BlockingIOError:
            wanted = event
        except ssl.SSLWantReadError:
            wanted = READ
        except ssl.SSLWantWriteError:
            wanted = WRITE
        yield Want(until, {connection: wanted})
    raise TimeoutError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT))


def _by_turns(places: Sequence[Place]) -> list[Place]:
    """The families of the first and of the others alternate, each in its order (RFC 8305, 4)."""
    first = [place for place in places if place[0] == places[0][0]]
    others = [place for place in places if place[0] != places[0][0]]
    return [place for place in chain.from_iterable(zip_longest(first, others)) if place]


def _begin(place: Place, attempts: set[socket.socket], errors: list[int]) -> None:
    family, address = place
    try:
        connection = socket.socket(family, socket.SOCK_STREAM)
    except OSError as failed:  # IPv6 is switched off
        errors.append(failed.errno or errno.EAFNOSUPPORT)
        return
    try:
        connection.setblocking(False)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        error = connection.connect_ex(address)
    except (OSError, OverflowError):
        connection.close()
        raise
    if error in UNDER_WAY:
        attempts.add(connection)
    else:
        connection.close()
        errors.append(error)


def _fault(what: str, errors: list[int]) -> FaultError:
    """Of the failures the one that came furthest tells most."""
    told = ", ".join(sorted({os.strerror(error) for error in errors}))
    if errno.ECONNREFUSED in errors or (sys.platform == "win32" and 10061 in errors):  # noqa: PLR2004 - WSAECONNREFUSED
        return FaultError("refused", f"{what}: {told}")
    if errno.ETIMEDOUT in errors:
        return FaultError("connect_timeout", f"{what}: {told}")
    return FaultError("unreachable", f"{what}: {told or 'no address'}")
