"""What is counted of frames that relays hand over."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import Counter

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

    from haidang_collector.registry.facts import Identity

STORED, AGAIN = "stored", "again"


class RelayMetrics:
    """`again`: a frame that was in the store already."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._frames = Counter(
            "haidang_ingest_relayed_frames", "Frames that relays handed over, by what became of them.", ("outcome",),
            registry=registry,
        )  # fmt: skip
        self._refused = Counter(
            "haidang_ingest_relay_refused",
            "Frames handed over by a relay (agent) that were refused for ever, by reason.",
            ("unit", "district", "agent", "reason"),
            registry=registry,
        )
        for outcome in (STORED, AGAIN):
            self._frames.labels(outcome)

    def took(self, outcome: str) -> None:
        self._frames.labels(outcome).inc()

    def refused(self, relay: Identity, reason: str) -> None:
        """For ever; what is to come again later is not counted."""
        self._frames.labels(reason).inc()
        self._refused.labels(relay.unit, relay.district, relay.agent, reason).inc()
