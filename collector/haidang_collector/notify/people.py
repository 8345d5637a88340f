"""Who is in charge of an incident, from the registry, the accounts and the settings; in the order they are told."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import or_, select

from haidang_collector.access.tables import Account
from haidang_collector.registry.models import Contact, Unit

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from sqlalchemy.orm import Session

    from haidang_collector.notify.settings import NotifySettings, Receiver

    _Address = tuple[str, str]


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
    """Who they are at one moment, for `places` alone: the database is asked once, not for each."""

    def __init__(
        self, session: Session, settings: NotifySettings, places: Iterable[Place], today: date, *, quiet: bool
    ) -> None:
        self._settings = settings
        self._today = today
        self._quiet = quiet
        self._known: dict[tuple[Receiver, Place], list[Person]] = {}
        units = {place.unit for place in places if place.unit}
        in_registry = session.execute(select(Unit.code, Unit.district).where(Unit.code.in_(units)))
        self._districts = dict(in_registry.all())
        self._contacts = _contacts(session, units)
        self._accounts = _accounts(session, units)

    def levels(self, place: Place, category: str, severity: str) -> list[list[Person]]:
        """Nobody twice; levels without anybody who can be told are left out."""
        seen: set[str] = set()
        found = []
        for receivers in self._settings.route_of(category, severity, quiet=self._quiet).tell:
            level = []
            for person in (person for receiver in receivers for person in self._of(receiver, place)):
                if person.email not in seen:
                    seen.add(person.email)
                    level.append(person)
            if level:
                found.append(level)
        return found

    def _of(self, receiver: Receiver, place: Place) -> list[Person]:
        key = (receiver, place)
        if key not in self._known:
            found = (Person(email.lower(), name, receiver) for email, name in self._look_up(receiver, place))
            self._known[key] = [self._or_deputy(person) for person in found]
        return self._known[key]

    def _look_up(self, receiver: Receiver, place: Place) -> list[_Address]:
        if receiver == "security":
            team = self._settings.security
            return [(email, team.name) for email in team.email]
        if receiver == "city":
            return self._operators(None, None)
        if receiver == "district":
            district = self._district(place)
            return self._operators(district, None) if district else []
        if place.unit is None:
            return []
        contacts = self._contacts[place.unit, receiver]
        return contacts + self._operators(None, place.unit) if receiver == "officer" else contacts

    def _operators(self, district: str | None, unit: str | None) -> list[_Address]:
        """Accounts of that scope: operators; where there is none, administrators."""
        return self._accounts[district, unit, "operator"] or self._accounts[district, unit, "administrator"]

    def _district(self, place: Place) -> str | None:
        """Where the unit is now; the alert's word where the registry does not know it."""
        return self._districts.get(place.unit or "") or place.district

    def _or_deputy(self, person: Person) -> Person:
        for deputy in self._settings.deputy:
            if deputy.of == person.email and deputy.first <= self._today <= deputy.last:
                return Person(deputy.email, deputy.name, person.receiver)
        return person


def without_address(session: Session, unit: str) -> list[str]:
    """Names of the unit's contacts whom nobody can tell anything."""
    query = select(Contact.name).where(Contact.unit == unit, Contact.email.is_(None)).order_by(Contact.name)
    return list(session.scalars(query))


def _contacts(session: Session, units: set[str]) -> defaultdict[tuple[str, str], list[_Address]]:
    """By unit and role."""
    query = select(Contact.unit, Contact.role, Contact.email, Contact.name).order_by(Contact.name)
    found: defaultdict[tuple[str, str], list[_Address]] = defaultdict(list)
    for unit, role, email, name in session.execute(query.where(Contact.unit.in_(units))):
        if email:
            found[unit, role].append((email, name))
    return found


def _accounts(session: Session, units: set[str]) -> defaultdict[tuple[str | None, str | None, str], list[_Address]]:
    """Of these units, and of all districts and the city; by district, unit and role."""
    query = select(Account.district, Account.unit, Account.role, Account.email, Account.name).order_by(Account.login)
    wanted = or_(Account.unit.is_(None), Account.unit.in_(units))
    found: defaultdict[tuple[str | None, str | None, str], list[_Address]] = defaultdict(list)
    for district, unit, role, email, name in session.execute(query.where(wanted, Account.disabled.is_(False))):
        if email:
            found[district, unit, role].append((email, name))
    return found
