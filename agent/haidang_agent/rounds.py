"""A thread that works in rounds: when it is woken, and again after a while where something has to wait."""

from __future__ import annotations

import logging
import threading
from abc import ABC, abstractmethod

from haidang_agent.verdict import back_off

log = logging.getLogger(__name__)


class Rounds(ABC):
    """`start()` it once; `wake()` tells that there is something to do; only `stop()` ends it."""

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
        crashes = 0
        while not self._stopping.is_set():
            self._wake.clear()
            try:
                wait = self._round()
                crashes = 0
            except Exception:
                crashes += 1
                wait = back_off(crashes)
                log.exception("%s: not foreseen, going on in %.0f s", self._thread.name, wait)
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
