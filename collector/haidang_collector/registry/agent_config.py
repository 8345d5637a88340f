"""What agents are told to watch: what every unit gets, over it what the registry knows, over all the unit's own.

The registry knows lines by contract, rooms and the portal; a unit's own tables have the last word, key by key.
Tables are laid over one another key by key. In a list (`[[wan]]`) entries of the same name are; a new name is added.
"""

from __future__ import annotations

import hashlib
import json
import math
import tomllib
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from haidang_collector.registry.contracts import in_force
from haidang_collector.registry.models import DefaultConfig, Lab, Portal, Unit, UnitConfig
from haidang_collector.registry.tokens import UnknownUnitError
from haidang_collector.registry.unit_keys import unit_key

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sqlalchemy import Connection, Row

    from haidang_collector.registry.database import Database

TABLES = ("agent", "probes", "privacy", "portal")
LISTS = {"wan": "name", "lab": "name", "snmp": "host", "service": "name"}
"""Lists of tables, and the key by which an entry is told."""
MAX_BYTES = 256 << 10
_ONE_ROW = 1

Tables = dict[str, Any]


class BadAgentConfigError(ValueError):
    """A configuration no agent could read; the text names the key and the mend."""


def parse_toml(text: str) -> Tables:
    """The tables of a file as agent.toml has them, without `[server]`. Raises BadAgentConfigError."""
    if len(text.encode()) > MAX_BYTES:
        raise BadAgentConfigError(f"more than {MAX_BYTES} bytes; keep only what differs from the default")
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as failed:
        raise BadAgentConfigError(f"no TOML: {failed}") from None
    except RecursionError:
        raise BadAgentConfigError("nested too deeply; agent.toml needs three levels") from None
    check(tables)
    return tables


def check(tables: Mapping[str, Any]) -> None:
    """Raises BadAgentConfigError. What stands inside a probe's table only the agent can judge."""
    _check_reserved(tables)
    known = sorted((*TABLES, *LISTS))
    if unknown := sorted(tables.keys() - set(known)):
        raise BadAgentConfigError(f"[{unknown[0]}]: unknown table; known are {', '.join(known)}")
    for name in TABLES:
        if not isinstance(tables.get(name, {}), dict):
            raise BadAgentConfigError(f"{name} = {tables[name]!r}: is no table; write [{name}]")
    for name, section in tables.get("probes", {}).items():
        if not isinstance(section, dict):
            raise BadAgentConfigError(f"probes.{name} = {section!r}: is no table; write [probes.{name}]")
    for name, key in LISTS.items():
        _check_list(name, tables.get(name, []), key)
    for path, value in _leaves(tables, ""):
        if not isinstance(value, (str, int, float)) or (isinstance(value, float) and not math.isfinite(value)):
            raise BadAgentConfigError(f"{path} = {value}: neither text, number nor true/false; write it as text")


def merge(default: Tables, own: Tables) -> Tables:
    """`own` laid over `default`; neither is changed."""
    merged: Tables = dict(default)
    for name, section in own.items():
        if name in LISTS:
            merged[name] = _merge_list(default.get(name, []), section, LISTS[name])
        else:
            merged[name] = _merge_table(default.get(name, {}), section)
    return merged


def told_to_agents(database: Database, unit: str) -> Tables:
    """What the agents of a unit are told, and nobody else: the unit's key is in it. Raises UnknownUnitError."""
    return merge(tables_for(database, unit), {"privacy": {"unit_key": unit_key(database, unit)}})


def tables_for(database: Database, unit: str) -> Tables:
    """What the agents of a unit are told, but for the unit's key."""
    with database.read() as connection:
        default = connection.scalar(select(DefaultConfig.tables))
        own = connection.scalar(select(UnitConfig.tables).where(UnitConfig.unit == unit))
        known = _registered(connection, unit)
    return merge(merge(default or {}, known), own or {})


def own_tables(database: Database, unit: str | None) -> Tables:
    """What was set for a unit, or for all (None). Raises UnknownUnitError."""
    with database.read() as connection:
        if unit is None:
            return connection.scalar(select(DefaultConfig.tables)) or {}
        if connection.scalar(select(Unit.code).where(Unit.code == unit)) is None:
            raise UnknownUnitError(unit)
        return connection.scalar(select(UnitConfig.tables).where(UnitConfig.unit == unit)) or {}


