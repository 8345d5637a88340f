"""A person at the pages: a name, a role, and the part of the city that is theirs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Role = Literal["reader", "operator", "administrator"]
ROLES: tuple[Role, ...] = ("reader", "operator", "administrator")
"""Each may what those before it may: read; handle incidents, facts and agents; handle users and the whole registry."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What somebody may see: a unit, else a district, else (both empty) the city."""

    district: str = ""
    unit: str = ""

    @property
    def city(self) -> bool:
        return not (self.district or self.unit)

    def sees(self, *, district: str, unit: str = "") -> bool:
        """Whether `unit` (which lies in `district`) is theirs; without `unit`, whether the whole district is."""
        if self.unit:
            return unit == self.unit
        return self.district in ("", district)


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who asks. `csrf` is what every form must send back in its field `csrf`; `session` is that of an account.

    `by`: "account" for who logged in, "password" for who knows the operator's, "machine" for who sits at the
    collector while there are no accounts. `first`: the password has to be changed before anything else.
    """

    name: str
    role: Role
    scope: Scope
    csrf: str
    by: Literal["account", "password", "machine"] = "account"
    session: str = ""
    first: bool = False

    def may(self, role: Role) -> bool:
        """Whether theirs is `role` or more."""
        return ROLES.index(self.role) >= ROLES.index(role)
