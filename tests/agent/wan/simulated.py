"""A line as a model: it loses, delays and dies as it is told, and a `Line` watches it in simulated time."""

from __future__ import annotations

import heapq
import itertools
import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from haidang_agent.wan.line import Line

if TYPE_CHECKING:
    from collections.abc import Callable

TICK_SECONDS = 0.005
"""So late the thread is, at most, after the time that it asked for."""


@dataclass
class Model:
    """Times are seconds from the start. `alive(destination, now)` says whether an echo sent now is answered at all."""

    targets: int = 2
    references: int = 1
    loss: float = 0.0
    rtt: Callable[[float], float] = lambda _now: 0.01
    alive: Callable[[int, float], bool] = lambda _destination, _now: True
    seed: int = 1
    interval: float = 1.0
    twice: bool = False
    now: float = 1000.0
    changes: list[tuple[float, bool | None]] = field(default_factory=list)
    echoes: int = 0

    def __post_init__(self) -> None:
        self.line = Line(self.targets, self.references, self.interval, self.now)
        self._start = self.now
        self._chance = random.Random(self.seed)
        self._keys = itertools.count(1)
        self._answers: list[tuple[float, int]] = []

    @property
    def time(self) -> float:
        return self.now - self._start

    def run(self, until: float) -> None:
        """Changes of `up` are noted as (seconds from the start, up)."""
        end = self._start + until
        while self.now < end:
            self._answer()
            for destination, regular in self.line.step(self.now):
                self._send(destination, regular=regular)
            self._note()
            due = min(self.line.next_time(), self._answers[0][0] if self._answers else self.now + 1)
            self.now = min(max(due, self.now) + self._chance.uniform(0, TICK_SECONDS), end)

    def sleep(self, seconds: float) -> None:
        """The process does nothing for so long; answers go on waiting in its sockets."""
        self.now += seconds

    def _send(self, destination: int, *, regular: bool) -> None:
        self.echoes += 1
        key = next(self._keys)
        self.line.sent(key, destination, self.now, regular=regular)
        if self.alive(destination, self.time) and self._chance.random() >= self.loss:
            for _ in range(1 + self.twice):
                heapq.heappush(self._answers, (self.now + self.rtt(self.time), key))

    def _answer(self) -> None:
        while self._answers and self._answers[0][0] <= self.now:
            _, key = heapq.heappop(self._answers)
            self.line.answered(key, self.now)
            self._note()

    def _note(self) -> None:
        if self.line.up is not (self.changes[-1][1] if self.changes else None):
            self.changes.append((self.time, self.line.up))
