"""Incidents for the tests of what keeps them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from haidang_agent.intrusion.keeper import Keeper
from haidang_agent.lanwatch.incident import Evidence, Incident
from haidang_agent.probe import Memory, Totals

if TYPE_CHECKING:
    from haidang_agent.lanwatch.incident import Severity

NOW = 1_790_000_000.0
QUIET = 300.0
KINDS: dict[str, tuple[Severity, ...]] = {"arp_spoof": ("critical",), "ip_conflict": ("warning", "critical")}


def incident(kind: str = "arp_spoof", severity: Severity = "critical", at: float = NOW, **subject: str) -> Incident:
    named = subject or {"ip": "10.0.0.1", "mac": "00:0c:29:00:20:66"}
    return Incident(kind, severity, at, at, 1, named, Evidence("{ip} is taken", {"ip": "10.0.0.1"}))


def keeper(memory: Memory | None = None, totals: Totals | None = None, now: float = NOW) -> Keeper:
    return Keeper(memory or Memory(), totals or Totals(), now, lambda _kind: QUIET)


def told(of: Keeper) -> dict[tuple[str, ...], float]:
    """By metric, kind and severity."""
    return {(sample.metric.name, *sample.labels): sample.value for sample in of.samples(KINDS)}
