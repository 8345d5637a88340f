"""How long it takes to notice, to acknowledge and to resolve incidents: median and 95th percentile, by severity."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from sqlalchemy import Double, cast, func, select

from haidang_collector.incidents.finding import SEVERITIES, joined
from haidang_collector.incidents.tables import IncidentHandling
from haidang_collector.registry.models import Incident

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import ColumnElement
    from sqlalchemy.orm import InstrumentedAttribute

    from haidang_collector.incidents.finding import Wanted
    from haidang_collector.registry.database import Database

Step = Literal["notice", "acknowledge", "resolve"]
STEPS: tuple[Step, ...] = ("notice", "acknowledge", "resolve")
"""From the start of the alert until the centre heard of it, until a person took it on, until it ended."""
MOST = 20_000
DAY_SECONDS = 86_400.0


@dataclass(frozen=True, slots=True)
class Figure:
    """In seconds, over `count` incidents of the severity that have come so far; both None where there are none."""

    severity: str
    step: Step
    count: int
    median: float | None
    p95: float | None


def figures(database: Database, wanted: Wanted) -> list[Figure]:
    """Of the newest 20,000 that are wanted; severities that never occurred are left out."""
    ends = (Incident.received_at, IncidentHandling.acknowledged_at, Incident.ends_at)
    query = joined(select(Incident.severity, *(_lasted(database, end) for end in ends)))
    query = query.where(*wanted.conditions(), Incident.severity.in_(SEVERITIES))
    lasted: defaultdict[str, dict[Step, list[float]]] = defaultdict(lambda: {step: [] for step in STEPS})
    with database.read() as connection:
        for severity, *seconds in connection.execute(query.order_by(Incident.starts_at.desc()).limit(MOST)):
            for step, value in zip(STEPS, seconds, strict=True):
                if value is not None:
                    lasted[severity][step].append(max(0.0, float(value)))
    return [
        Figure(severity, step, len(seconds), _share(seconds, 0.5), _share(seconds, 0.95))
        for severity in SEVERITIES
        if severity in lasted
        for step, seconds in lasted[severity].items()
    ]


def _lasted(
    database: Database, end: InstrumentedAttribute[datetime] | InstrumentedAttribute[datetime | None]
) -> ColumnElement[float]:
    """Seconds from the start of the incident, worked out by the database: it has many."""
    if database.is_sqlite:
        return (func.julianday(end, type_=Double) - func.julianday(Incident.starts_at, type_=Double)) * DAY_SECONDS
    return cast(func.extract("epoch", end - Incident.starts_at), Double)


def _share(seconds: Sequence[float], share: float) -> float | None:
    """The nearest-rank percentile: a time that really occurred."""
    if not seconds:
        return None
    return round(sorted(seconds)[math.ceil(share * len(seconds)) - 1], 3)
