"""Every metric that something of ours declares or records: what rules and dashboards may name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml
from haidang_agent import own_metrics, runner
from haidang_agent.registry import discover
from haidang_collector.ingest.metrics import IngestMetrics
from haidang_collector.ingest.seen import Seen
from haidang_collector.metrics import FactCollector
from haidang_collector.metrics import own_metrics as of_collector
from haidang_collector.registry.store import Registry
from haidang_collector.relay.metrics import RelayMetrics
from haidang_collector.store_disk import StoreDisk
from prometheus_client.parser import text_string_to_metric_families

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

PARTS = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count")}


def declared(folder: Path) -> set[str]:
    """By probes, the agent about itself, the registry's facts, and the collector about itself."""
    registry = Registry(f"sqlite:///{folder}/registry.db")
    facts = FactCollector(registry, Seen(registry.record_seen))
    found = {family.name for family in text_string_to_metric_families(facts.text().decode())}
    registry.close()
    found |= {metric.name for probe in discover().values() for metric in probe.metrics}
    found |= {metric.name for metric in (*own_metrics.METRICS, *runner.METRICS)}
    own = of_collector("")
    IngestMetrics(own)
    RelayMetrics(own)
    own.register(StoreDisk(folder))
    return found | {family.name + part for family in own.collect() for part in PARTS.get(family.type, ("",))}


def recorded(rule_files: Iterable[Path]) -> set[str]:
    rules: list[dict[str, Any]] = [
        rule for file in rule_files for group in yaml.safe_load(file.read_text())["groups"] for rule in group["rules"]
    ]
    return {rule["record"] for rule in rules if "record" in rule}
