"""Who answers on the way to an address, at a given distance: probes whose time to live ends there. Linux only.

No privilege is needed: the kernel hands ICMP errors about a datagram socket's own packets over in the socket's error
queue (IP_RECVERR, ip(7)), with the router that sent them. The probes are ICMP echo requests, or UDP to traceroute's
ports where the system grants no ICMP socket (net.ipv4.ping_group_range). IPv4 only.

Only "time exceeded" shows a router on the way. "Unreachable" does not: a router that translates addresses (Linux does)
says it in the name of its own outside address, which is one of the ISP's.
"""

from __future__ import annotations

import errno
import selectors
import socket
import struct
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, NamedTuple, Self

from haidang_agent.platform.icmp import ECHO, HEADER, MAX_REPLY

if TYPE_CHECKING:
    from collections.abc import Collection

IP_RECVERR = 11
SO_EE_ORIGIN_ICMP = 2
TIME_EXCEEDED = 11
EXTENDED_ERROR = struct.Struct("=IBBBxII")
"""struct sock_extended_err (linux/errqueue.h): errno, origin, type, code, info, data; a sockaddr_in follows."""
OFFENDER = struct.Struct("=H2x4s8x")
ANCILLARY_BYTES = 512

UDP_PORT = 33434
PAYLOAD = b"Hai Dang: which way does the school's traffic go?"
NO_ICMP = frozenset({errno.EACCES, errno.EPERM, errno.EPROTONOSUPPORT})
FARTHEST = 64


class Step(NamedTuple):
    """Asks who is `ttl` routers away, on the way to `target`; with FARTHEST, whether the target itself answers."""

    target: str
    ttl: int


def ask(steps: Collection[Step], wait_seconds: float) -> dict[Step, str]:
    """By step the address that answered: a router's on the way, or the target's own; the silent are absent.

    All are asked at once. Returns as soon as all have answered. Raises OSError where this machine gives no socket.
    """
    answers: dict[Step, str] = {}
    with ExitStack() as sockets:
        waiting = sockets.enter_context(selectors.DefaultSelector())
        deadline = time.monotonic() + wait_seconds
        for step in steps:
            probe = sockets.enter_context(_Probe(step))
            if probe.send():
                waiting.register(probe, selectors.EVENT_READ, probe)
        while waiting.get_map() and (left := deadline - time.monotonic()) > 0:
            for key, _ in waiting.select(left):
                probe = key.data
                if (who := probe.answered_by()) is not None:
                    answers[probe.step] = who
                    waiting.unregister(probe)
    return answers


class _Probe:
    """One socket for each, so that an answer cannot be taken for another's."""

    def __init__(self, step: Step) -> None:
        self.step = step
        self._socket, self._packet = _socket()
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.IPPROTO_IP, IP_RECVERR, 1)
        self._socket.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, step.ttl)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def fileno(self) -> int:
        return self._socket.fileno()

    def send(self) -> bool:
        """False where there is no way to the target."""
        try:
            self._socket.connect((self.step.target, UDP_PORT))
            self._socket.send(self._packet)
        except OSError:  # no route, or this machine's own firewall: nobody will answer
            return False
        return True

    def answered_by(self) -> str | None:
        """None for what is no answer: another error, or nothing more to read."""
        try:
            _, ancillary, _, _ = self._socket.recvmsg(0, ANCILLARY_BYTES, socket.MSG_ERRQUEUE)
        except BlockingIOError:
            return self._reply()
        for level, kind, data in ancillary:
            if (level, kind) == (socket.IPPROTO_IP, IP_RECVERR):
                return _sender(data, self.step.target)
        return None

    def _reply(self) -> str | None:
        try:
            _, (address, _) = self._socket.recvfrom(MAX_REPLY)
        except OSError:  # nothing, or an error that has been read from the queue already
            return None
        return str(address) if address == self.step.target else None


def _socket() -> tuple[socket.socket, bytes]:
    """A socket, and what to send by it. Raises OSError."""
    try:
        icmp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP)
    except OSError as refused:
        if refused.errno not in NO_ICMP:
            raise
        return socket.socket(socket.AF_INET, socket.SOCK_DGRAM), PAYLOAD
    return icmp, HEADER.pack(ECHO[socket.AF_INET], 0, 0, 0, 1) + PAYLOAD


def _sender(data: bytes, target: str) -> str | None:
    """Who sent an error of the queue: the router where the time to live ended, or the target (no such UDP port).

    None for all other errors, those of this machine's own making among them.
    """
    if len(data) < EXTENDED_ERROR.size + OFFENDER.size:
        return None
    _, origin, kind, _, _, _ = EXTENDED_ERROR.unpack_from(data)
    family, address = OFFENDER.unpack_from(data, EXTENDED_ERROR.size)
    if origin != SO_EE_ORIGIN_ICMP or family != socket.AF_INET:
        return None
    sender = socket.inet_ntoa(address)
    return sender if kind == TIME_EXCEEDED or sender == target else None
