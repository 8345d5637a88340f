"""One unit's facts, as somebody changes them by hand; what others changed meanwhile is never overwritten unseen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import delete, func, select
from sqlalchemy.exc import IntegrityError

from haidang_collector.centre.tables import PortalLook, PortalMemory, ServiceLook
from haidang_collector.registry.config_layers import Layer
from haidang_collector.registry.config_versions import forget
from haidang_collector.registry.fact_import import Fact, all_facts
from haidang_collector.registry.fact_kinds import KINDS
from haidang_collector.registry.history import ChangeFact, history_of
from haidang_collector.registry.models import (
    Agent,
    Change,
    Enrolment,
    EnrolmentToken,
    OutsideAddress,
    OutsideConsent,
    OutsidePort,
    Unit,
    UnitConfig,
    UnitKey,
)
from haidang_collector.registry.tokens import UnknownUnitError
from haidang_collector.registry.units_import import UnitRecord, one_unit

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sqlalchemy.orm import Session

    from haidang_collector.registry.database import Database

UNITS = "units"
"""What the history calls the unit's own facts."""


class ChangedMeanwhileError(Exception):
    """Others changed the same facts after they were shown."""


class TakenCodeError(Exception):
    """There is a unit of this code already, perhaps with other capitals."""


class UnitInUseError(Exception):
    """The unit cannot be removed: `agents` may still push, or `accounts` belong to it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class UnitSheet:
    """A unit with everything that is known of it; `history` is newest first."""

    unit: UnitRecord
    facts: Mapping[str, Sequence[Fact]]
    history: Sequence[ChangeFact]

    def seen(self, what: str) -> int:
        """The newest change of a kind of facts that this sheet has in it; 0: none was ever changed."""
        return max((change.id for change in self.history if change.what == what), default=0)

    def since(self, what: str, seen: int) -> list[ChangeFact]:
        """The changes of a kind of facts after one that somebody saw."""
        return [change for change in self.history if change.what == what and change.id > seen]


def unit_sheet(database: Database, code: str) -> UnitSheet:
    """Raises UnknownUnitError.

    The history is read first: what is changed between the readings is then taken for a change of others, which is
    shown, and never for one that was seen.
    """
    history = history_of(database, code)
    unit = one_unit(database, code)
    if unit is None:
        raise UnknownUnitError(code)
    return UnitSheet(unit, {word: all_facts(database, kind, code) for word, kind in KINDS.items()}, history)


def unless_changed(unit: str, what: str, seen: int) -> Callable[[Session], None]:
    """For `first` of an import. It raises ChangedMeanwhileError, or UnknownUnitError for a unit that is gone.

    The unit's row is locked, so of two who saw the same one is told.
    """

    def check(session: Session) -> None:
        if session.get(Unit, unit, with_for_update=True) is None:
            raise UnknownUnitError(unit)
        newest = select(func.max(Change.id)).where(Change.unit == unit, Change.what == what)
        if (session.scalar(newest) or 0) != seen:
            raise ChangedMeanwhileError(what)

    return check


def alone(session: Session) -> None:
    """For `first` of an import of what was previewed: nobody else changes facts of a unit before it is done."""
    session.execute(select(Unit.code).order_by(Unit.code).with_for_update())


def unless_taken(unit: str) -> Callable[[Session], None]:
    """For `first` of an import that adds a unit. It raises TakenCodeError."""

    def check(session: Session) -> None:
        if session.scalar(select(Unit.code).where(func.lower(Unit.code) == unit.lower())) is not None:
            raise TakenCodeError(unit)

    return check


def remove_unit(database: Database, code: str, also: Callable[[Session], None]) -> None:
    """Takes a unit out with its facts, their history, its tokens and revoked agents; incidents stay.

    `also` writes to the audit log in the same transaction. Raises UnknownUnitError, UnitInUseError.
    """
    try:
        with database.write() as session:
            if session.get(Unit, code) is None:
                raise UnknownUnitError(code)
            if session.scalar(select(Agent.id).where(Agent.unit == code, Agent.revoked_at.is_(None)).limit(1)):
                raise UnitInUseError("agents")
            also(session)
            agents = select(Agent.id).where(Agent.unit == code)
            session.execute(delete(Enrolment).where(Enrolment.agent.in_(agents)))
            forget(session, [Layer("unit", code), *(Layer("agent", agent) for agent in session.scalars(agents))])
            facts = [kind.model.__table__ for kind in KINDS.values()]
            own = (Change, Agent, EnrolmentToken, UnitKey, UnitConfig, OutsideConsent, OutsideAddress, OutsidePort)
            looks = (PortalLook, PortalMemory, ServiceLook)
            for table in (*facts, *(model.__table__ for model in (*own, *looks))):
                session.execute(delete(table).where(table.c.unit == code))  # type: ignore[arg-type]  # declared as FromClause, is a Table
            session.execute(delete(Unit).where(Unit.code == code))
    except IntegrityError as still:
        raise UnitInUseError("accounts") from still
