"""The way through a relay: CONNECT (RFC 9110 9.3.6). What then passes it is TLS between this machine and the centre."""

from __future__ import annotations

import re
import socket
import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

MARKER = "haidang-relay"
"""The header in every answer of a relay: any proxy may say 502."""
CUT_OFF = (502, 504)
OK = 200
LONGEST_ANSWER = 4096
STATUS = re.compile(rb"HTTP/1\.[01] ([0-9]{3})(?: [^\r\n]*)?\r\n")


class RelayError(OSError):
    """The relay cannot be used; the text says why."""


class RelayAwayError(RelayError):
    """Nothing answers there."""


class CutOffError(RelayError):
    """The relay answers, and says that it cannot reach the centre now. It may take measurements into custody."""


def check_relay(url: str) -> str:
    """The relay's address without a trailing slash. Raises ValueError that says what is wrong and the fix."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as wrong:
        raise ValueError(f"{url!r} is no address ({wrong}); write http://host:port") from None
    if parts.scheme != "http" or not parts.hostname or not port or parts.username is not None:
        raise ValueError(f"{url!r} is no address of a relay; write http://host:port")
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise ValueError(f"{url!r} has a path; write only http://host:port")
    return url.rstrip("/")


def place(relay: str) -> tuple[str, int]:
    """Host and port of a checked address."""
    parts = urlsplit(relay)
    return parts.hostname or "", parts.port or 0


def authority(host: str, port: int) -> str:
    """As CONNECT names it. Raises UnicodeError for what is no host name."""
    return f"[{host}]:{port}" if ":" in host else f"{host.encode('idna').decode()}:{port}"


def through(relay: str, host: str, port: int, seconds: float) -> socket.socket:
    """A connection to `host` that the relay has opened. Raises RelayError, one of its kinds, or UnicodeError."""
    deadline, target = time.monotonic() + seconds, authority(host, port)
    try:
        connection = socket.create_connection(place(relay), seconds)
    except OSError as failed:
        raise RelayAwayError(f"the relay {relay} does not answer ({failed})") from failed
    try:
        _ask(connection, target, relay, deadline)
        connection.settimeout(seconds)
    except OSError as failed:
        connection.close()
        if isinstance(failed, RelayError):
            raise
        raise RelayAwayError(f"the relay {relay} does not answer ({failed or type(failed).__name__})") from failed
    return connection


def read_answer(connection: socket.socket, relay: str, deadline: float) -> tuple[int, Mapping[str, str]]:
    """Status and headers, with names in lower case. The deadline is of all of it, on `time.monotonic`.

    Raises RelayError, TimeoutError.
    """
    head = _head(connection, relay, deadline)
    status = STATUS.match(head)
    if status is None:
        raise RelayError(f"the relay {relay} does not speak HTTP; is the address right?")
    headers = (line.partition(":") for line in head.decode("latin-1").split("\r\n")[1:])
    return int(status[1]), {name.strip().lower(): value.strip() for name, _, value in headers}


def _ask(connection: socket.socket, target: str, relay: str, deadline: float) -> None:
    connection.sendall(f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n".encode())
    code, headers = read_answer(connection, relay, deadline)
    if code == OK:
        return
    if MARKER not in headers:
        raise RelayError(f"the relay {relay} answered {code}, and is no relay of ours")
    if code in CUT_OFF:
        raise CutOffError(f"the relay {relay} cannot reach it now")
    raise RelayError(f"the relay {relay} does not let this machine through to {target} (it answered {code})")


def _head(connection: socket.socket, relay: str, deadline: float) -> bytes:
    """Byte by byte, for what comes after it is not the relay's."""
    head = bytearray()
    while not head.endswith(b"\r\n\r\n"):
        connection.settimeout(max(0.001, deadline - time.monotonic()))
        byte = connection.recv(1)
        if not byte or len(head) >= LONGEST_ANSWER:
            raise RelayError(f"the relay {relay} ended the connection, or does not speak HTTP")
        head += byte
    return bytes(head)
