"""Which contract holds for each line on a day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from sqlalchemy import or_, select

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


def in_force(connection: Connection, day: date, unit: str | None = None) -> list[Line]:
    """One line a WAN, of all units or of one. Of several contracts for a line the one that began last holds."""
    columns = (
        Contract.unit, Unit.district, Contract.wan, Contract.isp, Contract.medium, Contract.down, Contract.up,
        Contract.starts, Contract.number,
    )  # fmt: skip
    query = (
        select(*columns)
        .join(Unit, Contract.unit == Unit.code)
        .where(or_(Contract.starts.is_(None), Contract.starts <= day))
        .where(or_(Contract.ends.is_(None), Contract.ends >= day))
    )
    if unit is not None:
        query = query.where(Contract.unit == unit)
    rows = sorted(connection.execute(query), key=lambda row: (row.unit, row.wan, row.starts or date.min, row.number))
    return list({(row.unit, row.wan): Line(*row[:7]) for row in rows}.values())
