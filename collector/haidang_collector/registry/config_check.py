"""Is what agents would be told something they can use? Asked of the agent's own program, before it is told.

Agent and collector share no code, and so no reading of the configuration: `haidang-agent check-config --told` is run.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sysconfig
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import select

from haidang_collector.registry.agent_config import told
from haidang_collector.registry.config_marks import LayersChangedError, all_staged, marks
from haidang_collector.registry.config_versions import ConfigLayerError
from haidang_collector.registry.fleet_tables import ConfigLayer
from haidang_collector.registry.models import Agent, Unit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from sqlalchemy import Connection

    from haidang_collector.registry.config_layers import Layer
    from haidang_collector.registry.config_marks import Marks
    from haidang_collector.registry.database import Database

PROGRAM = "haidang-agent"
CHECK_SECONDS = 120.0
FAULTS_FOUND = 1
SHOWN_FAULTS = 20

Tables = dict[str, Any]
Reached = tuple[str, str | None]
"""A unit, and one agent of it where only some are reached."""
IN_FORCE: dict[str, dict[Layer, Tables]] = {"": {}}
"""Told to a single agent is what its own share of the fleet gets."""
MOST_TRIES = 5

Changed = TypeVar("Changed")


class UnfitConfigError(ValueError):
    """Agents could not use it; the text has a line for each of the first faults and whom it would meet."""


def checked(
    database: Database, layer: Layer, tables: Callable[[], Tables], change: Callable[[Marks], Changed]
) -> Changed:
    """`change` a layer to `tables` that everybody whom it reaches can use, and only while nothing else was changed.

    To look takes up to minutes in a large city, and nobody is kept from writing meanwhile: where others changed a layer
    before this change came in, all is looked at anew. Raises UnfitConfigError; ConfigLayerError where that never ends.
    """
    for _ in range(MOST_TRIES):
        since = marks(database)
        check_layer(database, layer, tables())
        try:
            return change(since)
        except LayersChangedError:
            continue
    raise ConfigLayerError(f"{layer}: others keep changing what agents are told; nothing was changed, try again")


def check_layer(database: Database, layer: Layer, tables: Tables) -> int:
    """See that everybody whom the layer reaches could use what they would be told. How many different ones there are.

    That is looked at together with what is in force, and with what is staged besides. A fault that is there without the
    change is not held against it. Raises UnfitConfigError.
    """
    early = _early(database, layer)
    whom = {
        f"{name}{note}": (unit, agent, besides)
        for name, (unit, agent) in _reached(database, layer).items()
        for note, besides in (early if agent is None else IN_FORCE).items()
    }
    would_be = {
        name: told(database, unit, agent, instead={**besides, layer: tables}).tables
        for name, (unit, agent, besides) in whom.items()
    }
    faults = _faults(would_be or {str(layer): tables})
    now = _faults(
        {
            name: told(database, unit, agent, instead=besides).tables
            for name, (unit, agent, besides) in whom.items()
            if name in faults
        }
    )
    meets: dict[str, list[str]] = {}
    for name, of_it in faults.items():
        for fault in of_it:
            if fault not in now.get(name, ()):
                meets.setdefault(fault, []).append(name)
    if meets:
        lines = [
            f"{first}{f' and {len(more)} more' if more else ''}: {fault}" for fault, (first, *more) in meets.items()
        ]
        rest = [f"and {len(lines) - SHOWN_FAULTS} more faults"] if len(lines) > SHOWN_FAULTS else []
        raise UnfitConfigError("\n".join(lines[:SHOWN_FAULTS] + rest))
    return len(set(map(_line, would_be.values())))


def _early(database: Database, layer: Layer) -> dict[str, dict[Layer, Tables]]:
    """What agents of a unit are told in the place of what is in force, for each share of the fleet."""
    staged = {each: what for each, what in all_staged(database).items() if each != layer}
    found = dict(IN_FORCE)
    for percent in sorted({percent for percent, _ in staged.values()}):
        early = {each: tables for each, (to, tables) in staged.items() if to >= percent}
        found[f" (what is staged to {percent} %)"] = early
    return found


def _reached(database: Database, layer: Layer) -> dict[str, Reached]:
    """By name."""
    found: list[tuple[str, Reached]] = []
    with database.read() as connection:
        if layer.kind in ("role", "agent"):
            agents = connection.execute(select(Agent.id, Agent.unit, Agent.roles).where(Agent.revoked_at.is_(None)))
            for who, unit, roles in agents:
                if _is_of(layer, who, roles):
                    found.append((f"{who} of {unit}", (unit, who)))
        else:
            units = select(Unit.code).order_by(Unit.code)
            if layer.kind == "district":
                units = units.where(Unit.district == layer.name)
            if layer.kind == "unit":
                units = units.where(Unit.code == layer.name)
            codes = connection.scalars(units).all()
            found += [(unit, (unit, None)) for unit in codes]
            found += _told_more(connection, set(codes))
    return dict(found)


def _told_more(connection: Connection, units: set[str]) -> Iterator[tuple[str, Reached]]:
    """Agents of these units that have a layer of their own, and of those whose roles have one a unit's first."""
    layers = select(ConfigLayer.layer, ConfigLayer.name).where(ConfigLayer.layer.in_(("role", "agent")))
    narrow = {(kind, name) for kind, name in connection.execute(layers)}
    alike: set[tuple[str, frozenset[str]]] = set()
    agents = select(Agent.id, Agent.unit, Agent.roles).where(Agent.revoked_at.is_(None)).order_by(Agent.id)
    for who, unit, roles in connection.execute(agents) if narrow else ():
        told_by = frozenset(role for role in roles.split() if ("role", role) in narrow)
        has_own = ("agent", who) in narrow
        if unit in units and (has_own or (told_by and (unit, told_by) not in alike)):
            if not has_own:
                alike.add((unit, told_by))
            yield f"{who} of {unit}", (unit, who)


def _is_of(layer: Layer, agent: str, roles: str) -> bool:
    return layer.name == agent if layer.kind == "agent" else layer.name in roles.split()


def _faults(by_name: Mapping[str, Tables]) -> dict[str, list[str]]:
    """Of those that have any. Raises OSError, SubprocessError where the agent's program does not run as it should."""
    if not by_name:
        return {}
    lines = list(dict.fromkeys(map(_line, by_name.values())))
    places = os.pathsep.join((sysconfig.get_path("scripts"), os.environ.get("PATH", os.defpath)))
    command = [shutil.which(PROGRAM, path=places) or PROGRAM, "check-config", "--told"]
    done = subprocess.run(  # noqa: S603 - our own program; what is told goes in by stdin, passwords are in it
        command, input="\n".join(lines), capture_output=True, text=True, timeout=CHECK_SECONDS, check=False
    )
    if done.returncode not in (0, FAULTS_FOUND):
        raise subprocess.CalledProcessError(done.returncode, command)
    found = dict(zip(lines, map(json.loads, done.stdout.splitlines()), strict=True))
    return {name: found[_line(tables)] for name, tables in by_name.items() if found[_line(tables)]}


def _line(tables: Tables) -> str:
    return json.dumps(tables, sort_keys=True)
