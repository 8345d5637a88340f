"""Names to addresses by the system's own resolver, which blocks and knows no deadline: a few threads wait for it."""

from __future__ import annotations

import contextlib
import ipaddress
import queue
import socket
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from haidang_reach.faults import FaultError
from haidang_reach.waiting import READ, Want

if TYPE_CHECKING:
    from haidang_reach.waiting import Task

MOST_THREADS = 16
MOST_ADDRESSES = 8
Family = Literal["", "ipv4", "ipv6"]
FAMILIES = {"": socket.AF_UNSPEC, "ipv4": socket.AF_INET, "ipv6": socket.AF_INET6}
Place = tuple[int, Any]
"""Address family, and what `socket.connect` takes."""


@dataclass(slots=True, eq=False)
class _Question:
    host: str
    port: int
    family: int
    done: socket.socket
    """Is closed when there is an answer: the one who waits at the other end sees it."""
    began: float = 0.0
    seconds: float = 0.0
    places: list[Place] = field(default_factory=list)
    failed: Exception | None = None
    given_up: bool = False


class Resolver:
    """Asks anew each time. A thread that the system keeps waiting is left behind, and counts as long as it waits."""

    def __init__(self, most_threads: int = MOST_THREADS) -> None:
        self._questions: queue.SimpleQueue[_Question | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._most, self._threads, self._idle = most_threads, 0, 0

    def ask(self, host: str, port: int, family: Family, until: float) -> Task[tuple[list[Place], float]]:
        """Addresses in the system's order (RFC 6724), and the seconds that took. Raises FaultError."""
        with contextlib.suppress(ValueError):
            return [_literal(host, port, family)], 0.0
        near, far = socket.socketpair()
        asked = _Question(host, port, FAMILIES[family], far)
        with near:
            self._take(asked)
            ready = yield Want(until, {near: READ})
        asked.given_up = True
        if not ready:
            raise FaultError("name_unanswered", f"{host}: the resolver did not answer in time")
        if asked.failed is not None or not asked.places:
            raise _fault(host, asked.failed)
        return asked.places, asked.seconds

    def close(self) -> None:
        """Threads end as soon as the system lets them."""
        with self._lock:
            for _ in range(self._threads):
                self._questions.put(None)

    def _take(self, asked: _Question) -> None:
        with self._lock:
            self._questions.put(asked)
            if self._questions.qsize() > self._idle and self._threads < self._most:
                self._threads += 1
                threading.Thread(target=self._work, name="resolver", daemon=True).start()

    def _work(self) -> None:
        while True:
            with self._lock:
                self._idle += 1
            asked = self._questions.get()
            with self._lock:
                self._idle -= 1
            if asked is None:
                return
            with asked.done:
                if not asked.given_up:
                    _look_up(asked)


def _look_up(asked: _Question) -> None:
    began = time.monotonic()
    try:
        found = socket.getaddrinfo(asked.host, asked.port, asked.family, socket.SOCK_STREAM)
        asked.places = [(int(family), place) for family, _, _, _, place in found[:MOST_ADDRESSES]]
    except (OSError, UnicodeError) as failed:
        asked.failed = failed
    asked.seconds = time.monotonic() - began


def _literal(host: str, port: int, family: Family) -> Place:
    """Raises ValueError for a name; FaultError for an address of another family."""
    version = ipaddress.ip_address(host).version
    if family and family != f"ipv{version}":
        raise FaultError("name_unknown", f"{host} is no {family} address")
    return (socket.AF_INET, (host, port)) if version == 4 else (socket.AF_INET6, (host, port, 0, 0))  # noqa: PLR2004


def _fault(host: str, failed: Exception | None) -> FaultError:
    """A resolver that says there is no such name has answered; any other failure is its own."""
    no_such = {socket.EAI_NONAME, getattr(socket, "EAI_NODATA", None), getattr(socket, "EAI_ADDRFAMILY", None)}
    if failed is None or isinstance(failed, UnicodeError):
        return FaultError("name_unknown", f"{host}: {failed or 'has no address'}")
    known = isinstance(failed, socket.gaierror) and failed.errno in no_such
    return FaultError("name_unknown" if known else "name_unanswered", f"{host}: {failed}")
