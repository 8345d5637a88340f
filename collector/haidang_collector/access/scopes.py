"""Parts of the city as text: `city`, `district:NAME`, `unit:CODE`."""

from __future__ import annotations

from haidang_collector.access.visitor import Scope

CITY = "city"
LONGEST_NAME = 100


class BadScopeError(ValueError):
    """No part of the city is written like this."""


def parse_scope(text: str) -> Scope:
    """Raises BadScopeError. Whether there is such a district or unit is not asked here."""
    if text == CITY:
        return Scope()
    kind, _, name = text.partition(":")
    if kind not in ("district", "unit") or not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise BadScopeError(f"scope {text[:LONGEST_NAME]!r}: write city, district:NAME or unit:CODE")
    return Scope(district=name) if kind == "district" else Scope(unit=name)


def scope_text(scope: Scope) -> str:
    """What `parse_scope` reads."""
    if scope.unit:
        return f"unit:{scope.unit}"
    return f"district:{scope.district}" if scope.district else CITY
