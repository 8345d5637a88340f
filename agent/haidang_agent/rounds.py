"""A thread that works in rounds: when it is woken, and again after a while where something has to wait."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod


class Rounds(ABC):
    """`start()` it once; `wake()` tells that there is something to do; `stop()` ends it."""

    def __init__(self, name: str) -> None:
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        self._wake.set()

    def stop(self, deadline_seconds: float) -> None:
        """What is under way is ended in order, if that works within the deadline."""
        self._stopping.set()
        self._wake.set()
        self._thread.join(deadline_seconds)

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._wake.clear()
            wait = self._round()
            if wait is None:
                self._wake.wait(self._idle_seconds())
            else:
                self._stopping.wait(wait)
        self._end()

    @abstractmethod
    def _round(self) -> float | None:
        """Do what there is. Seconds to wait before the next try; None: until woken."""

    @abstractmethod
    def _idle_seconds(self) -> float:
        """So long after a round that found nothing more to do there is another, unwoken."""

    @abstractmethod
    def _end(self) -> None:
        """The last that the thread does."""
