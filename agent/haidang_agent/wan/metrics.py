"""What the keeper of the lines counts."""

from __future__ import annotations

from haidang_agent.probe import Histogram, Metric

OBSERVED = Metric(
    "school_wan_observed_seconds_total", "Seconds in which the state of the WAN was known.", ("wan", "isp"), "counter"
)
CHANGES = Metric("school_wan_changes_total", "Times the WAN went down.", ("wan", "isp"), "counter")
UNOBSERVED = Metric(
    "school_unobserved_seconds_total",
    "Seconds in which the agent was off or its machine asleep, by reason.",
    ("reason",),
    "counter",
)
FAILOVERS = Metric("school_wan_failovers_total", "Times the traffic moved to another WAN.", ("from", "to"), "counter")
GAP = Histogram(
    "school_wan_failover_seconds",
    "Gap in the traffic when it moved to another WAN.",
    ("from", "to"),
    (0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0),
)
OUTAGES = Metric(
    "school_outages_total",
    "Outages by cause: of a line (wan), or of the default path as users feel it (no wan). Never add the two up.",
    ("cause", "wan"),
    "counter",
)
OUTAGE_SECONDS = Metric("school_outage_seconds_total", "Seconds of these outages.", ("cause", "wan"), "counter")
OUTAGE_ACTIVE = Metric("school_outage_active", "1 while such an outage is open, else 0.", ("cause", "wan"))
METRICS = (
    OBSERVED, CHANGES, UNOBSERVED, FAILOVERS, *GAP.metrics, OUTAGES, OUTAGE_SECONDS, OUTAGE_ACTIVE,
)  # fmt: skip
