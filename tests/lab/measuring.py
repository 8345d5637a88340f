"""What a path of the virtual school is worth, measured from outside with the system's own tools."""

from __future__ import annotations

import re
import socket
import struct
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.lab.node import Node

RTMGRP_LINK, IFF_LOWER_UP = 1, 1 << 16
LINK_MESSAGE = struct.Struct("IHHII BxHiI")
"""nlmsghdr and the ifinfomsg after it, as far as its flags (rtnetlink(7))."""
ANSWERS = re.compile(r"(\d+) received")
MEAN = re.compile(r"= [\d.]+/([\d.]+)/")


def ping(node: Node, address: str, count: int = 3, interval: float = 0.05) -> tuple[float, float]:
    """Share of answers, and their mean round trip in seconds (0 without any)."""
    wait = ["-c", str(count), "-i", str(interval), "-W", "1"]
    shown = node.run("ping", "-q", *wait, address).stdout
    received, mean = ANSWERS.search(shown), MEAN.search(shown)
    if received is None:
        raise ValueError(f"ping says neither how many came back nor how many did not: {shown!r}")
    return int(received[1]) / count, float(mean[1]) / 1000 if mean else 0.0


def reaches(node: Node, address: str) -> bool:
    """One echo, answered within a second."""
    return ping(node, address, 1)[0] == 1


def throughput(client: Node, server: Node, address: str, receiving: Node, size: int) -> float:
    """Megabits per second of `size` bytes by TCP between `client` and the `server` at `address`, to one of the two."""
    with server.inside():
        listener = socket.create_server((address, 0))
    with client.inside(), listener:
        near = socket.create_connection(listener.getsockname()[:2], timeout=60)
        far, _ = listener.accept()
    with near, far:
        source, sink = (near, far) if receiving is server else (far, near)
        pushing = threading.Thread(target=source.sendall, args=(bytes(size),))
        began = time.monotonic()
        pushing.start()
        left = size
        while left:
            left -= len(sink.recv(1 << 16))
        took = time.monotonic() - began
        pushing.join()
    return size * 8 / took / 1e6


@contextmanager
def link_events(node: Node) -> Iterator[socket.socket]:
    """A netlink socket that is told of every change of the node's interfaces from now on."""
    with node.inside():
        events = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
    with events:
        events.bind((0, RTMGRP_LINK))
        yield events


def told_carrier(events: socket.socket, seconds: float) -> bool:
    """The carrier as the next message has it. Raises TimeoutError where none comes in so many seconds."""
    events.settimeout(seconds)
    return bool(LINK_MESSAGE.unpack_from(events.recv(1 << 16))[-1] & IFF_LOWER_UP)
