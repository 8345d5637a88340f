"""By whose key something is signed that another hand brings: a relay, or an operator with a stick."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import func, select
from sqlalchemy.orm import aliased

from haidang_collector.registry.facts import Identity
from haidang_collector.registry.models import Agent, Unit

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from haidang_collector.registry.database import Database


class Signer(NamedTuple):
    """An agent, and the hashes of its keys. `revoked_at`: its own end, or that of the agent it counts as."""

    agent: str
    key_hash: str
    next_key_hash: str | None
    revoked_at: datetime | None
    merged_into: str | None
    unit: str
    district: str

    def has_signed(self, is_signed_by: Callable[[str], bool]) -> bool:
        """`is_signed_by` tells it of the hash of one key; an agent that takes a new one has two for a while."""
        return any(is_signed_by(digest) for digest in (self.key_hash, self.next_key_hash) if digest)

    @property
    def identity(self) -> Identity:
        """As whom it counts."""
        if self.merged_into:
            return Identity(self.merged_into, self.unit, self.district, issued=self.agent)
        return Identity(self.agent, self.unit, self.district)


def signer(database: Database, agent: str) -> Signer | None:
    """None: there is no such agent. Raises SQLAlchemyError."""
    counts_as = aliased(Agent)
    revoked = func.coalesce(Agent.revoked_at, counts_as.revoked_at)
    columns = (Agent.id, Agent.key_hash, Agent.next_key_hash, revoked, Agent.merged_into, Agent.unit, Unit.district)
    query = select(*columns).join(Unit, Agent.unit == Unit.code)
    query = query.outerjoin(counts_as, Agent.merged_into == counts_as.id).where(Agent.id == agent)
    with database.read() as connection:
        row = connection.execute(query).one_or_none()
    return None if row is None else Signer(*row)
