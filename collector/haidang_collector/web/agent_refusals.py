"""Of which agents pushes were refused within the last hour because of what they were, as collectors counted them."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from haidang_collector.web.asking import known

if TYPE_CHECKING:
    from collections.abc import Mapping

    from haidang_collector.web.state import Measurements

REFUSED = 'sum by (agent, reason) (increase(haidang_ingest_agent_refused_total{reason!="store_refused"}[1h])) > 0'
"""
With `too_old`, which the alert AgentRefused leaves out: it befalls sound agents after a long absence, and is also how
somebody writes into the far past.
"""

Refusals = dict[str, dict[str, int]]
"""Agent to how often by which reason, the most frequent first."""


async def refusals(measurements: Measurements) -> Refusals | None:
    """None where the store does not answer: then nobody knows."""
    counted = await known(measurements.query(REFUSED))
    if counted is None:
        return None
    found: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for labels, times in sorted(counted, key=_often):
        found[labels.get("agent", "")][labels.get("reason", "")] = max(1, round(times))
    return dict(found)


def _often(series: tuple[Mapping[str, str], float]) -> tuple[float, str]:
    labels, times = series
    return -times, labels.get("reason", "")
