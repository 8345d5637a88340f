"""The limits in force as metrics, for rules to compare with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client.core import GaugeMetricFamily

from haidang_collector.policy.policy import LABELS

if TYPE_CHECKING:
    from datetime import date

    from prometheus_client.metrics_core import Metric

    from haidang_collector.policy.policy import Policy


def policy_limits(policy: Policy, day: date) -> Metric:
    """A sample has only the labels that its limit is told by."""
    family = GaugeMetricFamily(
        "school_policy_limit",
        "A limit of the policy in force, in base units; which labels there are depends on the limit.",
        labels=("row", "limit", *LABELS),
    )
    for limit in policy.at(day):
        family.add_sample(family.name, {"row": limit.row, "limit": limit.limit, **dict(limit.labels)}, limit.value)
    return family
