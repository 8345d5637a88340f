"""A line before the store: a bounded number are asked at once, and a bounded number stand in it."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING

from haidang_collector.prom.answers import UNAVAILABLE, PromError

if TYPE_CHECKING:
    from collections.abc import Iterator


class Queue:
    """Of one event loop. `count` are in it, those that are being asked too."""

    def __init__(self, at_once: int, most: int) -> None:
        self.places = asyncio.Semaphore(at_once)
        self.count = 0
        self._most = most

    @contextmanager
    def joined(self) -> Iterator[None]:
        """Raises PromError 503 where it is full."""
        if self.count >= self._most:
            raise PromError(UNAVAILABLE, "unavailable", "too many questions wait; try again", {"Retry-After": "5"})
        self.count += 1
        try:
            yield
        finally:
            self.count -= 1
