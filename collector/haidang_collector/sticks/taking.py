"""Who a frame is from, and that it is in the store: what the registry knows of exports."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sqlalchemy import select

from haidang_collector.registry.fleet_tables import ImportedFrame
from haidang_collector.registry.signers import signer
from haidang_collector.sticks.file import BadExportError

if TYPE_CHECKING:
    from haidang_collector.registry.database import Database
    from haidang_collector.registry.facts import Identity
    from haidang_collector.sticks.file import Frame


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


def is_stored(database: Database, who: Identity, frame: Frame) -> bool:
    """Whether it was imported before."""
    with database.read() as connection:
        key = (ImportedFrame.agent == who.agent, ImportedFrame.export == frame.export)
        return (
            connection.scalar(select(ImportedFrame.number).where(*key, ImportedFrame.number == frame.number))
            is not None
        )


def keep_stored(database: Database, who: Identity, frame: Frame, samples: int) -> None:
    """From now on the agent is told that it need not send this part."""
    with database.write() as session:
        session.merge(
            ImportedFrame(
                agent=who.agent, export=frame.export, number=frame.number, samples=samples, at=datetime.now(UTC)
            )
        )
