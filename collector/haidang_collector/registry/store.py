"""The registry as the rest of the collector uses it: who is this agent, which units and agents are there."""

from __future__ import annotations

import hmac
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, func, or_, select, update
from sqlalchemy.orm import aliased

from haidang_collector.registry.agent_keys import use_new_key, why_not
from haidang_collector.registry.credentials import secret_hash
from haidang_collector.registry.database import Database
from haidang_collector.registry.facts import (
    AgentFact,
    Closer,
    Identity,
    IncidentFact,
    Sighting,
    UnitFact,
    latest_credible,
)
from haidang_collector.registry.models import Agent, Incident, Unit

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from sqlalchemy import Row
    from sqlalchemy.orm import Session

__all__ = ["AgentFact", "Identity", "IncidentFact", "Registry", "Sighting", "UnitFact"]


_NOBODY = secret_hash("")
_COUNTS_AS = aliased(Agent)
_HOLDER = (
    select(
        Agent.id, Agent.key_hash, Agent.next_key_hash, Agent.unit, Unit.district, Agent.merged_into, Agent.revoked_at,
        _COUNTS_AS.revoked_at.label("merged_revoked_at"),
    )
    .join(Unit, Agent.unit == Unit.code)
    .outerjoin(_COUNTS_AS, Agent.merged_into == _COUNTS_AS.id)
    .where(Agent.id.in_(bindparam("who", expanding=True)))
)  # fmt: skip
"""Made once: to build it takes longer than to run it, and each agent is asked about twice a minute."""


def _of(row: Row[*tuple[Any, ...]]) -> Identity:
    if row.merged_into:
        return Identity(row.merged_into, row.unit, row.district, issued=row.id)
    return Identity(row.id, row.unit, row.district)


def _at_once(row: Row[*tuple[Any, ...]], key: str) -> Identity | None:
    """Where the key in use is right, and nothing stands against it."""
    if row.revoked_at or row.merged_revoked_at or not hmac.compare_digest(row.key_hash, secret_hash(key)):
        return None
    return _of(row)


