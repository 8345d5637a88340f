"""What is true of a simulated unit: what the registry is told, and what its agents measure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

PREFIX = "SIM-"
"""How the code of every simulated unit begins."""

Presence = Literal["heard", "silent", "none"]
"""`heard`: its agents push. `silent`: they enrolled and do not push. `none`: it never had an agent."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line to the Internet; `medium` and `evidence` as `school_wan_info` has them, speed by contract in Mbit/s."""

    wan: str
    isp: str
    medium: str
    evidence: str
    up: bool
    mbit: int


@dataclass(frozen=True, slots=True)
class Room:
    """A computer room.

    `declared`: computers that the unit says it has, None: not told. `seen`, `online`: computers that the site agent
    finds. `reached`: whether it reaches the Internet, None: no agent can judge. `level` None: shared by all levels.
    """

    name: str
    level: str | None
    declared: int | None
    seen: int
    online: int
    subnet: str
    reached: bool | None


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine with an agent. `equipment` by kind as it finds it itself; `failed`: posture checks that fail."""

    roles: tuple[str, ...]
    use: str
    lab: str
    equipment: Mapping[str, int]
    failed: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Site:
    """The unit's portal as all find it; ages and lags in seconds. `blocked`: it does not open inside the school."""

    up: bool
    tls_left_seconds: float
    unchanged_seconds: float
    feed_lag_seconds: float
    blocked: bool = False

    def fault(self, *, inside: bool) -> str | None:
        """What is at fault for who looks, from inside the school or elsewhere; None: it opens without a warning."""
        if not self.up or (inside and self.blocked):
            return "no_answer"
        return "certificate_expired" if self.tls_left_seconds < 0 else None


@dataclass(frozen=True, slots=True)
class Person:
    role: str
    name: str
    email: str


@dataclass(frozen=True, slots=True)
class SimUnit:
    """One unit. `students` by level and `groups` (name, has a computer) are empty where the unit told nothing.

    `equipment`: declared, by the registry's words. `network`: devices that the site agent finds in the LAN.
    """

    code: str
    name: str
    district: str
    level: str
    stages: tuple[str, ...]
    """The levels that it teaches: one, or several where `level` is mixed."""
    presence: Presence
    students: Mapping[str, int]
    lines: tuple[Line, ...]
    rooms: tuple[Room, ...]
    machines: tuple[Machine, ...]
    equipment: Mapping[str, int]
    network: Mapping[str, int]
    groups: tuple[tuple[str, bool], ...]
    people: tuple[Person, ...]
    plan: date | None
    portal: str | None
    mail_domain: str | None
    site: Site | None
    mail: Mapping[str, bool] = field(default_factory=dict)
    services: Mapping[str, bool] = field(default_factory=dict)
    incidents: tuple[tuple[str, str], ...] = ()
    """Kind and severity of those that are active."""


@dataclass(frozen=True, slots=True)
class City:
    """All units by code, as they stand on `day`; the same seed and day make the same city, of any size.

    A smaller city is the beginning of a larger one.
    """

    seed: int
    day: date
    units: tuple[SimUnit, ...]
