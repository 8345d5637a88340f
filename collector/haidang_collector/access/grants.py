"""What the groups of an OIDC provider are worth here: `HAIDANG_OIDC_ROLES`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from haidang_collector.access.scopes import CITY, BadScopeError, parse_scope
from haidang_collector.access.visitor import ROLES, Role, Scope

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


@dataclass(frozen=True, slots=True)
class Grant:
    """A role in a part of the city."""

    role: Role
    scope: Scope


def parse_grants(text: str) -> dict[str, Grant]:
    """`GROUP=ROLE`, `GROUP=ROLE@district:NAME`, `GROUP=ROLE@unit:CODE`, parted by semicolons. Raises ValueError."""
    return dict(_parse(part.strip()) for part in text.split(";") if part.strip())


def grant_of(groups: Iterable[str], grants: Mapping[str, Grant]) -> Grant | None:
    """That of the first group in the setting that the person is in."""
    theirs = set(groups)
    return next((grant for group, grant in grants.items() if group in theirs), None)


def _parse(text: str) -> tuple[str, Grant]:
    group, equals, worth = (part.strip() for part in text.rpartition("="))
    role, _, where = worth.partition("@")
    wrong = ValueError(f"{text!r} is not GROUP=ROLE, GROUP=ROLE@district:NAME or GROUP=ROLE@unit:CODE")
    if not (group and equals and role in ROLES):
        raise wrong
    try:
        return group, Grant(role, parse_scope(where or CITY))
    except BadScopeError:
        raise wrong from None
