"""The newest self-examination of each agent, kept and told."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

from sqlalchemy import select

from haidang_collector.doctor.tables import DoctorReport
from haidang_collector.registry.models import Agent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from haidang_collector.registry.database import Database

SHORTEST_INTERVAL = timedelta(seconds=10)
"""Between two reports of one agent: a person reads in between."""

State = Literal["ok", "warn", "fail"]


@dataclass(frozen=True, slots=True)
class ToldCheck:
    """A check by its id, how it went, the id of what to do (empty: nothing), and the probe it is of."""

    check: str
    state: State
    case: str
    probe: str


@dataclass(frozen=True, slots=True)
class Examination:
    """What one agent found of itself; `received_at` by the centre's clock."""

    agent: str
    received_at: datetime
    version: str
    checks: Sequence[ToldCheck]


def keep(database: Database, told: Examination) -> bool:
    """In the place of the agent's last one. False: that one came a moment ago, and stays."""
    checks = [{"check": c.check, "state": c.state, "case": c.case, "probe": c.probe} for c in told.checks]
    with database.write() as session:
        kept = session.get(DoctorReport, told.agent, with_for_update=True)
        if kept is not None and abs(told.received_at - kept.received_at) < SHORTEST_INTERVAL:
            return False
        session.merge(DoctorReport(agent=told.agent, received_at=told.received_at, version=told.version, checks=checks))
        return True


def of_unit(database: Database, unit: str) -> list[Examination]:
    """Those of the unit's agents that may still push and count as themselves, the newest first."""
    query = (
        select(DoctorReport.agent, DoctorReport.received_at, DoctorReport.version, DoctorReport.checks)
        .join(Agent, DoctorReport.agent == Agent.id)
        .where(Agent.unit == unit, Agent.revoked_at.is_(None), Agent.merged_into.is_(None))
        .order_by(DoctorReport.received_at.desc(), DoctorReport.agent)
    )
    with database.read() as connection:
        rows = connection.execute(query).all()
    return [
        Examination(agent, received_at, version, [ToldCheck(**check) for check in checks])
        for agent, received_at, version, checks in rows
    ]
