"""Which of a few TCP ports are open: connected and closed again, nothing is sent. Only where it was asked for."""

from __future__ import annotations

import selectors
import socket
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from ipaddress import IPv4Address

    from haidang_agent.platform.sweeping import Pace

PORTS = (22, 80, 443, 445, 515, 554, 631, 3389, 5060, 8009, 9100)
"""SSH, HTTP, HTTPS, SMB, LPD, RTSP, IPP, RDP, SIP, Cast, JetDirect: no others, ever."""
ANSWER_SECONDS = 0.8
"""Below TCP's first repetition, after 1 s (RFC 6298): one SYN a port."""
LOOK_SECONDS = 0.2
MOST_OPEN = 128
"""Connections under way at a time."""
FRAMES = 2
"""A SYN, and what ends it."""


def open_ports(hosts: Iterable[IPv4Address], pace: Pace) -> dict[IPv4Address, set[int]]:
    """By host. Raises OSError where the system has no socket left."""
    found: dict[IPv4Address, set[int]] = {}
    with selectors.DefaultSelector() as under_way:
        try:
            for host, port in ((host, port) for host in hosts for port in PORTS):
                while len(under_way.get_map()) >= MOST_OPEN:
                    _collect(under_way, found)
                pace.hold(FRAMES)
                attempt = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
                attempt.setblocking(False)
                attempt.connect_ex((str(host), port))
                under_way.register(attempt, selectors.EVENT_WRITE, (host, port, time.monotonic()))
            while under_way.get_map():
                _collect(under_way, found)
        finally:
            for key in list(under_way.get_map().values()):
                _close(under_way, key)
    return found


def _collect(under_way: selectors.BaseSelector, found: dict[IPv4Address, set[int]]) -> None:
    """Take in what has been decided; what nobody answered in time is given up."""
    for key, _ in under_way.select(LOOK_SECONDS):
        host, port, _began = key.data
        if _socket(key).getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0:
            found.setdefault(host, set()).add(port)
        _close(under_way, key)
    late = time.monotonic() - ANSWER_SECONDS
    for key in [key for key in under_way.get_map().values() if key.data[2] < late]:
        _close(under_way, key)


def _close(under_way: selectors.BaseSelector, key: selectors.SelectorKey) -> None:
    under_way.unregister(key.fileobj)
    _socket(key).close()


def _socket(key: selectors.SelectorKey) -> socket.socket:
    if not isinstance(key.fileobj, socket.socket):
        raise TypeError(f"{key.fileobj!r} was registered")
    return key.fileobj
