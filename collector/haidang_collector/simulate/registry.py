"""A simulated city into a registry, by the import that real tables go through."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from haidang_collector.centre.services import adopt
from haidang_collector.registry.agent_config import own_tables, set_tables
from haidang_collector.registry.fact_import import import_facts
from haidang_collector.registry.fact_kinds import KINDS
from haidang_collector.registry.fact_table import FactRow, FactTable
from haidang_collector.registry.models import Unit
from haidang_collector.registry.units_import import import_units
from haidang_collector.registry.units_table import UnitRow, UnitTable
from haidang_collector.simulate.build import school_year_begins
from haidang_collector.simulate.model import PREFIX
from haidang_collector.simulate.words import DEPARTMENT_FEED, PUBLIC, site
from haidang_collector.supervisor.trial import UNIT as TRIAL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import date

    from haidang_collector.registry.database import Database
    from haidang_collector.registry.fact_kinds import Values
    from haidang_collector.registry.units_import import Outcome
    from haidang_collector.simulate.model import City, Line, SimUnit

WHO = "haidang simulate"


class UnfitRegistryError(ValueError):
    """The registry holds real units, or another simulated city; the text names one and says what to do."""


def fill(database: Database, city: City) -> int:
    """Write the city's units and facts, and what all agents ask for; how many entries were new or changed.

    A second time changes nothing.

    Raises UnfitRegistryError before anything is written.
    """
    _check(database, city)
    rows = [UnitRow(number, unit.code, _facts(unit, city), dict(unit.students)) for number, unit in _numbered(city)]
    changed = _changed(import_units(database, UnitTable(rows)))
    for word, rows_of in (_TABLES | {"plans": lambda unit: _plans(unit, city.day)}).items():
        facts = [FactRow(number, unit.code, values) for number, unit in _numbered(city) for values in rows_of(unit)]
        changed += _changed(import_facts(database, KINDS[word], FactTable(facts), replace=True, who=WHO))
    return changed + _tell_agents(database)


def _tell_agents(database: Database) -> int:
    """The sector's systems, and where the Department's news is."""
    told = own_tables(database, None)
    portal = {**told.get("portal", {}), "department_feed": DEPARTMENT_FEED}
    if told.get("portal") == portal:
        return len(adopt(database, WHO))
    set_tables(database, None, {**told, "portal": portal})
    return 1 + len(adopt(database, WHO))


def _check(database: Database, city: City) -> None:
    """The unit that `haidang up` makes for its own machine is no hindrance."""
    with database.read() as connection:
        units = connection.execute(select(Unit.code, Unit.address).where(Unit.code != TRIAL).order_by(Unit.code)).all()
    if real := [code for code, _ in units if not code.startswith(PREFIX)]:
        raise UnfitRegistryError(
            f"the registry holds {len(real)} units that are no simulated ones, the first is {real[0]!r}; "
            "simulate in a registry of its own (--data DIR)"
        )
    if other := [address for _, address in units if address != _address(city)]:
        raise UnfitRegistryError(
            f"the registry holds another simulated city ({other[0]}); give its --seed, or a registry of its own"
        )


def _address(city: City) -> str:
    """Where its units are: by this a city is known again."""
    return f"Thành phố mô phỏng, --seed {city.seed}"


def _numbered(city: City) -> Iterator[tuple[int, SimUnit]]:
    return enumerate(city.units, start=1)


def _changed(outcome: Outcome) -> int:
    if outcome.bad:
        raise ValueError(f"the registry refuses what was simulated: {outcome.bad[0]}")
    return outcome.created + outcome.updated + outcome.removed


def _facts(unit: SimUnit, city: City) -> dict[str, str]:
    return {"name": unit.name, "district": unit.district, "level": unit.level, "address": _address(city)}


def _labs(unit: SimUnit) -> list[Values]:
    return [
        {"name": room.name, "cidr": room.subnet, "computers": room.declared, "level": room.level} for room in unit.rooms
    ]


def _equipment(unit: SimUnit) -> list[Values]:
    return [{"kind": kind, "number": number} for kind, number in unit.equipment.items()]


def _subjects(unit: SimUnit) -> list[Values]:
    return [{"name": name, "has_computer": has_computer} for name, has_computer in unit.groups]


def _contacts(unit: SimUnit) -> list[Values]:
    return [{"role": person.role, "name": person.name, "email": person.email} for person in unit.people]


def _contracts(unit: SimUnit) -> list[Values]:
    return [_contract(unit, line) for line in unit.lines]


def _portals(unit: SimUnit) -> list[Values]:
    return [{"url": unit.portal, "mail_domain": unit.mail_domain}]


def _public_services(unit: SimUnit) -> list[Values]:
    services = [name.removeprefix(PUBLIC) for name in unit.services if name.startswith(PUBLIC)]
    return [{"service": service, "url": f"{site(unit.code)}{service}", "season": None} for service in services]


def _plans(unit: SimUnit, day: date) -> list[Values]:
    first = school_year_begins(day)
    return [] if unit.plan is None else [{"year": f"{first}-{first + 1}", "received": unit.plan}]


def _contract(unit: SimUnit, line: Line) -> Values:
    return {
        "wan": line.wan,
        "number": f"MP-{unit.code}-{line.wan}",
        "isp": line.isp,
        "medium": None if line.medium == "unknown" else line.medium,
        "down": float(line.mbit),
        "up": float(line.mbit),
    }


_TABLES: dict[str, Callable[[SimUnit], list[Values]]] = {
    "labs": _labs,
    "equipment": _equipment,
    "subjects": _subjects,
    "contacts": _contacts,
    "contracts": _contracts,
    "portals": _portals,
    "public_services": _public_services,
}
