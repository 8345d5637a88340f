"""Who wrote a frame: the registry's word, by the signature alone. The relay's word counts for nothing."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Literal

from anyio import to_thread

from haidang_collector.auth import KNOWN_SECONDS
from haidang_collector.ingest.memory import Memory
from haidang_collector.registry.signers import signer

if TYPE_CHECKING:
    from collections.abc import Callable

    from haidang_collector.registry.database import Database
    from haidang_collector.registry.facts import Identity
    from haidang_collector.registry.signers import Signer
    from haidang_collector.relay.frame import Frame

REMEMBERED = 20_000

Fault = Literal["unknown", "unit", "revoked", "signature"]


class NotTheirsError(Exception):
    """The frame can never be taken; `fault` is the closed set of the metric, the text is for a person."""

    def __init__(self, fault: Fault, text: str) -> None:
        super().__init__(text)
        self.fault: Fault = fault


class Writers:
    """For one event loop. What the registry said holds as long as for the agents' own door."""

    def __init__(self, database: Database, clock: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._known: Memory[Signer] = Memory(KNOWN_SECONDS, REMEMBERED, clock)

    async def of(self, frame: Frame, relay: Identity) -> Identity:
        """Raises NotTheirsError, SQLAlchemyError."""
        found = await self._signer(frame)
        if found.unit != relay.unit:
            raise NotTheirsError("unit", f"{frame.agent} is not of the unit of this relay")
        if found.revoked_at:
            raise NotTheirsError("revoked", f"{frame.agent} is revoked")
        return found.identity

    async def _signer(self, frame: Frame) -> Signer:
        """The registry is asked again where what is remembered does not fit: the key may be new. Raises as `of`."""
        known = self._known.get(frame.agent)
        if known is not None and await to_thread.run_sync(known.has_signed, frame.is_signed_by):
            return known
        found = await to_thread.run_sync(signer, self._database, frame.agent)
        if found is None:
            raise NotTheirsError("unknown", f"there is no agent {frame.agent!r}")
        self._known.put(frame.agent, found)
        if not await to_thread.run_sync(found.has_signed, frame.is_signed_by):
            raise NotTheirsError(
                "signature", f"it is not signed with the key of {frame.agent}: it was changed, or the key was"
            )
        return found
