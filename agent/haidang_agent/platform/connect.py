"""A TCP handshake as a ping, for systems that grant no ICMP socket: connected or refused, the other side answered."""

from __future__ import annotations

import errno
import socket
import time
from typing import Self

ANSWERED = frozenset({0, errno.ECONNREFUSED})
UNDER_WAY = frozenset({errno.EINPROGRESS, getattr(errno, "WSAEWOULDBLOCK", errno.EINPROGRESS)})


class Handshake:
    """One attempt, one SYN: it is given up before TCP's first repetition, after 1 s (RFC 6298).

    Windows tells a refusal only after 2 s of tries of its own, so there a target needs an open port.
    """

    def __init__(self, family: socket.AddressFamily, address: str, port: int) -> None:
        """Raises OSError where the system has no socket left."""
        self._socket = socket.socket(family, socket.SOCK_STREAM)
        self._socket.setblocking(False)
        self.sent = time.monotonic()
        self._code = self._socket.connect_ex((address, port))

    def answered(self) -> bool | None:
        """Whether the other side spoke; None while that is open: ask again when the socket has become writable."""
        if self._code in UNDER_WAY:
            self._code = 0
            return None
        return (self._code or self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)) in ANSWERED

    def fileno(self) -> int:
        return self._socket.fileno()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()
