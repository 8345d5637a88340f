"""How Prometheus scrapes the agents that `GET /sd/agents` lists: nothing but what they may push, as if they had.

A school's machine is not the centre's: it may answer anything under any name. What ingest refuses is dropped here too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from haidang_collector.ingest.labels import LONGEST_NAME, LONGEST_VALUE
from haidang_collector.ingest.own_names import OWN_NAMES, RECORDED

if TYPE_CHECKING:
    from pathlib import Path

    from haidang_collector.settings import Settings

SCRAPE_SECONDS = 15
"""As agents push."""
USER = "prometheus"
"""Of HTTP Basic; any name will do."""
IDENTITY = ("unit", "district", "agent")
COUNTED = ".*_(total|bucket|count|sum)"
"""Counters and histograms: of two stamps for each number they would run backwards."""
MIB = 1 << 20


def agents_job(
    limits: Settings, collector: str, password_file: Path | None = None, *, victoriametrics: bool = False
) -> dict[str, Any]:
    """An entry of `scrape_configs` (prometheus.io, "Configuration") for the collector at this address.

    Labels unit, district and agent are the registry's: with `honor_labels` off, Prometheus renames an agent's own to
    `exported_…`, and those series go. `job` and `instance` go too, so that a series is the one that is pushed; what
    counts comes by push alone.
    VictoriaMetrics refuses what is not in its configuration: it bounds labels and bytes by flags (`-maxLabelValueLen`,
    `-promscrape.maxScrapeSize`).
    """
    discovery: dict[str, Any] = {"url": f"{collector.rstrip('/')}/sd/agents"}
    if password_file:
        discovery["basic_auth"] = {"username": USER, "password_file": str(password_file)}
    of_prometheus = {
        "body_size_limit": f"{limits.max_decoded_bytes // MIB}MB",
        "label_limit": limits.max_labels,
        "label_name_length_limit": LONGEST_NAME,
        "label_value_length_limit": LONGEST_VALUE,
    }
    return {
        "job_name": "agents",
        "scrape_interval": f"{SCRAPE_SECONDS}s",
        "honor_labels": False,
        "honor_timestamps": False,
        "follow_redirects": False,
        "sample_limit": limits.max_series,
        **({} if victoriametrics else of_prometheus),
        "http_sd_configs": [discovery],
        "metric_relabel_configs": [
            _drop(["__name__"], COUNTED),
            _drop(["__name__"], f".*{RECORDED.decode()}.*"),
            _drop(["__name__"], "|".join(sorted(name.decode() for name in OWN_NAMES))),
            _drop([f"exported_{label}" for label in IDENTITY], ".*[^;].*"),
            {"regex": "job|instance", "action": "labeldrop"},
        ],
    }


def _drop(labels: list[str], regex: str) -> dict[str, Any]:
    return {"source_labels": labels, "regex": regex, "action": "drop"}
