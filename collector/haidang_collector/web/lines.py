"""A unit's lines to the Internet, as the unit's page shows them; from recording rules and what agents measure now."""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from haidang_collector.web.state import natural

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from haidang_collector.web.state import Measurements, Series

FRESH_SECONDS = 45
"""Rules of alerts/rules/wan.yml come every 15 s."""
EVIDENCE = ("optical", "interface", "declared")
"""Best first."""
CAUSES = ("power", "host", "lan", "router", "carrier", "isp", "service")
OF_LINES = ("router", "carrier", "isp", "service")
"""Those that agents count for each line that they watch."""
WINDOW = "30d"

NOW = ("unit:school_wan_up", "unit:school_wan_active", "unit:school_outage_active", "unit:haidang_agent_egress:count")
KNOWN = ("school_wan_info", "unit:school_wan_known:timestamp_seconds")
MEASURED = ("school_wan_loss_ratio", "school_wan_rtt_seconds", "school_wan_jitter_seconds", "school_fibre_rx_power_dbm")
BOOKS = (
    "unit:school_wan_availability:ratio",
    "unit:school_wan_observed_seconds:increase",
    "unit:school_outage_seconds:increase",
    "unit:school_unobserved_seconds:increase",
)
FAILOVERS = ("school_wan_last_failover_timestamp_seconds", "school_wan_last_failover_duration_seconds")
WITNESS = "agent:school_wan_witness"


@dataclass(frozen=True, slots=True)
class WanLine:
    """One line. None: unknown. `availability` is a share of the `watched` seconds within 30 days."""

    name: str
    isp: str
    medium: str
    evidence: str
    up: bool | None
    active: bool | None
    cause: str | None
    availability: float | None
    watched: float | None
    loss: float | None
    rtt: float | None
    jitter: float | None
    rx_dbm: float | None


@dataclass(frozen=True, slots=True)
class Failover:
    """`seconds` is the gap in traffic; None where it was not measured."""

    source: str
    target: str
    at: float
    seconds: float | None


@dataclass(frozen=True, slots=True)
class Lines:
    """`outages` in seconds of the last 30 days by cause, then by line ("": the default path, as users felt it).

    `unobserved`: seconds in which the unit's agent was off. `egress`: the ISPs that pushes come by.
    """

    lines: Sequence[WanLine]
    failover: Failover | None
    outages: Mapping[str, Mapping[str, float]]
    unobserved: float | None
    egress: Sequence[str]

    @property
    def down(self) -> Sequence[WanLine]:
        return [line for line in self.lines if line.up is False]


async def lines_of(measurements: Measurements, unit: str) -> Lines:
    """Raises UnansweredError."""
    quoted = json.dumps(unit)
    selector = f"{{unit={quoted}}}"
    witness = f"({WITNESS}{selector} and timestamp({WITNESS}{selector}) > time() - {FRESH_SECONDS})"
    up, active, causes, egress, known, measured, books, failovers = await asyncio.gather(
        *(measurements.fresh(name + selector, FRESH_SECONDS) for name in NOW),
        measurements.query(_any(KNOWN, quoted)),
        measurements.query(f"{_any(MEASURED, quoted)} and on (unit, agent, wan) {witness}"),
        measurements.query(_any(BOOKS, quoted, f'window="{WINDOW}"')),
        measurements.query(_any(FAILOVERS, quoted)),
    )
    values = _by_name([*up, *active, *measured, *books])
    cause = {_wan(labels): labels.get("cause") for labels, _ in causes}
    described = _described(known)
    names = sorted(described.keys() | values["unit:school_wan_up"].keys(), key=natural)
    return Lines(
        [_line(name, described.get(name, {}), cause.get(name), values) for name in names],
        _last(failovers),
        _outages(books),
        values["unit:school_unobserved_seconds:increase"].get(""),
        sorted({labels["isp"] for labels, _ in egress if labels.get("isp")}),
    )


def _line(
    name: str, labels: Mapping[str, str], cause: str | None, values: Mapping[str, Mapping[str, float]]
) -> WanLine:
    def value(of: str) -> float | None:
        return values[of].get(name)

    return WanLine(
        name=name,
        isp=labels.get("isp", ""),
        medium=labels.get("medium", "unknown"),
        evidence=labels.get("evidence", ""),
        up=_truth(value("unit:school_wan_up")),
        active=_truth(value("unit:school_wan_active")),
        cause=cause,
        availability=value("unit:school_wan_availability:ratio"),
        watched=value("unit:school_wan_observed_seconds:increase"),
        loss=value("school_wan_loss_ratio"),
        rtt=value("school_wan_rtt_seconds"),
        jitter=value("school_wan_jitter_seconds"),
        rx_dbm=value("school_fibre_rx_power_dbm"),
    )


def _any(names: Iterable[str], quoted: str, *more: str) -> str:
    return "{" + ",".join([f'__name__=~"{"|".join(names)}"', f"unit={quoted}", *more]) + "}"


def _wan(labels: Mapping[str, str]) -> str:
    return labels.get("wan", "")


def _by_name(found: Iterable[Series]) -> defaultdict[str, dict[str, float]]:
    values: defaultdict[str, dict[str, float]] = defaultdict(dict)
    for labels, value in found:
        values[labels.get("__name__", "")][_wan(labels)] = value
    return values


def _described(known: Iterable[Series]) -> dict[str, Mapping[str, str]]:
    """What is said of each line: by an agent now before what was known within the week, and on the best evidence."""
    ranked = sorted((labels for labels, _ in known if _wan(labels)), key=_standing, reverse=True)
    return {_wan(labels): labels for labels in ranked}


def _standing(labels: Mapping[str, str]) -> tuple[bool, int]:
    """Smallest for what is to be believed first."""
    evidence = labels.get("evidence", "")
    return labels.get("__name__") != KNOWN[0], EVIDENCE.index(evidence) if evidence in EVIDENCE else len(EVIDENCE)


def _truth(value: float | None) -> bool | None:
    return {1.0: True, 0.0: False}.get(value) if value is not None else None


def _outages(books: Iterable[Series]) -> dict[str, dict[str, float]]:
    """Causes in their order; only those that anything was counted for. The books hold no 0: a line watched had none."""
    told = _by_name(books)
    seconds: defaultdict[str, dict[str, float]] = defaultdict(dict)
    for cause in OF_LINES:
        seconds[cause] = dict.fromkeys(told["unit:school_wan_observed_seconds:increase"], 0.0)
    for labels, value in books:
        if labels.get("__name__") == "unit:school_outage_seconds:increase":
            seconds[labels.get("cause", "")][_wan(labels)] = value
    return {cause: seconds[cause] for cause in CAUSES if any(value > 0 for value in seconds[cause].values())}


def _last(found: Iterable[Series]) -> Failover | None:
    """The newest that any agent tells of."""
    moments: dict[tuple[str, str, str], dict[str, float]] = defaultdict(dict)
    for labels, value in found:
        way = (labels.get("agent", ""), labels.get("from", ""), labels.get("to", ""))
        moments[way][labels.get("__name__", "")] = value
    at, seconds = FAILOVERS
    dated = {way: values for way, values in moments.items() if at in values}
    if not dated:
        return None
    way = max(dated, key=lambda way: dated[way][at])
    return Failover(way[1], way[2], dated[way][at], dated[way].get(seconds))
