"""The key that the agents of one unit share: by it they know one another's words in the school's own network.

It is told to the unit's agents, in their configuration, and to nobody else: not in lists, exports, history or logs.
"""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, select

from haidang_collector.registry.models import Unit, UnitKey
from haidang_collector.registry.tokens import UnknownUnitError

if TYPE_CHECKING:
    from haidang_collector.registry.database import Database

KEY_BYTES = 32
_KEY = select(UnitKey.key).where(UnitKey.unit == bindparam("of"))


def unit_key(database: Database, unit: str) -> str:
    """64 hexadecimal digits, made when they are first asked for. Raises UnknownUnitError."""
    with database.read() as connection:
        known = connection.scalar(_KEY, {"of": unit})
    return known or _make(database, unit)


def _make(database: Database, unit: str) -> str:
    """The unit's row is locked first, so that of two collectors that are asked at once both tell the same."""
    with database.write() as session:
        if session.get(Unit, unit, with_for_update=True) is None:
            raise UnknownUnitError(unit)
        made = session.get(UnitKey, unit)
        if made is None:
            made = UnitKey(unit=unit, key=secrets.token_hex(KEY_BYTES), made_at=datetime.now(UTC))
            session.add(made)
        return made.key
