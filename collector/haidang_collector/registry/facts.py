"""What the registry tells other parts: plain values, free of the database."""

from __future__ import annotations

import time
from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

NOTED_SECONDS = 86_400.0
"""How long a sign of two machines with one identity, or of an old disk, is shown after it was last seen."""

CLOCKS_APART_SECONDS = 300.0
"""So far the clocks of several collectors may be apart."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who pushes: what ingest adds to every series. `issued` is the id that the key is of, where it was merged."""

    agent: str
    unit: str
    district: str
    issued: str = ""


class Closer(Enum):
    """What a look at many keys at once does not tell: a look at this one does, and may write."""

    LOOK = auto()


class Sighting(NamedTuple):
    """An agent was heard: `at` in Unix seconds, `stopped` when it said goodbye.

    `isp`: by whose network it came, None where no public address tells. `scrape_address`: host and port where it
    offers to be scraped, None where it does not.
    """

    at: float
    stopped: bool
    isp: str | None = None
    scrape_address: str | None = None


@dataclass(frozen=True, slots=True)
class AgentFact:
    """`last_seen` in Unix seconds, None before the first push; `stopped` after an orderly goodbye.

    `config`: the versions that it says it runs, by layer. `doubled_at`, `put_back_at` in Unix seconds: when two
    machines were last seen to share the identity, and when a disk of before a new key came back. `isp` and
    `scrape_address`: as of its last `Sighting`.
    """

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
    config: Mapping[str, int] | None = None
    new_key_wanted: bool = False
    doubled_at: float | None = None
    put_back_at: float | None = None
    merged_into: str | None = None
    isp: str | None = None
    scrape_address: str | None = None


def latest_credible() -> float:
    """Unix seconds: who was heard after that was heard by a collector whose clock was wrong."""
    return time.time() + CLOCKS_APART_SECONDS


def is_lately(at: float | None) -> bool:
    """Whether what was noted of a machine then is still to be looked at."""
    return at is not None and time.time() - at < NOTED_SECONDS


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
