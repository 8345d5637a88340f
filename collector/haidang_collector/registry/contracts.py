"""Which contract holds for each line on a day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, or_, select

from haidang_collector.registry.models import Contract, Unit

if TYPE_CHECKING:
    from sqlalchemy import Connection


@dataclass(frozen=True, slots=True)
class Line:
    """What an ISP promises for a line, in Mbit/s; None: not told."""

    unit: str
    district: str
    wan: str
    isp: str
    medium: str | None
    down: float | None
    up: float | None


_IN_FORCE = (
    select(
        Contract.unit, Unit.district, Contract.wan, Contract.isp, Contract.medium, Contract.down, Contract.up,
        Contract.starts, Contract.number,
    )
    .join(Unit, Contract.unit == Unit.code)
    .where(or_(Contract.starts.is_(None), Contract.starts <= bindparam("day")))
    .where(or_(Contract.ends.is_(None), Contract.ends >= bindparam("day")))
)  # fmt: skip
_OF_UNIT = _IN_FORCE.where(Contract.unit == bindparam("of"))


def in_force(connection: Connection, day: date, unit: str | None = None) -> list[Line]:
    """One line a WAN, of all units or of one. Of several contracts for a line the one that began last holds."""
    query, of = (_IN_FORCE, {}) if unit is None else (_OF_UNIT, {"of": unit})
    found = connection.execute(query, {"day": day, **of})
    rows = sorted(found, key=lambda row: (row.unit, row.wan, row.starts or date.min, row.number))
    return list({(row.unit, row.wan): Line(*row[:7]) for row in rows}.values())
