"""What agents are told to watch: what all get, then a district's, the registry's, the unit's, its roles', its own.

The registry knows lines by contract, rooms, portal and services for parents; the later has the last word, key by key.
Tables are laid over one another key by key. In a list (`[[wan]]`) entries of the same name are; a new name is added.
"""

from __future__ import annotations

import hashlib
import json
import math
import tomllib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, bindparam, select

from haidang_collector.registry.config_layers import DEFAULT, ROLES, Layer
from haidang_collector.registry.config_versions import given, put
from haidang_collector.registry.config_versions import in_force as in_force_of
from haidang_collector.registry.contracts import in_force
from haidang_collector.registry.history import operator
from haidang_collector.registry.models import Agent, Lab, Portal, PublicService, Unit
from haidang_collector.registry.tokens import UnknownUnitError
from haidang_collector.registry.unit_keys import unit_key

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sqlalchemy import Connection, Row

    from haidang_collector.registry.database import Database

TABLES = ("agent", "probes", "privacy", "portal")
LISTS = {"wan": "name", "lab": "name", "snmp": "host", "service": "name"}
"""Lists of tables, and the key by which an entry is told."""
PUBLIC = "public_"
"""How the name of a service for parents begins (requirement R13)."""
MAX_BYTES = 256 << 10
MOST_LEVELS = 16
"""Of tables within tables: what is merged and told has to be gone through to the end."""
SHOWN_PATH = 60
TOO_DEEP = "nested too deeply; agent.toml needs three levels"

REGISTRY = "registry"
"""What the facts of the registry come to; it lies between what is set for a district and for a unit."""

_PLACED = (
    select(Unit.district, Agent.roles)
    .outerjoin(Agent, and_(Agent.unit == Unit.code, Agent.id == bindparam("who")))
    .where(Unit.code == bindparam("of"))
)
_ROOMS = select(Lab.__table__).where(Lab.unit == bindparam("of")).order_by(Lab.name)
_PORTAL = select(Portal.url, Portal.mail_domain).where(Portal.unit == bindparam("of"))
_SERVICES = (
    select(PublicService.service, PublicService.url)
    .where(PublicService.unit == bindparam("of"))
    .order_by(PublicService.service)
)

Tables = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Told:
    """`origin` has the shape of `tables` and says of each value which layer it is from.

    `versions` are those of the layers that were set, as `unit TH-001`.
    """

    tables: Tables
    origin: Tables
    versions: dict[str, int]


class BadAgentConfigError(ValueError):
    """A configuration no agent could read; the text names the key and the mend."""


def parse_toml(text: str) -> Tables:
    """The tables of a file as agent.toml has them, without `[server]`. Raises BadAgentConfigError."""
    if len(text.encode()) > MAX_BYTES:
        raise BadAgentConfigError(f"more than {MAX_BYTES} bytes; keep only what differs from the default")
    try:
        tables = tomllib.loads(text)
    except ValueError as failed:  # no TOML, or a number of thousands of digits
        raise BadAgentConfigError(f"no TOML: {failed}") from None
    except RecursionError:
        raise BadAgentConfigError(TOO_DEEP) from None
    check(tables)
    return tables


def check(tables: Mapping[str, Any]) -> None:
    """Raises BadAgentConfigError. What stands inside a probe's table only the agent can judge."""
    _check_reserved(tables)
    for path, value in _leaves(tables, "", MOST_LEVELS):
        if not isinstance(value, (str, int, float)) or (isinstance(value, float) and not math.isfinite(value)):
            raise BadAgentConfigError(f"{path} = {value}: neither text, number nor true/false; write it as text")
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


def merge(default: Tables, own: Tables) -> Tables:
    """`own` laid over `default`; neither is changed."""
    merged: Tables = dict(default)
    for name, section in own.items():
        if name in LISTS:
            merged[name] = _merge_list(default.get(name, []), section, LISTS[name])
        else:
            merged[name] = _merge_table(default.get(name, {}), section)
    return merged


def told_to_agents(database: Database, unit: str, agent: str | None = None) -> Tables:
    """What an agent of the unit is told, and nobody else: the unit's key is in it. Raises UnknownUnitError.

    Without `agent`: what is in force for all agents of the unit.
    """
    return merge(told(database, unit, agent).tables, {"privacy": {"unit_key": unit_key(database, unit)}})


def tables_for(database: Database, unit: str) -> Tables:
    """What the agents of a unit are told, but for the unit's key and what is of roles and agents."""
    return told(database, unit).tables


