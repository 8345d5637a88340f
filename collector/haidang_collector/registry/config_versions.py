"""What agents are told, as it was set: versions of each layer, put into force for all or for a share of the fleet.

A version is never changed. To roll back is to put the one before into force again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from sqlalchemy import and_, bindparam, case, delete, func, select, tuple_
from sqlalchemy.exc import IntegrityError

from haidang_collector.access.audit import record
from haidang_collector.registry.config_layers import KINDS, ROLES, Layer, bucket
from haidang_collector.registry.config_marks import take_turn
from haidang_collector.registry.fleet_tables import ConfigLayer, ConfigVersion
from haidang_collector.registry.models import Agent, DefaultConfig, DistrictConfig, Unit, UnitConfig
from haidang_collector.registry.tokens import UnknownUnitError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sqlalchemy import Connection
    from sqlalchemy.orm import Session

    from haidang_collector.registry.config_marks import Marks
    from haidang_collector.registry.database import Database

ALL = 100
FAR = 100
"""A share that no percentage reaches: of nobody in particular."""
KEPT = 100
"""Versions of one layer; older ones are forgotten, but for what is in force and what it took the place of."""
NOTHING_STAGED = "nothing is staged; set a file together with --stage"

Tables = dict[str, Any]


_GIVEN = (
    select(ConfigVersion.layer, ConfigVersion.name, ConfigVersion.number, ConfigVersion.tables)
    .join(
        ConfigLayer,
        and_(
            ConfigVersion.layer == ConfigLayer.layer,
            ConfigVersion.name == ConfigLayer.name,
            ConfigVersion.number
            == case((ConfigLayer.percent > bindparam("share"), ConfigLayer.staged), else_=ConfigLayer.number),
        ),
    )
    .where(tuple_(ConfigLayer.layer, ConfigLayer.name).in_(bindparam("layers", expanding=True)))
)
"""Made once: to build it takes longer than to run it, and each agent asks once a minute."""


class ConfigLayerError(LookupError):
    """There is no such layer, or it has not what was asked for; the text says what to do."""


State = Literal["in force", "staged", "earlier"]


@dataclass(frozen=True, slots=True)
class Standing:
    """`number` is in force (0: nothing is set); `staged` goes to `percent` of the agents.

    `at` and `who` are of the one that was set last of the two.
    """

    layer: Layer
    number: int
    staged: int | None
    percent: int | None
    at: datetime | None
    who: str


@dataclass(frozen=True, slots=True)
class VersionFact:
    """One version of a layer."""

    number: int
    at: datetime
    who: str
    state: State
    tables: Tables


def standings(database: Database) -> list[Standing]:
    """All layers that anything was ever set for, the widest first."""
    newest = and_(
        ConfigVersion.layer == ConfigLayer.layer,
        ConfigVersion.name == ConfigLayer.name,
        ConfigVersion.number == func.coalesce(ConfigLayer.staged, ConfigLayer.number),
    )
    query = select(*ConfigLayer.__table__.columns, ConfigVersion.at, ConfigVersion.who).outerjoin(ConfigVersion, newest)
    with database.read() as connection:
        rows = connection.execute(query).all()
    found = [
        Standing(Layer(row.layer, row.name), row.number, row.staged, row.percent, row.at, row.who or "") for row in rows
    ]
    return sorted(found, key=lambda each: (KINDS.index(each.layer.kind), each.layer.name))


def given(
    connection: Connection,
    layers: list[Layer],
    agent: str | None = None,
    instead: Mapping[Layer, Tables] | None = None,
) -> list[tuple[Layer, int, Tables]]:
    """What `agent` is given of these layers, in their order, with the version; None: what is in force for all.

    `instead` has layers as they might be; they have version 0.
    """
    asked = {"layers": [(each.kind, each.name) for each in layers], "share": FAR if agent is None else bucket(agent)}
    rows = connection.execute(_GIVEN, asked)
    found = {Layer(kind, name): (version, tables) for kind, name, version, tables in rows}
    found |= {layer: (0, tables) for layer, tables in (instead or {}).items()}
    return [(layer, *found[layer]) for layer in layers if layer in found]


def in_force(database: Database, layer: Layer) -> Tables:
    """What is given to all of the layer; empty where nothing is set."""
    with database.read() as connection:
        return next((tables for _, _, tables in given(connection, [layer])), {})


def history(database: Database, layer: Layer) -> list[VersionFact]:
    """The newest first. Raises ConfigLayerError for a layer that cannot be."""
    with database.read() as connection:
        _check(connection, layer)
        key = (ConfigLayer.layer == layer.kind, ConfigLayer.name == layer.name)
        standing = connection.execute(select(ConfigLayer.number, ConfigLayer.staged).where(*key)).one_or_none()
        number, early = standing or (0, None)
        columns = (ConfigVersion.number, ConfigVersion.at, ConfigVersion.who, ConfigVersion.tables)
        rows = connection.execute(_of(layer, *columns).order_by(ConfigVersion.number.desc())).all()
    states: dict[int | None, State] = {early: "staged", number: "in force"}
    return [VersionFact(row.number, row.at, row.who, states.get(row.number, "earlier"), row.tables) for row in rows]


def put(
    database: Database,
    layer: Layer,
    tables: Tables,
    who: str,
    percent: int = ALL,
    also: Callable[[Session], None] = lambda _: None,
    since: Marks | None = None,
) -> int:
    """Make a version of these tables and put it into force, or stage it to less than all. Its number.

    What was staged before is dropped. `also` writes more to the audit log in the same transaction. `since`: only where
    no layer was changed since then. Raises ConfigLayerError, UnknownUnitError, LayersChangedError.
    """
    if percent < ALL and layer.kind == "agent":
        raise ConfigLayerError("one agent has no percentage; stage what is told to all, a district, a unit or a role")
    with database.write() as session:
        take_turn(session, since)
        unit = _check(session, layer)
        standing = _standing(session, layer)
        number = 1 + (session.scalar(_of(layer, func.max(ConfigVersion.number))) or 0)
        version = ConfigVersion(
            layer=layer.kind, name=layer.name, number=number, tables=tables, at=datetime.now(UTC), who=who, after=None
        )
        session.add(version)
        _stand(session, standing, version, percent)
        behind = _of(layer, ConfigVersion.after).where(ConfigVersion.number == standing.number)
        needed = {standing.number, session.scalar(behind)} - {None}
        forgotten = _of(layer, ConfigVersion.number).where(
            ConfigVersion.number <= number - KEPT, ConfigVersion.number.not_in(needed)
        )
        session.execute(
            delete(ConfigVersion).where(
                ConfigVersion.layer == layer.kind,
                ConfigVersion.name == layer.name,
                ConfigVersion.number.in_(forgotten),
            )
        )
        also(session)
        record(session, who, "config.set", str(layer), {"version": number, "percent": percent}, unit=unit)
    return number


def widen(database: Database, layer: Layer, percent: int, who: str, since: Marks | None = None) -> int:
    """Give what is staged to `percent` of the agents, or put it into force. Its number. Raises as `put`."""
    with database.write() as session:
        take_turn(session, since)
        unit = _check(session, layer)
        standing = _standing(session, layer)
        if standing.staged is None:
            raise ConfigLayerError(f"{layer}: {NOTHING_STAGED}")
        number = standing.staged
        _stand(session, standing, session.get_one(ConfigVersion, (layer.kind, layer.name, number)), percent)
        record(session, who, "config.set", str(layer), {"version": number, "percent": percent}, unit=unit)
    return number


def staged(database: Database, layer: Layer) -> Tables:
    """The tables that are. Raises ConfigLayerError where none are."""
    with database.read() as connection:
        query = select(ConfigLayer.staged).where(ConfigLayer.layer == layer.kind, ConfigLayer.name == layer.name)
        number = connection.scalar(query)
        if number is None:
            raise ConfigLayerError(f"{layer}: {NOTHING_STAGED}")
        return _tables(connection, layer, number)


def before(database: Database, layer: Layer) -> tuple[int, Tables]:
    """What `roll_back` would leave in force: number and tables. Raises as it does."""
    with database.read() as connection:
        row = connection.execute(
            select(ConfigLayer.__table__).where(ConfigLayer.layer == layer.kind, ConfigLayer.name == layer.name)
        ).one_or_none()
        if row is None or (row.staged is None and not row.number):
            raise ConfigLayerError(f"{layer}: nothing is set that could be taken back")
        number = row.number
        if row.staged is None:
            number = connection.scalar(_of(layer, ConfigVersion.after).where(ConfigVersion.number == number)) or 0
        return number, _tables(connection, layer, number)


def roll_back(database: Database, layer: Layer, who: str, since: Marks | None = None) -> int:
    """Take back what is staged, or else put the version before into force. What is in force now; 0: nothing.

    Raises as `put`.
    """
    number, tables = before(database, layer)
    with database.write() as session:
        take_turn(session, since)
        unit = _check(session, layer)
        standing = _standing(session, layer)
        standing.number, standing.staged, standing.percent = number, None, None
        _write_through(session, layer, tables)
        record(session, who, "config.rolled_back", str(layer), {"version": number}, unit=unit)
    return number


def forget(session: Session, layers: list[Layer]) -> None:
    """Of a unit that is removed, and its agents."""
    for layer in layers:
        for table in (ConfigVersion, ConfigLayer):
            session.execute(delete(table).where(table.layer == layer.kind, table.name == layer.name))


def _check(session: Session | Connection, layer: Layer) -> str | None:
    """The unit that it is of, if it is of one. Raises ConfigLayerError, UnknownUnitError."""
    unit = layer.name if layer.kind == "unit" else None
    if layer.kind == "unit" and session.scalar(select(Unit.code).where(Unit.code == layer.name)) is None:
        raise UnknownUnitError(layer.name)
    if layer.kind == "district" and session.scalar(select(Unit.code).where(Unit.district == layer.name)) is None:
        raise ConfigLayerError(f"there is no unit in a district {layer.name!r}")
    if layer.kind == "role" and layer.name not in ROLES:
        raise ConfigLayerError(f"there is no role {layer.name!r}; known are {', '.join(ROLES)}")
    if layer.kind == "agent":
        unit = session.scalar(select(Agent.unit).where(Agent.id == layer.name))
        if unit is None:
            raise ConfigLayerError(f"there is no agent {layer.name!r}; `haidang agents list` shows all")
    return unit


def _standing(session: Session, layer: Layer) -> ConfigLayer:
    """Held until the transaction ends; made where there is none."""
    key = (layer.kind, layer.name)
    found = session.get(ConfigLayer, key, with_for_update=True)
    if found is None:
        found = ConfigLayer(layer=layer.kind, name=layer.name, number=0, staged=None, percent=None)
        try:
            with session.begin_nested():
                session.add(found)
        except IntegrityError:  # others made it meanwhile
            found = session.get_one(ConfigLayer, key, with_for_update=True)
    return found


def _stand(session: Session, standing: ConfigLayer, version: ConfigVersion, percent: int) -> None:
    if percent < ALL:
        standing.staged, standing.percent = version.number, percent
        return
    version.after = standing.number
    standing.number, standing.staged, standing.percent = version.number, None, None
    _write_through(session, Layer(version.layer, version.name), version.tables)  # type: ignore[arg-type]  # a column is str


def _write_through(session: Session, layer: Layer, tables: Tables) -> None:
    """Where others look for what is in force; roles and agents have no such place."""
    now = datetime.now(UTC)
    if layer.kind == "default":
        session.merge(DefaultConfig(id=1, tables=tables, updated_at=now))
    elif layer.kind == "district":
        session.merge(DistrictConfig(district=layer.name, tables=tables, updated_at=now))
    elif layer.kind == "unit":
        session.merge(UnitConfig(unit=layer.name, tables=tables, updated_at=now))


def _of(layer: Layer, *columns: Any) -> Any:
    return select(*columns).where(ConfigVersion.layer == layer.kind, ConfigVersion.name == layer.name)


def _tables(connection: Connection, layer: Layer, number: int) -> Tables:
    found: Tables | None = connection.scalar(_of(layer, ConfigVersion.tables).where(ConfigVersion.number == number))
    if found is None and number:
        raise ConfigLayerError(f"{layer}: version {number} is too old to be kept; set a file")
    return found or {}
