"""What stood when a change of the agents' configuration was checked, so that nothing else is set than what was."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, func, select

from haidang_collector.registry.config_layers import Layer
from haidang_collector.registry.fleet_tables import ConfigLayer, ConfigVersion

if TYPE_CHECKING:
    from sqlalchemy import Connection
    from sqlalchemy.orm import Session

    from haidang_collector.registry.database import Database

CHANGING_LOCK = 0x48414345
"""Any fixed number: PostgreSQL's advisory lock under which one change is made at a time."""

Tables = dict[str, Any]
Marks = frozenset[tuple[str, str, int, int | None, int | None]]
"""Of each layer: kind, name, the version in force, the staged one, and to how many of a hundred agents."""


STAGED_NOW = and_(
    ConfigVersion.layer == ConfigLayer.layer,
    ConfigVersion.name == ConfigLayer.name,
    ConfigVersion.number == ConfigLayer.staged,
)
"""Joins a layer with the version that is staged of it."""


class LayersChangedError(Exception):
    """Others changed a layer meanwhile: what was checked is not what would be told now."""


def marks(database: Database) -> Marks:
    """Of all layers."""
    with database.read() as connection:
        return _read(connection)


def all_staged(database: Database) -> dict[Layer, tuple[int, Tables]]:
    """The layers of which something is staged: to how many of a hundred agents, and what."""
    columns = (ConfigLayer.layer, ConfigLayer.name, ConfigLayer.percent, ConfigVersion.tables)
    with database.read() as connection:
        rows = connection.execute(select(*columns).join(ConfigVersion, STAGED_NOW)).all()
    return {Layer(row.layer, row.name): (row.percent, row.tables) for row in rows}


def take_turn(session: Session, since: Marks | None) -> None:
    """Nobody else changes a layer until the transaction ends. Raises LayersChangedError where one was since then."""
    if session.get_bind().dialect.name == "postgresql":  # SQLite has one writer at a time anyway
        session.execute(select(func.pg_advisory_xact_lock(CHANGING_LOCK)))
    if since is not None and _read(session) != since:
        raise LayersChangedError


def _read(source: Session | Connection) -> Marks:
    columns = (ConfigLayer.layer, ConfigLayer.name, ConfigLayer.number, ConfigLayer.staged, ConfigLayer.percent)
    return frozenset((row[0], row[1], row[2], row[3], row[4]) for row in source.execute(select(*columns)))
