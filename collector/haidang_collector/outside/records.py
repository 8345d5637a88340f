"""Who asked to be looked at from outside, by which addresses they are reached now, and what was found.

An address is kept for units that asked for it only, and no longer than it is certain to be theirs.
"""

from __future__ import annotations

import ipaddress
from collections import defaultdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import delete, select

from haidang_collector.outside.ports import PORTS
from haidang_collector.registry.models import Agent, OutsideAddress, OutsideConsent, OutsidePort, Unit
from haidang_collector.registry.tokens import UnknownUnitError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from haidang_collector.registry.database import Database

KEPT_SECONDS = 900.0
"""An address that no agent pushed from for so long may be somebody else's by now."""
AT_SCHOOL = frozenset({"site", "router"})
"""Roles of agents that stay at the school; a teacher's laptop pushes from home."""


class Heard(NamedTuple):
    """By what address an agent's last push came; `at` in Unix seconds."""

    unit: str
    address: str
    at: float


class Target(NamedTuple):
    """One address of a unit's own, and the ports to look at."""

    unit: str
    address: str
    ports: tuple[int, ...]


def allow(database: Database, unit: str, excepted: Collection[int]) -> None:
    """`excepted` ports are not looked at. Raises UnknownUnitError."""
    with database.write() as session:
        if session.get(Unit, unit) is None:
            raise UnknownUnitError(unit)
        ports = " ".join(str(port) for port in sorted(excepted))
        session.merge(OutsideConsent(unit=unit, excepted=ports, given_at=datetime.now(UTC)))
        session.execute(delete(OutsidePort).where(OutsidePort.unit == unit, OutsidePort.port.in_(excepted)))


def forbid(database: Database, unit: str) -> bool:
    """Forgets addresses and findings too. False: it was not allowed."""
    with database.write() as session:
        for table in (OutsideAddress, OutsidePort):
            session.execute(delete(table).where(table.unit == unit))
        consent = session.get(OutsideConsent, unit)
        if consent is not None:
            session.delete(consent)
        return consent is not None


def note(database: Database, heard: Mapping[str, Heard], now: float) -> None:
    """By agent, of all units: an address that several units share is nobody's own. Forgets what is too old."""
    users = defaultdict(set)
    for sighting in heard.values():
        users[sighting.address].add(sighting.unit)
    with database.write() as session:
        session.execute(delete(OutsideAddress).where(OutsideAddress.seen_at < now - KEPT_SECONDS))
        asked = set(session.scalars(select(OutsideConsent.unit)))
        staying = [agent for agent, sighting in heard.items() if sighting.unit in asked]
        query = select(Agent.id, Agent.roles).where(Agent.id.in_(staying), Agent.revoked_at.is_(None))
        for agent, roles in session.execute(query).all():
            unit, address, at = heard[agent]
            if not AT_SCHOOL.intersection(roles.split()) or not _may_be_own(address):
                continue
            known = session.get(OutsideAddress, (unit, address))
            shared = len(users[address]) > 1 or (known is not None and known.shared)
            newest = at if known is None else max(at, known.seen_at)
            session.merge(OutsideAddress(unit=unit, address=address, seen_at=newest, shared=shared))
            session.flush()


def targets(database: Database, units: Collection[str], now: float) -> list[Target]:
    """Of `units`, or of all that asked for it where none is named: addresses heard lately that no other unit uses."""
    with database.read() as connection:
        rows = connection.execute(
            select(OutsideAddress.unit, OutsideAddress.address, OutsideAddress.shared, OutsideConsent.excepted)
            .join(OutsideConsent, OutsideConsent.unit == OutsideAddress.unit)
            .where(OutsideAddress.seen_at >= now - KEPT_SECONDS)
            .order_by(OutsideAddress.unit, OutsideAddress.address)
        ).all()
    users = defaultdict(set)
    for unit, address, *_ in rows:
        users[address].add(unit)
    return [
        Target(unit, address, tuple(port for port in PORTS if str(port) not in excepted.split()))
        for unit, address, shared, excepted in rows
        if not shared and len(users[address]) == 1 and (not units or unit in units)
    ]


def keep(database: Database, unit: str, found: Iterable[Mapping[int, bool]], now: float) -> dict[int, bool]:
    """What was found at the unit's addresses, as one: a port is open where it is at any.

    Nothing is kept for a unit that no longer asks for it, nor of ports that it excepts by now.
    """
    ports: dict[int, bool] = {}
    for each in found:
        for port, is_open in each.items():
            ports[port] = ports.get(port, False) or is_open
    with database.write() as session:
        consent = session.get(OutsideConsent, unit)
        excepted = [str(port) for port in PORTS] if consent is None else consent.excepted.split()
        kept = {port: is_open for port, is_open in ports.items() if str(port) not in excepted}
        for port, is_open in kept.items():
            session.merge(OutsidePort(unit=unit, port=port, open=is_open, looked_at=now))
    return kept


def allowed(database: Database) -> list[tuple[str, str, datetime]]:
    """Unit, ports excepted (words parted by spaces), since when."""
    query = select(OutsideConsent.unit, OutsideConsent.excepted, OutsideConsent.given_at).order_by(OutsideConsent.unit)
    with database.read() as connection:
        return [(row.unit, row.excepted, row.given_at) for row in connection.execute(query)]


def _may_be_own(address: str) -> bool:
    """Public IPv4: behind it stands the unit's router. An IPv6 address is the agent's machine's own."""
    parsed = ipaddress.ip_address(address)
    return parsed.version == 4 and parsed.is_global and not parsed.is_multicast  # noqa: PLR2004 - of the protocol
