"""How much of the collector one agent, one unit, and all together, may take up at once."""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING

from haidang_collector.ingest.refusal import BUSY, UNAVAILABLE, Refusal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from haidang_collector.registry.facts import Identity

REQUESTS_PER_AGENT = 2
"""A sound agent has one on the way, and perhaps one that it has given up on."""
BYTES_AT_ONCE = 256 << 20
PUSHES_AT_ONCE = 1_000
"""
On a sound machine some ten are under way; of more than these, each would be answered when its agent has given up (after
15 s), and would come again.
"""
CROWDED_RETRY_SECONDS = 10.0
"""So that nobody is silent for 40 s, which is an outage, and few come back before their next snapshot."""
UNIT_BYTES = 64 << 20
"""So that a room of computers whose bodies drip in does not hold the whole city's places."""


class Gate:
    """For one event loop."""

    def __init__(
        self,
        requests_per_agent: int = REQUESTS_PER_AGENT,
        bytes_at_once: int = BYTES_AT_ONCE,
        unit_bytes: int = UNIT_BYTES,
        pushes_at_once: int = PUSHES_AT_ONCE,
    ) -> None:
        self._requests_per_agent = requests_per_agent
        self._bytes_left = bytes_at_once
        self._unit_bytes = unit_bytes
        self._pushes_left = pushes_at_once
        self._requests: Counter[str] = Counter()
        self._bytes: Counter[str] = Counter()

    @contextmanager
    def enter(self) -> Iterator[None]:
        """From a push's headers to its answer. Raises Refusal 503 where too many are under way."""
        if not self._pushes_left:
            text = "more pushes come than can be taken; keep the data"
            raise Refusal(UNAVAILABLE, "crowded", text, CROWDED_RETRY_SECONDS)
        self._pushes_left -= 1
        try:
            yield
        finally:
            self._pushes_left += 1

    @contextmanager
    def admit(self, sender: Identity, size: int) -> Iterator[None]:
        """Holds a place for a body of `size` bytes. Raises Refusal 429 when there is none."""
        agent, unit = sender.agent, sender.unit
        if self._requests[agent] >= self._requests_per_agent:
            raise Refusal(BUSY, "busy", f"{self._requests_per_agent} requests of this agent are being worked on; wait")
        if self._bytes[unit] + size > self._unit_bytes:
            raise Refusal(BUSY, "busy", "too many requests of this unit are being worked on; wait")
        if size > self._bytes_left:
            raise Refusal(BUSY, "busy", "too many requests are being worked on; wait")
        self._requests[agent] += 1
        self._bytes[unit] += size
        self._bytes_left -= size
        try:
            yield
        finally:
            self._bytes_left += size
            for counts, name, taken in ((self._requests, agent, 1), (self._bytes, unit, size)):
                counts[name] -= taken
                if not counts[name]:
                    del counts[name]
