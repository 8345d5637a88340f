"""Who changed which fact of a unit, when, from what to what."""

from __future__ import annotations

import getpass
import os
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from haidang_collector.registry.models import PERSON_LENGTH, Change, Unit
from haidang_collector.registry.tokens import UnknownUnitError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from haidang_collector.registry.database import Database

OPERATOR = "HAIDANG_OPERATOR"
Facts = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ChangeFact:
    """A change of one entry. `before` None: it was made; `after` None: it was removed; else only what differs."""

    at: datetime
    who: str
    what: str
    entry: str
    before: Facts | None
    after: Facts | None
    id: int
    """Later changes have a greater one."""

    def parts(self) -> list[tuple[str, str, str]]:
        """Each fact with its value before and after, empty where there was none; new and removed entries begin so."""
        old, new = self.before or {}, self.after or {}
        whole = "(new)" if self.before is None else "(removed)" if self.after is None else None
        facts = [(name, str(old.get(name, "")), str(new.get(name, ""))) for name in dict.fromkeys([*old, *new])]
        return [(whole, "", ""), *facts] if whole else facts


def operator(environment: Mapping[str, str] = os.environ) -> str:
    """Who is at work: HAIDANG_OPERATOR, else the user behind sudo, else the system's user."""
    named = environment.get(OPERATOR) or environment.get("SUDO_USER")
    if not named:
        try:
            named = getpass.getuser()
        except (KeyError, OSError):  # a user number without a name, as in containers
            named = f"user {os.getuid()}"
    return "".join(c for c in named if c.isprintable())[:PERSON_LENGTH]


def difference(before: Facts | None, after: Facts | None) -> tuple[Facts | None, Facts | None]:
    """Both sides with only what differs, as JSON keeps it; what is None is absent."""
    old, new = _told(before), _told(after)
    if before is not None and after is not None:
        changed = {name for name in old | new if old.get(name) != new.get(name)}
        return {n: v for n, v in old.items() if n in changed}, {n: v for n, v in new.items() if n in changed}
    return (old if before is not None else None), (new if after is not None else None)


def change(unit: str, what: str, entry: str, before: Facts | None, after: Facts | None) -> dict[str, Any]:
    """A row of `Change` but for who and when."""
    old, new = difference(before, after)
    return {"unit": unit, "what": what, "entry": entry, "before": old, "after": new}


def history_of(database: Database, unit: str) -> list[ChangeFact]:
    """All changes of a unit's facts, the newest first. Raises UnknownUnitError."""
    columns = (Change.at, Change.who, Change.what, Change.entry, Change.before, Change.after, Change.id)
    with database.read() as connection:
        if connection.scalar(select(Unit.code).where(Unit.code == unit)) is None:
            raise UnknownUnitError(unit)
        rows = connection.execute(select(*columns).where(Change.unit == unit).order_by(Change.id.desc())).all()
    return [ChangeFact(*row) for row in rows]


def stamped(changes: list[dict[str, Any]], who: str) -> list[dict[str, Any]]:
    """The rows complete: all of one import have one time."""
    now = datetime.now(UTC)
    return [{**row, "at": now, "who": who} for row in changes]


def _told(facts: Facts | None) -> Facts:
    plain = {name: value.isoformat() if isinstance(value, date) else value for name, value in (facts or {}).items()}
    return {name: value for name, value in plain.items() if value is not None}