def told(
    database: Database, unit: str, agent: str | None = None, instead: Mapping[Layer, Tables] | None = None
) -> Told:
    """The layers, the widest first, and what they come to. What is staged is in it for those `agent`s that get it.

    `instead` has layers as they might be.
    """
    with database.read() as connection:
        district, roles = connection.execute(_PLACED, {"of": unit, "who": agent or ""}).one_or_none() or ("", None)
        known = _registered(connection, unit)
        narrow = [Layer("unit", unit), *(Layer("role", role) for role in ROLES if role in (roles or "").split())]
        narrow += [Layer("agent", agent)] if agent else []
        wide = [DEFAULT, Layer("district", district)]
        laid_out = given(connection, wide + narrow, agent, instead)
    below = [each for each in laid_out if each[0] in wide]
    layers = [*below, (REGISTRY, 0, known), *(each for each in laid_out if each[0] in narrow)]
    tables: Tables = {}
    origin: Tables = {}
    for layer, number, laid in layers:
        tables = merge(tables, laid)
        origin = merge(origin, _marked(laid, f"{layer}, version {number}" if number else str(layer)))
    for name in LISTS.keys() & origin.keys():
        origin[name] = [{**entry, LISTS[name]: ""} for entry in origin[name]]
    return Told(tables, origin, {str(layer): number for layer, number, _ in layers if number})


def own_tables(database: Database, unit: str | None) -> Tables:
    """What is in force for a unit, or for all (None). Raises UnknownUnitError."""
    with database.read() as connection:
        if unit is not None and connection.scalar(select(Unit.code).where(Unit.code == unit)) is None:
            raise UnknownUnitError(unit)
    return in_force_of(database, _layer(unit))


def set_tables(database: Database, unit: str | None, tables: Tables) -> None:
    """Replace what is set for a unit, or for all (None). Raises BadAgentConfigError, UnknownUnitError."""
    check(tables)
    put(database, _layer(unit), tables, operator())


def encode(tables: Tables) -> tuple[bytes, str]:
    """The answer's body and its ETag, which is the same for the same tables on every collector."""
    body = json.dumps(tables, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
    return body, f'"{hashlib.sha256(body).hexdigest()[:32]}"'


def etag_matches(if_none_match: str | None, etag: str) -> bool:
    """RFC 9110, 13.1.2: a list of tags compared weakly, or `*`."""
    tags = [tag.strip().removeprefix("W/") for tag in (if_none_match or "").split(",")]
    return etag in tags or "*" in tags


def _registered(connection: Connection, unit: str) -> Tables:
    """`[[wan]]` by contracts in force today, `[[lab]]`, `[[service]]` for parents, `[portal]`; unknown is absent."""
    lines = [
        {"name": line.wan, "isp": line.isp, "medium": line.medium}
        for line in in_force(connection, datetime.now(UTC).date(), unit)
    ]
    portal = connection.execute(_PORTAL, {"of": unit}).one_or_none()
    lists: dict[str, list[Tables]] = {
        "wan": lines,
        "lab": [_room(lab) for lab in connection.execute(_ROOMS, {"of": unit})],
        "service": [public_service(name, url) for name, url in connection.execute(_SERVICES, {"of": unit})],
    }
    tables: Tables = {name: [_known(entry) for entry in entries] for name, entries in lists.items() if entries}
    return tables if portal is None else tables | {"portal": _known(portal._asdict())}


def public_service(service: str, url: str) -> Tables:
    """An entry of `[[service]]` for one of a unit's services for parents.

    What wider layers ask of their own page of that name is not asked of the unit's.
    """
    return {"name": f"{PUBLIC}{service}", "url": url, "match": "", "status": [], "family": ""}


def _layer(unit: str | None) -> Layer:
    return DEFAULT if unit is None else Layer("unit", unit)


def _marked(tables: Tables, words: str) -> Tables:
    """The same shape with `words` at each leaf; entries of lists keep what they are told by."""
    marked: Tables = {}
    for name, section in tables.items():
        if name in LISTS:
            key = LISTS[name]
            marked[name] = [_mark(entry, words) | {key: entry[key]} for entry in section]
        else:
            marked[name] = _mark(section, words)
    return marked


def _mark(value: Any, words: str) -> Any:
    return {key: _mark(inner, words) for key, inner in value.items()} if isinstance(value, dict) else words


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


def _leaves(value: object, path: str, levels: int) -> Iterator[tuple[str, object]]:
    if not levels:
        raise BadAgentConfigError(f"{path[:SHOWN_PATH]}…: {TOO_DEEP}")
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _leaves(inner, f"{path}.{name}" if path else name, levels - 1)
    elif isinstance(value, list):
        for number, inner in enumerate(value, start=1):
            yield from _leaves(inner, f"{path}[{number}]", levels - 1)
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