class Registry:
    """Units, agents and incidents. Thread-safe; every call is one transaction.

    An empty SQLite database is filled at once; raises RegistryDatabaseError for one that is older than this program.
    """

    def __init__(self, database_url: str) -> None:
        self.database = Database(database_url)
        try:
            self.database.prepare()
        except Exception:
            self.database.close()
            raise

    def identify(self, agent: str, key: str) -> Identity | None:
        """Whose key this is. None: unknown agent, wrong key, or revoked. A new key holds alone from its first use."""
        row = self._holders([agent]).get(agent)
        right = hmac.compare_digest(row.key_hash if row else _NOBODY, secret_hash(key))
        if row is None or row.revoked_at or row.merged_revoked_at:
            return None
        if not right and row.next_key_hash:
            right = hmac.compare_digest(row.next_key_hash, secret_hash(key))
            if right:
                use_new_key(self.database, agent, row.next_key_hash)
        return _of(row) if right else None

    def who(self, asked: Sequence[tuple[str, str]]) -> list[Identity | Closer | None]:
        """Of agents and keys, by one query that only reads: whose each is, None for an agent that there is not."""
        holders = self._holders({agent for agent, _ in asked})
        return [(_at_once(holders[agent], key) or Closer.LOOK) if agent in holders else None for agent, key in asked]

    def closer(self, agent: str, key: str) -> Identity | str | None:
        """As `identify`, and for a key that was a right one, why it is none now."""
        return self.identify(agent, key) or why_not(self.database, agent, key)

    def _holders(self, agents: Collection[str]) -> dict[str, Row[*tuple[Any, ...]]]:
        with self.database.read() as connection:
            return {row.id: row for row in connection.execute(_HOLDER, {"who": list(agents)})}

    def record_seen(self, seen: Mapping[str, Sighting]) -> None:
        """Note when agents were last heard, and how. What is older than known is left out.

        Several collectors may tell of the same agents at once. What is known from the future does not count: a clock
        was wrong then.
        """
        if not seen:
            return
        newer = or_(
            Agent.last_seen.is_(None), Agent.last_seen <= bindparam("heard"), Agent.last_seen > latest_credible()
        )
        change = (
            update(Agent.__table__)  # type: ignore[arg-type]  # declared as FromClause, is a Table
            .where(Agent.id == bindparam("who"), newer)
            .values(
                last_seen=bindparam("heard"), stopped=bindparam("goodbye"), isp=bindparam("by"),
                scrape_address=bindparam("offers"),
            )
        )  # fmt: skip
        rows = [
            {"who": who, "heard": heard, "goodbye": goodbye, "by": isp, "offers": scrape_address}
            for who, (heard, goodbye, isp, scrape_address) in sorted(seen.items())
        ]
        with self.database.write() as session:
            session.connection().execute(change, rows)

    def agents(
        self,
        unit: str | None = None,
        district: str | None = None,
        *,
        only: Collection[str] | None = None,
        only_revoked: bool = False,
        merged: bool = False,
    ) -> list[AgentFact]:
        """All agents that ever enrolled (of one unit, one district, or `only` these), revoked ones too, by unit and id.

        Those that count as another are left out, but for `merged`.
        """
        columns = (
            Agent.id, Agent.unit, Unit.district, Agent.roles, Agent.version, Agent.os, Agent.enrolled_at,
            Agent.last_seen, Agent.stopped, Agent.revoked_at, Agent.config, Agent.new_key_wanted, Agent.doubled_at,
            Agent.put_back_at, Agent.merged_into, Agent.isp, Agent.scrape_address,
        )  # fmt: skip
        query = select(*columns).join(Unit, Agent.unit == Unit.code).order_by(Agent.unit, Agent.id)
        if unit is not None:
            query = query.where(Agent.unit == unit)
        if district is not None:
            query = query.where(Unit.district == district)
        if only is not None:
            query = query.where(Agent.id.in_(only))
        if only_revoked:
            query = query.where(Agent.revoked_at.is_not(None))
        if not merged:
            query = query.where(Agent.merged_into.is_(None))
        with self.database.read() as connection:
            rows = connection.execute(query).all()
        return [_agent_fact(*row) for row in rows]

    def sightings(
        self, unit: str | None = None, district: str | None = None
    ) -> list[tuple[str, str, float | None, bool]]:
        """Of each agent that may push (of a unit or a district): its id and unit, when it was heard, if it stopped."""
        query = select(Agent.id, Agent.unit, Agent.last_seen, Agent.stopped)
        query = query.where(Agent.revoked_at.is_(None), Agent.merged_into.is_(None))
        if unit is not None:
            query = query.where(Agent.unit == unit)
        if district is not None:
            query = query.join(Unit, Agent.unit == Unit.code).where(Unit.district == district)
        with self.database.read() as connection:
            return [(row[0], row[1], row[2], row[3]) for row in connection.execute(query)]

    def units(
        self, code: str | None = None, district: str | None = None, *, only: Collection[str] | None = None
    ) -> list[UnitFact]:
        """All units by code; with `code` that one, if there is one; with `district` those of it; or `only` these."""
        query = select(Unit.code, Unit.name, Unit.district, Unit.level).order_by(Unit.code)
        if code is not None:
            query = query.where(Unit.code == code)
        if district is not None:
            query = query.where(Unit.district == district)
        if only is not None:
            query = query.where(Unit.code.in_(only))
        with self.database.read() as connection:
            return [UnitFact(*row) for row in connection.execute(query)]

    def open_incidents(self, unit: str | None = None, district: str | None = None) -> list[IncidentFact]:
        """Incidents (of one unit, or district) that still fire, the newest first.

        One of a unit is of the district where that lies, whatever its alert says.
        """
        columns = (
            Incident.fingerprint, Incident.alertname, Incident.unit, Incident.district, Incident.severity,
            Incident.category, Incident.starts_at, Incident.ends_at, Incident.labels, Incident.annotations,
        )  # fmt: skip
        query = select(*columns).where(Incident.status == "firing").order_by(Incident.starts_at.desc(), Incident.id)
        if unit is not None:
            query = query.where(Incident.unit == unit)
        if district is not None:
            lies_in = func.coalesce(Unit.district, Incident.district)
            query = query.outerjoin(Unit, Incident.unit == Unit.code).where(lies_in == district)
        with self.database.read() as connection:
            return [IncidentFact(**row) for row in connection.execute(query).mappings()]

    def revoke_agent(self, agent: str, also: Callable[[Session], None] | None = None) -> bool:
        """Take an agent's right to push away for good. False: there is no such agent.

        `also` writes what belongs to it in the same transaction.
        """
        with self.database.write() as session:
            found = session.get(Agent, agent)
            if found is None:
                return False
            found.revoked_at = found.revoked_at or datetime.now(UTC)
            if also:
                also(session)
            return True

    def close(self) -> None:
        self.database.close()


def _agent_fact(
    agent: str, unit: str, district: str, roles: str, version: str, system: str, since: datetime,
    seen: float | None, stopped: bool, revoked_at: datetime | None, *more: Any,
) -> AgentFact:  # fmt: skip
    gone, words = revoked_at is not None, tuple(roles.split())
    return AgentFact(agent, unit, district, words, version, system, since, seen, stopped, gone, *more)
