"""Many conversations in one thread: each is a generator that says which sockets it waits for, and until when."""

from __future__ import annotations

import contextlib
import heapq
import itertools
import selectors
import socket
import time
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, Self, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

T = TypeVar("T")

READ, WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE
AT_ONCE = 64


class Want(NamedTuple):
    """Go on when one of `sockets` has its event, READ or WRITE, or at `until` in monotonic seconds."""

    until: float
    sockets: Mapping[socket.socket, int]


Ready = frozenset[socket.socket]
Task = Generator[Want, Ready, T]
"""Is sent the sockets that are ready, none where its time is over; what it returns is its result."""


NOTHING = Want(0.0, {})


@dataclass(slots=True, eq=False)
class _Running(Generic[T]):
    task: Task[T]
    want: Want = NOTHING
    turn: int = 0


class Loop:
    """Context manager. `run` is for one thread; `stop` may be called from any, and ends it."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._alarm, self._bell = socket.socketpair()
        self._selector.register(self._bell, READ)
        self._timers: list[tuple[float, int, _Running[Any], int]] = []
        self._number = itertools.count()
        self._stopped = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._selector.close()
        self._alarm.close()
        self._bell.close()

    def stop(self) -> None:
        """What runs is given up, without a result."""
        self._stopped = True
        with contextlib.suppress(OSError):  # it is over, and the alarm closed
            self._alarm.send(b"!")

    def run(self, tasks: Iterable[tuple[float, Task[T]]], at_once: int = AT_ONCE) -> Iterator[T]:
        """Results as they come. Each task has the monotonic second from which on it may begin; in that order."""
        coming = iter(tasks)
        following = next(coming, None)
        running: set[_Running[T]] = set()
        try:
            while (following or running) and not self._stopped:
                while following and len(running) < at_once and following[0] <= time.monotonic():
                    one = _Running(following[1])
                    running.add(one)
                    yield from self._go_on(one, running, None)
                    following = next(coming, None)
                begins = following[0] if following and len(running) < at_once else None
                for one, ready in self._wait(begins) if running or following else ():
                    yield from self._go_on(one, running, ready)
        finally:
            for one in running:
                self._forget(one)
                one.task.close()
            self._timers.clear()

    def _go_on(self, one: _Running[T], running: set[_Running[T]], ready: Ready | None) -> list[T]:
        self._forget(one)
        one.turn += 1
        try:
            one.want = next(one.task) if ready is None else one.task.send(ready)
        except StopIteration as ended:
            running.discard(one)
            return [ended.value]
        for each, event in one.want.sockets.items():
            self._selector.register(each, event, one)
        heapq.heappush(self._timers, (one.want.until, next(self._number), one, one.turn))
        return []

    def _forget(self, one: _Running[T]) -> None:
        for each in one.want.sockets:
            self._selector.unregister(each)
        one.want = NOTHING

    def _wait(self, begins: float | None) -> list[tuple[_Running[Any], Ready]]:
        """Who goes on, with what is ready of each."""
        while self._timers and self._timers[0][3] != self._timers[0][2].turn:
            heapq.heappop(self._timers)
        times = [until for until in (begins, self._timers[0][0] if self._timers else None) if until is not None]
        found = self._selector.select(max(0.0, min(times) - time.monotonic()) if times else None)
        ready: dict[_Running[Any], set[Any]] = {}
        for key, _ in found:
            if key.data is not None:
                ready.setdefault(key.data, set()).add(key.fileobj)
        now = time.monotonic()
        while self._timers and self._timers[0][0] <= now:
            _, _, late, turn = heapq.heappop(self._timers)
            if turn == late.turn:
                ready.setdefault(late, set())
        return [(one, frozenset(sockets)) for one, sockets in ready.items()]
