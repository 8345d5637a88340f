"""Units' services for parents (requirement R13): those that are told of, and how they answer the centre.

They are those of the unit's `[[service]]`, whoever told it: the registry (`public_services`), the city, its district or
the unit's own tables; by the name, which begins with `public_`. The same page of many units is asked for once.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from haidang_reach.address import parse
from haidang_reach.answer import Answer
from haidang_reach.exchange import Question, exchange
from sqlalchemy import select

from haidang_collector.centre.records import present
from haidang_collector.centre.tables import REASON_LENGTH, SERVICE_LENGTH, ServiceLook
from haidang_collector.registry.agent_config import PUBLIC, merge, public_service
from haidang_collector.registry.models import (
    URL_LENGTH,
    DefaultConfig,
    DistrictConfig,
    PublicService,
    Unit,
    UnitConfig,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from haidang_reach.exchange import Way
    from haidang_reach.resolving import Family
    from haidang_reach.waiting import Task
    from sqlalchemy import Connection

    from haidang_collector.registry.agent_config import Tables
    from haidang_collector.registry.database import Database

ANSWER_SECONDS = 15.0
FAMILIES: dict[object, Family] = {"ipv4": "ipv4", "ipv6": "ipv6"}
"""Any other word: whichever answers first, as a browser does."""
_NAME = re.compile(rf"(?=.{{1,{SERVICE_LENGTH}}}\Z){PUBLIC}([a-z0-9]+)[a-z0-9_-]*")


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked for: as `[[service]]` of an agent has it."""

    url: str
    match: str = ""
    statuses: tuple[int, ...] = ()
    family: Family = ""


@dataclass(frozen=True, slots=True)
class Told:
    """A service of a unit. `seasons` are names of the calendar's: in one of them it is asked for above all."""

    unit: str
    district: str
    service: str
    asked: Asked
    seasons: tuple[str, ...]

    @property
    def site(self) -> str:
        """The host, which many units may share; empty where the address is none."""
        try:
            return parse(self.asked.url).host
        except ValueError:
            return ""


def told(database: Database, units: Collection[str] = ()) -> list[Told]:
    """Of `units`, or of all where none is named; by unit and service."""
    with database.read() as connection:
        layers = _Layers(connection)
        known = connection.execute(select(Unit.code, Unit.district).order_by(Unit.code)).all()
    return [
        service for unit, district in known if not units or unit in units for service in layers.services(unit, district)
    ]


def questions(services: Iterable[Told]) -> dict[Asked, list[Told]]:
    """What has to be asked for, and whose it is."""
    by_question: defaultdict[Asked, list[Told]] = defaultdict(list)
    for service in services:
        by_question[service.asked].append(service)
    return dict(by_question)


def look(asked: Asked, way: Way) -> Task[tuple[Asked, Answer]]:
    """Never raises for what the network does."""
    try:
        address = parse(asked.url)
    except ValueError as wrong:
        return asked, Answer(parse("http://invalid/"), fault="name_unknown", detail=str(wrong))
    question = Question(address, ANSWER_SECONDS, asked.family, asked.statuses, asked.match)
    answer = yield from exchange(question, way)
    answer.body = b""  # answers wait to be kept, pages need not
    return asked, answer


def keep(database: Database, looks: Sequence[tuple[Told, Answer]], now: float) -> None:
    with database.write() as session:
        there = present(session, {service.unit for service, _ in looks})
        for service, answer in looks:
            if service.unit not in there:
                continue
            session.merge(
                ServiceLook(
                    unit=service.unit,
                    service=service.service,
                    url=service.asked.url,
                    looked_at=now,
                    fault=answer.fault,
                    detail=answer.detail[:REASON_LENGTH],
                )
            )


class _Layers:
    """Who told of which service, from the widest to the unit's own word."""

    def __init__(self, connection: Connection) -> None:
        self._city = _public(connection.scalar(select(DefaultConfig.tables)))
        self._districts = {
            name: _public(tables)
            for name, tables in connection.execute(select(DistrictConfig.district, DistrictConfig.tables))
        }
        self._own = {
            unit: _public(tables) for unit, tables in connection.execute(select(UnitConfig.unit, UnitConfig.tables))
        }
        self._registered: defaultdict[str, list[Tables]] = defaultdict(list)
        self._seasons: dict[tuple[str, str], str] = {}
        columns = (PublicService.unit, PublicService.service, PublicService.url, PublicService.season)
        for unit, service, url, season in connection.execute(select(*columns).order_by(PublicService.service)):
            self._registered[unit].append(public_service(service, url))
            if season:
                self._seasons[unit, f"{PUBLIC}{service}"] = season

    def services(self, unit: str, district: str) -> list[Told]:
        entries: Tables = {}
        for layer in (
            self._city,
            self._districts.get(district),
            {"service": self._registered.get(unit, [])},
            self._own.get(unit),
        ):
            entries = merge(entries, layer or {})
        found = (self._service(unit, district, entry) for entry in entries.get("service", []))
        return sorted(filter(None, found), key=lambda service: service.service)

    def _service(self, unit: str, district: str, entry: Mapping[str, object]) -> Told | None:
        """None for a name or an address that the centre does not take."""
        name, url = str(entry["name"]), entry.get("url")
        named = _NAME.fullmatch(name)
        if named is None or not isinstance(url, str) or len(url) > URL_LENGTH or not url.isprintable():
            return None
        seasons = tuple(self._seasons.get((unit, name), named[1]).split())
        return Told(unit, district, name, _asked(entry, url), seasons)


def _asked(entry: Mapping[str, object], url: str) -> Asked:
    match, statuses = entry.get("match", ""), entry.get("status", ())
    return Asked(
        url,
        match if isinstance(match, str) else "",
        tuple(each for each in statuses if isinstance(each, int)) if isinstance(statuses, list) else (),
        FAMILIES.get(entry.get("family"), ""),
    )


def _public(tables: Tables | None) -> Tables:
    """Of a configuration only what is for parents."""
    entries = (tables or {}).get("service", [])
    return {"service": [entry for entry in entries if entry["name"].startswith(PUBLIC)]}
