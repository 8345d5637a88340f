"""What the registry tells other parts: plain values, free of the database."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class Identity:
    """Who pushes: what ingest adds to every series."""

    agent: str
    unit: str
    district: str


@dataclass(frozen=True, slots=True)
class AgentFact:
    """`last_seen` in Unix seconds, None before the first push; `stopped` after an orderly goodbye."""

    agent: str
    unit: str
    district: str
    roles: tuple[str, ...]
    version: str
    os: str
    enrolled_at: datetime
    last_seen: float | None
    stopped: bool
    revoked: bool


@dataclass(frozen=True, slots=True)
class UnitFact:
    """`level`: kindergarten, primary, lower_secondary, upper_secondary, mixed or continuing."""

    code: str
    name: str
    district: str
    level: str


@dataclass(frozen=True, slots=True)
class IncidentFact:
    """`unit`, `district`, `severity` and `category` are None where the alert carries no such label."""

    fingerprint: str
    alertname: str
    unit: str | None
    district: str | None
    severity: str | None
    category: str | None
    starts_at: datetime
    ends_at: datetime | None
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