def set_tables(database: Database, unit: str | None, tables: Tables) -> None:
    """Replace what is set for a unit, or for all (None). Raises BadAgentConfigError, UnknownUnitError."""
    check(tables)
    now = datetime.now(UTC)
    with database.write() as session:
        if unit is None:
            session.merge(DefaultConfig(id=_ONE_ROW, tables=tables, updated_at=now))
            return
        if session.get(Unit, unit) is None:
            raise UnknownUnitError(unit)
        session.merge(UnitConfig(unit=unit, tables=tables, updated_at=now))


def encode(tables: Tables) -> tuple[bytes, str]:
    """The answer's body and its ETag, which is the same for the same tables on every collector."""
    body = json.dumps(tables, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
    return body, f'"{hashlib.sha256(body).hexdigest()[:32]}"'


def etag_matches(if_none_match: str | None, etag: str) -> bool:
    """RFC 9110, 13.1.2: a list of tags compared weakly, or `*`."""
    tags = [tag.strip().removeprefix("W/") for tag in (if_none_match or "").split(",")]
    return etag in tags or "*" in tags


def _registered(connection: Connection, unit: str) -> Tables:
    """`[[wan]]` by the contracts in force today, `[[lab]]` by the rooms, `[portal]`; what is not known is absent."""
    lines = [
        {"name": line.wan, "isp": line.isp, "medium": line.medium}
        for line in in_force(connection, datetime.now(UTC).date(), unit)
    ]
    rooms = [_room(lab) for lab in connection.execute(select(Lab.__table__).where(Lab.unit == unit).order_by(Lab.name))]
    portal = connection.execute(select(Portal.url, Portal.mail_domain).where(Portal.unit == unit)).one_or_none()
    lists: dict[str, list[Tables]] = {"wan": lines, "lab": rooms}
    tables: Tables = {name: [_known(entry) for entry in entries] for name, entries in lists.items() if entries}
    return tables if portal is None else tables | {"portal": _known(portal._asdict())}


def _known(entry: Mapping[str, Any]) -> Tables:
    return {key: value for key, value in entry.items() if value is not None}


def _room(lab: Row[Any]) -> Tables:
    """As `[[lab]]` has it."""
    return {
        "name": lab.name,
        "cidr": lab.cidr,
        "subnets": lab.subnets and lab.subnets.split(),
        "vlan": lab.vlan,
        "ports": lab.ports and lab.ports.split("; "),
        "machines": lab.machines and lab.machines.split(),
        "declared": lab.computers,
        "level": lab.level,
    }


def _check_reserved(tables: Mapping[str, Any]) -> None:
    """What is not set here."""
    if "server" in tables:
        raise BadAgentConfigError("[server]: stands only in the school's own agent.toml; remove it")
    privacy = tables.get("privacy")
    if isinstance(privacy, dict) and "unit_key" in privacy:
        raise BadAgentConfigError("[privacy] unit_key: the registry makes it and tells it to the agents; remove it")


def _check_list(name: str, entries: object, key: str) -> None:
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise BadAgentConfigError(f"{name}: is no list of tables; write [[{name}]]")
    seen: set[str] = set()
    for number, entry in enumerate(entries, start=1):
        told_by = entry.get(key)
        if not isinstance(told_by, str) or not told_by:
            raise BadAgentConfigError(f'[[{name}]] number {number}: has no {key}; add {key} = "…"')
        if told_by in seen:
            raise BadAgentConfigError(f"[[{name}]] {key} = {told_by!r}: stands twice; remove one")
        seen.add(told_by)


def _leaves(value: object, path: str) -> Iterator[tuple[str, object]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _leaves(inner, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        for number, inner in enumerate(value, start=1):
            yield from _leaves(inner, f"{path}[{number}]")
    else:
        yield path, value


def _merge_table(default: Tables, own: Tables) -> Tables:
    merged = dict(default)
    for key, value in own.items():
        below = default.get(key)
        merged[key] = _merge_table(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return merged


def _merge_list(default: list[Tables], own: list[Tables], key: str) -> list[Tables]:
    by_name = {entry[key]: entry for entry in default}
    for entry in own:
        by_name[entry[key]] = _merge_table(by_name.get(entry[key], {}), entry)
    return list(by_name.values())
