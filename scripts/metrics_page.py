"""Writes docs/metrics.md from the code: `python scripts/metrics_page.py`; a test sees that it is up to date."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from haidang_agent import own_metrics, runner
from haidang_agent.registry import discover
from haidang_collector import metrics as collector_metrics
from haidang_collector.ingest.metrics import IngestMetrics
from haidang_collector.ingest.seen import Seen
from haidang_collector.notify.worker import NotifyMetrics
from haidang_collector.registry.store import Registry
from haidang_collector.relay.metrics import RelayMetrics
from haidang_collector.store_disk import StoreDisk
from prometheus_client.metrics import MetricWrapperBase

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from haidang_agent.probe import Metric

PAGE = Path(__file__).parents[1] / "docs" / "metrics.md"
RULES = Path(__file__).parents[1] / "alerts" / "rules"
RECORDED_LABELS = {
    "agent": ("unit", "district", "agent"),
    "centre": (),
    "city": (),
    "district": ("district",),
    "isp": ("isp",),
    "policy": (),
    "school": ("unit", "district"),
    "unit": ("unit", "district"),
}
"""What the first part of a recorded name says; the comment's last sentence names further ones: `By wan, isp.`"""
HEAD = """# Metrics

Made by `python scripts/metrics_page.py` from the code; do not edit. Base units, counters end in `_total`. What an agent
pushes gets the labels `unit`, `district` and `agent` from the collector. A value that could not be read is absent,
never zero.
"""


def page() -> str:
    """The whole page."""
    parts = [HEAD]
    for probe in discover().values():
        roles = ", ".join(sorted(probe.roles))
        parts += [f"## Probe `{probe.name}`, every {probe.every_seconds:g} s, roles {roles}", _table(probe.metrics)]
    parts += ["## The agent about itself", _table((*runner.METRICS, *own_metrics.METRICS))]
    parts += ["## The collector about itself, `GET /metrics`", _rows(_collector())]
    parts += ["## Facts of the registry, `GET /metrics/registry`", _rows(_facts())]
    parts += ["## Recorded by Prometheus' rules, `alerts/rules/`", _rows(_recorded())]
    return "\n".join(parts) + "\n"


def _table(metrics: Iterable[Metric]) -> str:
    """A histogram is one row, whose name stands for `_bucket`, `_sum` and `_count`."""
    families: dict[str, tuple[tuple[str, ...], str, str]] = {}
    for metric in metrics:
        if metric.part_of is None:
            families[metric.name] = (metric.labels, metric.kind, metric.help)
        else:
            families[metric.part_of.name] = (metric.part_of.labels, "histogram", metric.part_of.help)
    return _rows((name, ", ".join(labels), kind, text) for name, (labels, kind, text) in families.items())


def _rows(rows: Iterable[tuple[str, str, str, str]]) -> str:
    lines = [f"| `{name}` | {labels} | {kind} | {text} |" for name, labels, kind, text in rows]
    return "\n".join(["", "| metric | labels | kind | meaning |", "| --- | --- | --- | --- |", *lines, ""])


def _collector() -> Iterator[tuple[str, str, str, str]]:
    registry = collector_metrics.own_metrics("")
    IngestMetrics(registry)
    RelayMetrics(registry)
    NotifyMetrics(registry)
    counted = [each for each in getattr(registry, "_collector_to_names", ()) if isinstance(each, MetricWrapperBase)]
    labels_of = {family.name: getattr(each, "_labelnames", ()) for each in counted for family in each.describe()}
    registry.register(StoreDisk(Path("/")))
    for family in registry.collect():
        if family.name.startswith("process_"):
            continue  # differs by system; named by prometheus_client
        suffix = "_total" if family.type == "counter" else ""
        yield family.name + suffix, ", ".join(labels_of.get(family.name, ())), family.type, family.documentation


def _facts() -> Iterator[tuple[str, str, str, str]]:
    with tempfile.TemporaryDirectory() as folder:
        registry = Registry(f"sqlite:///{folder}/registry.db")
        facts = collector_metrics.FactCollector(registry, Seen(registry.record_seen))
        for family in facts.families():
            yield family.name, ", ".join(getattr(family, "_labelnames", ())), family.type, family.documentation
        registry.close()


def _recorded() -> Iterator[tuple[str, str, str, str]]:
    """The comment above a rule is its meaning. Rules without one are parts of the rule before them."""
    for file in sorted(RULES.glob("*.yml")):
        for comment, name in re.findall(r"\n((?: +# .+\n)+) +- record: (\S+)", file.read_text(encoding="utf-8")):
            text = " ".join(re.findall(r"# (.+)", comment))
            more = re.search(r" By ([\w, ]+)\.$", text)
            labels = [*RECORDED_LABELS[name.partition(":")[0]], *(more[1].split(", ") if more else ())]
            yield name, ", ".join(labels), "gauge", text[: more.start()] if more else text


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
