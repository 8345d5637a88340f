"""A unit's security, as the unit's page shows it: what goes on in its network, what fails on its machines and website.

What to do stands in `haidang_advice`; a kind or check that a newer agent tells, and it does not have, has no words.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from haidang_advice import SEVERITIES, checks, translations, website
from haidang_advice.kinds import KINDS

from haidang_collector.outside.ports import PORTS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from haidang_collector.web.state import Measurements, Series

FRESH_SECONDS = 60
"""Rules of alerts/rules/incidents.yml come every 10 s."""
WINDOWS = ("7d", "30d")

GOING_ON = "unit:school_incident_kind:active"
SINCE = "unit:school_incident_kind:since_timestamp_seconds"
WATCHED = (
    "count by (kind) (school_incident_active{unit=%s} and on (unit, agent) agent:haidang_silence:seconds{unit=%s} < 40)"
)
FAILED = "unit:school_posture_finding:machines"
FAILED_SINCE = "unit:school_posture_finding:since_timestamp_seconds"
REVIEWED = "unit:school_posture:machines"
FINDINGS = "unit:school_posture_findings:count"
GROWTH = "unit:school_posture_findings:delta"
WEBSITE_FAILED = "unit:school_website_finding:since_timestamp_seconds"
WEBSITE_KNOWN = "unit:school_website:since_timestamp_seconds"
OUTSIDE = "unit:school_outside_port:open"
POSTURE = (FAILED, FAILED_SINCE, REVIEWED, FINDINGS, GROWTH, WEBSITE_FAILED, WEBSITE_KNOWN, OUTSIDE)

CHECKS = checks.CHECKS | website.CHECKS


@dataclass(frozen=True, slots=True)
class OpenIncident:
    """`is_certain`: an agent that is heard says so now. `since` in Unix seconds."""

    severity: str
    title: str
    remedy: str
    is_certain: bool
    since: float | None


@dataclass(frozen=True, slots=True)
class FailedCheck:
    """`machines` do not meet it, the first of them since then (Unix seconds). None: a website's."""

    severity: str
    title: str
    remedy: str
    machines: int | None
    since: float | None


@dataclass(frozen=True, slots=True)
class Security:
    """Worst first. `watched`: kinds of incidents that agents look for now; `reviewed`: machines whose posture is known.

    `findings` by severity, over all machines; `growth` of them by window, then severity. `website`: what fails on it,
    None where that is not known. `outside`: ports that are open to the Internet, None where nobody looked.
    """

    incidents: Sequence[OpenIncident]
    watched: int
    checks: Sequence[FailedCheck]
    reviewed: int
    findings: Mapping[str, int]
    growth: Mapping[str, Mapping[str, int]]
    website: Sequence[FailedCheck] | None
    outside: Sequence[str] | None


async def security_of(measurements: Measurements, unit: str, language: str) -> Security:
    """In words of `language`. Raises UnansweredError."""
    quoted = json.dumps(unit)
    selector = f"{{unit={quoted}}}"
    going_on, since, watched, posture = await asyncio.gather(
        measurements.fresh(GOING_ON + selector, FRESH_SECONDS),
        measurements.query(SINCE + selector),
        measurements.query(WATCHED % (quoted, quoted)),
        measurements.query(f'{{__name__=~"{"|".join(POSTURE)}",unit={quoted}}}'),
    )
    text = translations(language).gettext
    of = _by_name(posture)
    growth = of(GROWTH)
    return Security(
        _incidents(going_on, since, text),
        len(watched),
        _checks(of(FAILED), of(FAILED_SINCE), text),
        int(sum(value for _, value in of(REVIEWED))),
        _by_severity(of(FINDINGS)),
        {
            window: _by_severity((labels, value) for labels, value in growth if labels.get("window") == window)
            for window in WINDOWS
            if any(labels.get("window") == window for labels, _ in growth)
        },
        _checks(((labels, None) for labels, _ in of(WEBSITE_FAILED)), of(WEBSITE_FAILED), text)
        if of(WEBSITE_KNOWN)
        else None,
        _open_ports(of(OUTSIDE)),
    )


def _incidents(going_on: Iterable[Series], since: Iterable[Series], text: Callable[[str], str]) -> list[OpenIncident]:
    begun = {(labels.get("kind"), labels.get("severity")): value for labels, value in since}
    found = []
    for labels, value in going_on:
        kind, severity = labels.get("kind", ""), labels.get("severity", "")
        title, remedy = (text(msgid) for msgid in KINDS[kind]) if kind in KINDS else (kind, "")
        found.append(OpenIncident(severity, title, remedy, value > 0, begun.get((kind, severity))))
    return sorted(found, key=lambda incident: (_rank(incident.severity), incident.since or 0.0, incident.title))


def _checks(
    failed: Iterable[tuple[Mapping[str, str], float | None]], since: Iterable[Series], text: Callable[[str], str]
) -> list[FailedCheck]:
    """`failed` are checks, each with the number of machines."""
    begun = {(labels.get("check"), labels.get("severity")): value for labels, value in since}
    found = []
    for labels, machines in failed:
        check, severity = labels.get("check", ""), labels.get("severity", "")
        known = CHECKS.get(check)
        title, remedy = (text(known.title), text(known.remedy)) if known else (check, "")
        count = None if machines is None else int(machines)
        found.append(FailedCheck(severity, title, remedy, count, begun.get((check, severity))))
    return sorted(found, key=lambda each: (_rank(each.severity), -(each.machines or 0), each.since or 0.0, each.title))


def _open_ports(looked_at: Sequence[Series]) -> list[str] | None:
    """As `23 (Telnet)`."""
    if not looked_at:
        return None
    open_ports = {labels.get("port") for labels, is_open in looked_at if is_open}
    return [f"{port} ({name})" for port, name in PORTS.items() if str(port) in open_ports]


def _by_name(series: Iterable[Series]) -> Callable[[str], list[Series]]:
    known = list(series)
    return lambda name: [(labels, value) for labels, value in known if labels.get("__name__") == name]


def _by_severity(series: Iterable[Series]) -> dict[str, int]:
    """In their order; severities that are none of ours are left out."""
    values = {labels.get("severity"): int(value) for labels, value in series}
    return {severity: values[severity] for severity in SEVERITIES if severity in values}


def _rank(severity: str) -> int:
    ranks: dict[str, int] = {known: rank for rank, known in enumerate(SEVERITIES)}
    return ranks.get(severity, len(SEVERITIES))
