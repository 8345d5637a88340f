"""Who a frame is from, and that it is in the store: what the registry knows of exports.

A store that took a part may still lose it when its power goes (docs/decisions/0010). So the part is noted with the run
of the store that took it, and counts as taken while that run lasts. When it has lasted for two minutes more, the part
is safe: it counts as taken for good, and its agent is told that it need not send it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import delete, select, update
from sqlalchemy.exc import SQLAlchemyError

from haidang_collector.registry.fleet_tables import ImportedFrame
from haidang_collector.registry.signers import signer
from haidang_collector.sticks.file import BadExportError

if TYPE_CHECKING:
    from haidang_collector.ingest.store_start import StoreStart
    from haidang_collector.registry.database import Database
    from haidang_collector.registry.facts import Identity
    from haidang_collector.sticks.file import Frame

log = logging.getLogger(__name__)

SAFE_SECONDS = 120.0
"""As long as agents keep what was confirmed."""
LOOK_SECONDS = 30.0
KEPT = timedelta(days=90)


def sender(database: Database, frame: Frame) -> Identity:
    """Raises BadExportError for whoever may not push, and for what is not signed with the agent's key."""
    found = signer(database, frame.agent)
    if found is None:
        raise BadExportError(f"there is no agent {frame.agent!r} here; is it another centre's?")
    if not found.has_signed(frame.is_signed_by):
        raise BadExportError(
            "its signature is not of the agent's key: it was changed, or the agent got a new key or identity since "
            "and sends what it still has by itself"
        )
    if found.revoked_at:
        raise BadExportError(f"{frame.agent} is revoked")
    return found.identity


def is_stored(database: Database, who: Identity, frame: Frame, store_since: str) -> bool:
    """Whether it was imported before, and the store has not begun anew before it was safe."""
    part = (
        ImportedFrame.agent == who.agent,
        ImportedFrame.export == frame.export,
        ImportedFrame.number == frame.number,
    )
    with database.read() as connection:
        return connection.scalar(select(ImportedFrame.store_since).where(*part)) in ("", store_since)


def keep_stored(database: Database, who: Identity, frame: Frame, samples: int, store_since: str) -> None:
    """A store that runs since `store_since` has it; empty: it never tells, and the part counts as safe.

    With the first part of an export go those of long ago: their agents have heard of them, or sent them again.
    """
    with database.write() as session:
        if frame.number == 0:
            session.execute(delete(ImportedFrame).where(ImportedFrame.at < datetime.now(UTC) - KEPT))
        session.merge(
            ImportedFrame(
                agent=who.agent,
                export=frame.export,
                number=frame.number,
                samples=samples,
                at=datetime.now(UTC),
                store_since=store_since,
            )
        )


def mark_safe(database: Database, store_since: str, now: float) -> None:
    """What the store that runs since `store_since` has had for long enough, now that it is seen to run on."""
    before = datetime.fromtimestamp(now, UTC) - timedelta(seconds=SAFE_SECONDS)
    had = (ImportedFrame.store_since == store_since, ImportedFrame.at <= before)
    with database.read() as connection:
        if connection.scalar(select(ImportedFrame.number).where(*had).limit(1)) is None:
            return
    with database.write() as session:
        session.execute(update(ImportedFrame).where(*had).values(store_since=""))


async def keep_marking(database: Database, store_start: StoreStart) -> None:
    """Until cancelled. For one of the processes that share a registry."""
    while True:
        try:
            since = await running_since(store_start)
            if since:
                await asyncio.to_thread(mark_safe, database, since, time.time())
        except SQLAlchemyError as failed:
            log.warning("agents are not told yet what came on sticks: %s", failed)
        except Exception:
            log.exception("agents are not told yet what came on sticks")
        await asyncio.sleep(LOOK_SECONDS)


async def running_since(store_start: StoreStart) -> str:
    """Empty where it is not known just now. To be asked before a part is given to the store."""
    return (await store_start.header()).get("Haidang-Store-Since", "")
