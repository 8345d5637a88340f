"""A TCP handshake as a ping, for systems that grant no ICMP socket: connected or refused, the other side answered."""

from __future__ import annotations

import errno
import socket
import time
from dataclasses import dataclass

ANSWERED = frozenset({0, errno.ECONNREFUSED})
UNDER_WAY = frozenset({errno.EINPROGRESS, errno.EWOULDBLOCK, getattr(errno, "WSAEWOULDBLOCK", errno.EINPROGRESS)})


@dataclass(slots=True)
class Handshake:
    """One attempt, begun at `sent` (monotonic)."""

    connection: socket.socket
    sent: float

    @classmethod
    def begin(cls, family: socket.AddressFamily, address: str, port: int) -> Handshake:
        """Raises OSError where there is no way to the address."""
        attempt = socket.socket(family, socket.SOCK_STREAM)
        attempt.setblocking(False)
        code = attempt.connect_ex((address, port))
        if code not in UNDER_WAY and code not in ANSWERED:
            attempt.close()
            raise OSError(code, f"cannot connect to {address}")
        return cls(attempt, time.monotonic())

    def fileno(self) -> int:
        return self.connection.fileno()

    def answered(self) -> bool:
        """Whether the other side spoke; asked when the socket has become writable."""
        return self.connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) in ANSWERED

    def close(self) -> None:
        self.connection.close()
