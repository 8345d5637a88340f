"""What ingest counts about itself."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, get_args

from prometheus_client import Counter, Histogram

from haidang_collector.ingest.refusal import Reason

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

    from haidang_collector.registry.store import Identity

OURS = frozenset(
    {"backlog", "busy", "crowded", "disconnected", "slow", "store_unavailable", "registry_unavailable", "unauthorised"}
)
"""Reasons that say nothing against the agent: the network's, the centre's, or of nobody known."""
STATUSES = ("204", "400", "401", "408", "413", "415", "429", "503")
MOST_NAMED, MOST_NAMED_OF_UNIT = 2_000, 20
"""Agents by name in one family, of one process: with several workers each series takes room in memory until the end."""
OTHERS = "other"


class Named:
    """Whom a family of series names. The other agents of a unit are counted together, as `other`."""

    def __init__(self) -> None:
        self._of_unit: defaultdict[str, set[str]] = defaultdict(set)
        self._number = 0

    def labels(self, who: Identity) -> tuple[str, str, str]:
        """Unit, district and agent."""
        named = self._of_unit[who.unit]
        if who.agent not in named:
            if self._number >= MOST_NAMED or len(named) >= MOST_NAMED_OF_UNIT:
                return who.unit, who.district, OTHERS
            named.add(who.agent)
            self._number += 1
        return who.unit, who.district, who.agent


class IngestMetrics:
    """Every status and reason stands at 0 from the start, so that a rate sees the first one."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.requests = Counter(
            "haidang_ingest_requests", "Write requests by the status answered.", ("status",), registry=registry
        )
        self.samples = Counter("haidang_ingest_samples", "Samples that the store has taken.", registry=registry)
        self.refused = Counter(
            "haidang_ingest_refused", "Write requests not taken, by reason.", ("reason",), registry=registry
        )
        self.of_agents = Counter(
            "haidang_ingest_agent_refused",
            "Requests of an agent that it had no right to, or that no sound agent sends. "
            "The agents of a unit that are too many to be named are `other`.",
            ("unit", "district", "agent", "reason"),
            registry=registry,
        )
        self._named = Named()
        self.seconds = Histogram(
            "haidang_ingest_seconds",
            "Time of a write request, from its headers to the answer, were it not held back.",
            registry=registry,
        )
        self.store_seconds = Histogram(
            "haidang_ingest_store_seconds", "Time that the store takes for one request.", registry=registry
        )
        for status in STATUSES:
            self.requests.labels(status)
        for reason in get_args(Reason):
            self.refused.labels(reason)

    def refuse_question(self, sender: Identity) -> None:
        """It asks too often for what is no push: not among the write requests, but the sender's doing."""
        self.of_agents.labels(*self._named.labels(sender), "rate").inc()

    def refuse(self, reason: Reason, sender: Identity | None) -> None:
        """Counted in all, and where it is the sender's doing, by name."""
        self.refused.labels(reason).inc()
        if sender is not None and reason not in OURS:
            self.of_agents.labels(*self._named.labels(sender), reason).inc()
