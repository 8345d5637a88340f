"""The online systems that agents are told to ask for: `[[service]]` of the configuration of all, or of a district."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from haidang_reach.address import parse
from sqlalchemy import select

from haidang_collector.access.audit import record
from haidang_collector.registry.agent_config import check
from haidang_collector.registry.config_layers import DEFAULT, Layer
from haidang_collector.registry.config_versions import given, in_force, put
from haidang_collector.registry.fleet_tables import ConfigVersion
from haidang_collector.registry.models import URL_LENGTH

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from haidang_collector.registry.database import Database

BUILT_IN = Path(__file__).with_name("services.toml")
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
_LONGEST_MATCH = 200
EDITED = ("name", "url", "match")
"""What commands and pages set; `status` and `family` come from a file (`haidang units config --default --set`)."""

Service = dict[str, Any]


class BadServiceError(ValueError):
    """A service that cannot be told to agents: which field (name, url or match), and why."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(reason)
        self.field = field


def built_in() -> list[Service]:
    """The sector's systems, requirement R12."""
    services: list[Service] = tomllib.loads(BUILT_IN.read_text(encoding="utf-8"))["service"]
    return services


def told(database: Database, district: str = "") -> list[Service]:
    """What all units are told to ask for, or what a district's are beside and over that; in that order."""
    services: list[Service] = in_force(database, _layer(district)).get("service", [])
    return services


def adopt(database: Database, who: str) -> list[str]:
    """Add the built-in ones that are not told yet; those that are stay as they are. The names of the new ones."""
    while True:
        number, services = _in_force(database, "")
        known = {service["name"] for service in services}
        new = [service for service in built_in() if service["name"] not in known]
        names = [service["name"] for service in new]
        deed = Deed(who, "service.adopted", " ".join(names), {})
        if not new or _told_now(database, "", number, services + new, deed):
            return names


class ChangedError(Exception):
    """Others changed the service since it was `shown`; `now` is what is told of it now, None if nothing is."""

    def __init__(self, now: Service | None) -> None:
        super().__init__("others changed it meanwhile")
        self.now = now


def shown(service: Service | None) -> str:
    """What of it the forms show, to know whether others changed it meanwhile; empty where there is none."""
    return f"{service['url']} {service.get('match', '')}".strip() if service and "url" in service else ""


def set_service(database: Database, service: Service, who: str, district: str = "", *, seen: str | None = None) -> None:
    """Add one, or put it in the place of that of its name; what the forms do not show of that stays.

    A district's has the text of its own page to show, none where `service` has none, whatever the city's has. `seen` is
    what was `shown` to who edits it; None: it is set whatever stands there. Raises BadServiceError; ChangedError;
    ConfigLayerError for a district without units.
    """
    if district:
        service = {"match": "", **service}
    name, match = service["name"], service.get("match", "")
    if not _NAME.fullmatch(name):
        raise BadServiceError("name", f"{name!r}: write a name of small letters, digits, '-' and '_', at most 40")
    if len(match) > _LONGEST_MATCH or not match.isprintable():
        raise BadServiceError("match", f"match: write one line of at most {_LONGEST_MATCH} characters")
    if len(service["url"]) > URL_LENGTH:
        raise BadServiceError("url", f"the address has more than {URL_LENGTH} characters")
    if not service["url"].isprintable():
        raise BadServiceError("url", "the address has control characters in it; leave them out")
    try:
        parse(service["url"])
    except ValueError as wrong:
        raise BadServiceError("url", str(wrong)) from wrong
    while True:
        number, services = _in_force(database, district)
        by_name = {each["name"]: each for each in services}
        if seen is not None and shown(by_name.get(name)) != seen:
            raise ChangedError(by_name.get(name))
        hidden = {key: value for key, value in by_name.get(name, {}).items() if key not in EDITED}
        by_name[name] = hidden | service
        if _told_now(database, district, number, list(by_name.values()), Deed(who, "service.set", name, service)):
            return


def remove(database: Database, name: str, who: str, district: str = "", *, seen: str | None = None) -> bool:
    """False: it was not told. Raises ChangedError, as `set_service`."""
    while True:
        number, services = _in_force(database, district)
        left = [service for service in services if service["name"] != name]
        if len(left) == len(services):
            return False
        there = next(service for service in services if service["name"] == name)
        if seen is not None and shown(there) != seen:
            raise ChangedError(there)
        if _told_now(database, district, number, left, Deed(who, "service.removed", name, {})):
            return True


class Deed(NamedTuple):
    """For the audit log."""

    who: str
    what: str
    subject: str
    detail: Service


class _OvertakenError(Exception):
    """Others changed the configuration between the reading and the writing."""


def _layer(district: str) -> Layer:
    return Layer("district", district) if district else DEFAULT


def _in_force(database: Database, district: str) -> tuple[int, list[Service]]:
    """The version of the layer, 0 where nothing is set, and the services in it."""
    with database.read() as connection:
        for _, number, tables in given(connection, [_layer(district)]):
            return number, tables.get("service", [])
    return 0, []


def _told_now(database: Database, district: str, number: int, services: list[Service], deed: Deed) -> bool:
    """False where the version `number` is not in force any more: nothing was changed. With the deed, or not at all."""
    layer = _layer(district)
    tables = {**in_force(database, layer), "service": services}
    check(tables)

    def also(session: Session) -> None:
        newest = select(ConfigVersion.after).where(ConfigVersion.layer == layer.kind, ConfigVersion.name == layer.name)
        if session.scalar(newest.order_by(ConfigVersion.number.desc()).limit(1)) != number:
            raise _OvertakenError
        record(session, deed.who, deed.what, deed.subject, deed.detail, district=district or None)

    try:
        put(database, layer, tables, deed.who, also=also)
    except _OvertakenError:
        return False
    return True
