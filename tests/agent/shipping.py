"""A shipper at work against a scripted collector."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from haidang_agent.centre import Centre
from haidang_agent.clock import Clock
from haidang_agent.shipper import Shipper

from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from haidang_agent.outbox import Outbox


@contextmanager
def shipping(outbox: Outbox, url: str) -> Iterator[Shipper]:
    client = Centre(url, credentials="a-1.key", learn=(clock := Clock(outbox, "this")).learn)
    shipper = Shipper(client, outbox, clock, lambda asked: asked.config(None))
    shipper.start()
    try:
        yield shipper
    finally:
        shipper.stop(60.0)
        assert "shipper" not in {thread.name for thread in threading.enumerate()}


def empty(outbox: Outbox) -> bool:
    return outbox.stats().snapshots == 0


def drained(outbox: Outbox, seconds: float = 8.0) -> None:
    eventually("the outbox is empty", lambda: empty(outbox), seconds=seconds, every=0.01)


def recent(count: int, step_ms: int = 1000) -> list[int]:
    """Times until just now."""
    now = round(time.time() * 1000)
    return [now - step_ms * back for back in range(count, 0, -1)]
