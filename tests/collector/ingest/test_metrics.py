"""What ingest counts of single agents: by name, and bounded however many there are."""

from __future__ import annotations

from collections import Counter

import pytest
from haidang_collector.ingest.metrics import MOST_NAMED, MOST_NAMED_OF_UNIT, IngestMetrics
from haidang_collector.registry.facts import Identity
from haidang_collector.relay.metrics import RelayMetrics
from prometheus_client import CollectorRegistry


def by_agent(registry: CollectorRegistry, name: str) -> Counter[tuple[str, str]]:
    counted: Counter[tuple[str, str]] = Counter()
    for family in registry.collect():
        for sample in family.samples:
            if sample.name == name:
                counted[sample.labels["unit"], sample.labels["agent"]] += round(sample.value)
    return counted


@pytest.mark.parametrize("name", ["haidang_ingest_agent_refused_total", "haidang_ingest_relay_refused_total"])
def test_who_enrols_by_the_thousand_is_not_named_by_the_thousand(name: str) -> None:
    """
    Nor does it take other units' agents their names.
    """
    registry = CollectorRegistry()
    ours, relays = IngestMetrics(registry), RelayMetrics(registry)

    def refuse(unit: str, agent: str) -> None:
        ours.refuse("label", Identity(agent, unit, "Quận 1"))
        relays.refused(Identity(agent, unit, "Quận 1"), "unit")

    for number in range(3000):
        refuse("EVIL", f"a-{number}")
    refuse("TH-001", "a-sound")
    refuse("EVIL", "a-0")

    counted = by_agent(registry, name)
    assert len(counted) == MOST_NAMED_OF_UNIT + 2
    assert counted["EVIL", "other"] == 3000 - MOST_NAMED_OF_UNIT
    assert (counted["TH-001", "a-sound"], counted["EVIL", "a-0"]) == (1, 2)


def test_in_all_too_there_is_a_bound() -> None:
    registry = CollectorRegistry()
    metrics = IngestMetrics(registry)
    for number in range(MOST_NAMED + 5):
        metrics.refuse_question(Identity(f"a-{number}", f"TH-{number}", "Quận 1"))

    counted = by_agent(registry, "haidang_ingest_agent_refused_total")
    assert sum(agent == "other" for _, agent in counted) == 5
    assert counted[f"TH-{MOST_NAMED}", "other"] == 1
