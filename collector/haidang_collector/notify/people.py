"""Who is in charge of an incident, from the registry, the accounts and the settings; in the order they are told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import select

from haidang_collector.access.tables import Account
from haidang_collector.registry.models import Contact, Unit

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from sqlalchemy import ColumnElement
    from sqlalchemy.orm import Session

    from haidang_collector.notify.settings import NotifySettings, Receiver


@dataclass(frozen=True, slots=True)
class Person:
    """Whom to tell, by e-mail address (lower case); `receiver` says as what."""

    email: str
    name: str
    receiver: Receiver


class Place(NamedTuple):
    """What an alert is about; both None: the city."""

    unit: str | None
    district: str | None


class People:
    """Asks the database within one transaction, and remembers; for one notification or one command."""

    def __init__(self, session: Session, settings: NotifySettings, today: date) -> None:
        self._session = session
        self._settings = settings
        self._today = today
        self._known: dict[tuple[Receiver, Place], list[Person]] = {}

    def levels(self, place: Place, category: str, severity: str) -> list[list[Person]]:
        """Nobody twice; levels without anybody who can be told are left out."""
        seen: set[str] = set()
        found = []
        for receivers in self._settings.route_of(category, severity).tell:
            level = []
            for person in (person for receiver in receivers for person in self._of(receiver, place)):
                if person.email not in seen:
                    seen.add(person.email)
                    level.append(person)
            if level:
                found.append(level)
        return found

    def without_address(self, unit: str) -> list[str]:
        """Names of the unit's contacts whom nobody can tell anything."""
        query = select(Contact.name).where(Contact.unit == unit, Contact.email.is_(None)).order_by(Contact.name)
        return list(self._session.scalars(query))

    def _of(self, receiver: Receiver, place: Place) -> list[Person]:
        key = (receiver, place)
        if key not in self._known:
            self._known[key] = [self._or_deputy(person) for person in self._look_up(receiver, place)]
        return self._known[key]

    def _look_up(self, receiver: Receiver, place: Place) -> Iterable[Person]:
        if receiver == "security":
            team = self._settings.security
            return [Person(email, team.name, receiver) for email in team.email]
        if receiver == "city":
            return self._operators(receiver, Account.district.is_(None), Account.unit.is_(None))
        if receiver == "district":
            district = self._district(place)
            return self._operators(receiver, Account.district == district) if district else []
        if place.unit is None:
            return []
        query = select(Contact.email, Contact.name).where(Contact.unit == place.unit, Contact.role == receiver)
        rows = self._session.execute(query.where(Contact.email.is_not(None)).order_by(Contact.name)).all()
        contacts = [Person(email.lower(), name, receiver) for email, name in rows if email]
        if receiver == "officer":
            contacts += self._operators(receiver, Account.unit == place.unit)
        return contacts

    def _operators(self, receiver: Receiver, *where: ColumnElement[bool]) -> list[Person]:
        """Accounts of that scope: operators; where there is none, administrators."""
        query = (
            select(Account.email, Account.name, Account.role)
            .where(Account.email.is_not(None), Account.disabled.is_(False), *where)
            .order_by(Account.login)
        )
        rows = self._session.execute(query).all()
        wanted = "operator" if any(role == "operator" for *_, role in rows) else "administrator"
        return [Person(email.lower(), name, receiver) for email, name, role in rows if email and role == wanted]

    def _district(self, place: Place) -> str | None:
        """Where the unit is now; the alert's word where the registry does not know it."""
        if place.unit is None:
            return place.district
        return self._session.scalar(select(Unit.district).where(Unit.code == place.unit)) or place.district

    def _or_deputy(self, person: Person) -> Person:
        for deputy in self._settings.deputy:
            if deputy.of == person.email and deputy.first <= self._today <= deputy.last:
                return Person(deputy.email, deputy.name, person.receiver)
        return person
