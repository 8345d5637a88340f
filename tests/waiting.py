"""Waiting for an event, with a deadline and its name in the failure."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")
PATIENCE = 3
"""Times as long as on a machine with nothing else to do: how fast something is, benchmarks tell, not tests."""


def eventually(what: str, look: Callable[[], T], *, seconds: float, every: float = 0.1) -> T:
    """What `look` returns as soon as it is true; its OSError and LookupError count as not yet.

    `seconds` are those of an idle machine.
    """
    deadline = time.monotonic() + PATIENCE * seconds
    last: object = None
    while time.monotonic() < deadline:
        try:
            last = look()
        except (OSError, LookupError) as not_yet:
            last = not_yet
        else:
            if last:
                return last
        time.sleep(every)
    raise AssertionError(f"{what}: not within {PATIENCE * seconds:g} s (last seen: {last!r})")
