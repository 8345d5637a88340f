"""What is counted of frames that relays hand over."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import Counter

from haidang_collector.ingest.metrics import Named

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

    from haidang_collector.registry.facts import Identity

STORED, PART, AGAIN = "stored", "part", "again"


class RelayMetrics:
    """`part`: some of its snapshots were refused for ever. `again`: a frame that was in the store already."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._frames = Counter(
            "haidang_ingest_relayed_frames", "Frames that relays handed over, by what became of them.", ("outcome",),
            registry=registry,
        )  # fmt: skip
        self._refused = Counter(
            "haidang_ingest_relay_refused",
            "Frames handed over by a relay (agent) that were refused for ever, wholly or in part, by reason. "
            "The relays of a unit that are too many to be named are `other`.",
            ("unit", "district", "agent", "reason"),
            registry=registry,
        )
        self._named = Named()
        for outcome in (STORED, PART, AGAIN):
            self._frames.labels(outcome)

    def took(self, outcome: str) -> None:
        self._frames.labels(outcome).inc()

    def refused(self, relay: Identity, reason: str) -> None:
        """A frame or a part of it, for ever; what is to come again later is not counted."""
        self._refused.labels(*self._named.labels(relay), reason).inc()
