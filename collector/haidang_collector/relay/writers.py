"""Who wrote a frame: the registry's word, by the signature alone. The relay's word counts for nothing."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Literal, NamedTuple

from anyio import to_thread
from sqlalchemy import func, select
from sqlalchemy.orm import aliased

from haidang_collector.auth import KNOWN_SECONDS
from haidang_collector.ingest.memory import Memory
from haidang_collector.registry.facts import Identity
from haidang_collector.registry.models import Agent, Unit

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from haidang_collector.registry.database import Database
    from haidang_collector.relay.frame import Frame

REMEMBERED = 20_000

Fault = Literal["unknown", "unit", "revoked", "signature"]


class NotTheirsError(Exception):
    """The frame can never be taken; `fault` is the closed set of the metric, the text is for a person."""

    def __init__(self, fault: Fault, text: str) -> None:
        super().__init__(text)
        self.fault: Fault = fault


class _Agent(NamedTuple):
    key_hash: str
    next_key_hash: str | None
    revoked_at: datetime | None
    merged_into: str | None
    unit: str
    district: str


class Writers:
    """For one event loop. What the registry said holds as long as for the agents' own door."""

    def __init__(self, database: Database, clock: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._known: Memory[_Agent] = Memory(KNOWN_SECONDS, REMEMBERED, clock)

    async def of(self, frame: Frame, relay: Identity) -> Identity:
        """Raises NotTheirsError, SQLAlchemyError."""
        found = self._known.get(frame.agent)
        signed = found is not None and await to_thread.run_sync(_is_signed, frame, found)
        if not signed:
            found = await to_thread.run_sync(self._look_up, frame.agent)
        if found is None:
            raise NotTheirsError("unknown", f"there is no agent {frame.agent!r}")
        if not signed:
            self._known.put(frame.agent, found)
        if not (signed or await to_thread.run_sync(_is_signed, frame, found)):
            raise NotTheirsError(
                "signature", f"it is not signed with the key of {frame.agent}: it was changed, or the key was"
            )
        if found.unit != relay.unit:
            raise NotTheirsError("unit", f"{frame.agent} is not of the unit of this relay")
        if found.revoked_at:
            raise NotTheirsError("revoked", f"{frame.agent} is revoked")
        if found.merged_into:
            return Identity(found.merged_into, found.unit, found.district, issued=frame.agent)
        return Identity(frame.agent, found.unit, found.district)

    def _look_up(self, agent: str) -> _Agent | None:
        counts_as = aliased(Agent)
        revoked = func.coalesce(Agent.revoked_at, counts_as.revoked_at)
        columns = (Agent.key_hash, Agent.next_key_hash, revoked, Agent.merged_into, Agent.unit, Unit.district)
        query = select(*columns).join(Unit, Agent.unit == Unit.code)
        query = query.outerjoin(counts_as, Agent.merged_into == counts_as.id).where(Agent.id == agent)
        with self._database.read() as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else _Agent(*row)


def _is_signed(frame: Frame, agent: _Agent) -> bool:
    return any(frame.is_signed_by(digest) for digest in (agent.key_hash, agent.next_key_hash) if digest)
