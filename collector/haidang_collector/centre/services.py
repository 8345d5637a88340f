"""The online systems that agents are told to ask for: `[[service]]` of the configuration of all, or of a district."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from haidang_reach.address import parse
from sqlalchemy import func, select

from haidang_collector.access.audit import record
from haidang_collector.centre.ports import BadPortsError, asked_ports
from haidang_collector.registry.agent_config import PUBLIC, check
from haidang_collector.registry.config_layers import DEFAULT, Layer
from haidang_collector.registry.config_marks import STAGED_NOW
from haidang_collector.registry.config_versions import given, in_force, put
from haidang_collector.registry.fleet_tables import ConfigLayer, ConfigVersion
from haidang_collector.registry.models import URL_LENGTH, DistrictConfig

if TYPE_CHECKING:
    from datetime import datetime

    from haidang_reach.address import Address
    from sqlalchemy import Connection
    from sqlalchemy.orm import Session

    from haidang_collector.registry.database import Database

BUILT_IN = Path(__file__).with_name("services.toml")
_NAME = re.compile(r"(?=.{1,40}\Z)(?!public\Z)[a-z0-9]+([_-][a-z0-9]+)*")
"""Words of letters and digits; what is for parents has one behind `public_`."""
_LONGEST_MATCH = 200
EDITED = ("name", "url", "match")
"""What commands and pages set; `status` and `family` come from a file (`haidang units config --default --set`)."""

Service = dict[str, Any]


class BadServiceError(ValueError):
    """A service that cannot be told to agents: which field (name, url, port or match), and why."""

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


def own_lists(database: Database) -> dict[str, int]:
    """How many each district has beside and over the city's; those that have any."""
    with database.read() as connection:
        rows = connection.execute(select(DistrictConfig.district, DistrictConfig.tables)).all()
    return {district: len(tables["service"]) for district, tables in rows if tables.get("service")}


class Staged(NamedTuple):
    """A version that `percent` of the agents are given so far, and who set it when."""

    layer: Layer
    version: int
    percent: int
    who: str
    at: datetime


class StagedError(Exception):
    """A change would drop what is staged; the text says what that is, and what to do first."""

    def __init__(self, staged: Staged) -> None:
        layer = f'--{staged.layer.kind} "{staged.layer.name}"' if staged.layer.name else f"--{staged.layer.kind}"
        super().__init__(
            f"version {staged.version}, set by {staged.who}, is staged to {staged.percent}% of the agents, and this "
            f"change would drop it: first put it into force (haidang units config {layer} --stage 100%) or take it "
            f"back (haidang units config {layer} --rollback)"
        )
        self.staged = staged


def staged(database: Database, district: str = "") -> Staged | None:
    """What is on trial in the configuration of all units, or of a district's; None: nothing."""
    with database.read() as connection:
        return _staged(connection, _layer(district))


def adopt(database: Database, who: str) -> list[str]:
    """Add the built-in ones that are not told yet; those that are stay as they are. The names of the new ones.

    Raises StagedError.
    """
    while True:
        there = _in_force(database, "")
        services = there.services
        known = {service["name"] for service in services}
        new = [service for service in built_in() if service["name"] not in known]
        names = [service["name"] for service in new]
        deed = Deed(who, "service.adopted", " ".join(names), {})
        if not new or _told_now(database, "", there, services + new, deed):
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
    StagedError; ConfigLayerError for a district without units.
    """
    if district:
        service = {"match": "", **service}
    _check(service)
    name = service["name"]
    while True:
        there = _in_force(database, district)
        by_name = {each["name"]: each for each in there.services}
        if seen is not None and shown(by_name.get(name)) != seen:
            raise ChangedError(by_name.get(name))
        hidden = {key: value for key, value in by_name.get(name, {}).items() if key not in EDITED}
        by_name[name] = hidden | service
        if _told_now(database, district, there, list(by_name.values()), Deed(who, "service.set", name, service)):
            return


def remove(database: Database, name: str, who: str, district: str = "", *, seen: str | None = None) -> bool:
    """False: it was not told. Raises ChangedError and StagedError, as `set_service`."""
    while True:
        there = _in_force(database, district)
        found = next((service for service in there.services if service["name"] == name), None)
        if found is None:
            return False
        if seen is not None and shown(found) != seen:
            raise ChangedError(found)
        left = [service for service in there.services if service is not found]
        if _told_now(database, district, there, left, Deed(who, "service.removed", name, {})):
            return True


def _check(service: Service) -> None:
    """Raises BadServiceError."""
    name, url, match = service["name"], service["url"], service.get("match", "")
    if not _NAME.fullmatch(name):
        raise BadServiceError(
            "name", f"{name!r}: write words of small letters and digits, with '-' or '_' between, at most 40"
        )
    if len(match) > _LONGEST_MATCH or not match.isprintable():
        raise BadServiceError("match", f"match: write one line of at most {_LONGEST_MATCH} characters")
    if len(url) > URL_LENGTH:
        raise BadServiceError("url", f"the address has more than {URL_LENGTH} characters")
    if not url.isprintable():
        raise BadServiceError("url", "the address has control characters in it; leave them out")
    try:
        address = parse(url)
    except ValueError as wrong:
        raise BadServiceError("url", str(wrong)) from wrong
    if name.startswith(PUBLIC):
        _check_port(address)


def _check_port(address: Address) -> None:
    """Of what the centre asks for too. Raises BadServiceError."""
    try:
        ports = asked_ports()
    except BadPortsError as wrong:
        raise BadServiceError("port", str(wrong)) from None
    if ports.refuse(address):
        raise BadServiceError("port", ports.why_not(address.port))


class Deed(NamedTuple):
    """For the audit log."""

    who: str
    what: str
    subject: str
    detail: Service


class _OvertakenError(Exception):
    """Others changed the configuration between the reading and the writing."""


class _There(NamedTuple):
    """`number` of the layer's versions is in force, 0 where nothing is set; `newest` is the last that was made."""

    number: int
    newest: int
    on_trial: Staged | None
    services: list[Service]


def _layer(district: str) -> Layer:
    return Layer("district", district) if district else DEFAULT


def _in_force(database: Database, district: str) -> _There:
    """`newest` is read first: what others set while the rest is read makes it old, and `_told_now` sees that."""
    layer = _layer(district)
    with database.read() as connection:
        newest = connection.scalar(select(func.max(ConfigVersion.number)).where(*_of(layer))) or 0
        on_trial = _staged(connection, layer)
        for _, number, tables in given(connection, [layer]):
            return _There(number, newest, on_trial, tables.get("service", []))
    return _There(0, newest, on_trial, [])


def _staged(connection: Connection, layer: Layer) -> Staged | None:
    columns = (ConfigLayer.staged, ConfigLayer.percent, ConfigVersion.who, ConfigVersion.at)
    query = select(*columns).join(ConfigVersion, STAGED_NOW).where(*_of(layer))
    row = connection.execute(query).one_or_none()
    return None if row is None else Staged(layer, row.staged, row.percent, row.who, row.at)


def _of(layer: Layer) -> tuple[Any, Any]:
    return ConfigVersion.layer == layer.kind, ConfigVersion.name == layer.name


def _told_now(database: Database, district: str, there: _There, services: list[Service], deed: Deed) -> bool:
    """False where others set or took back anything since `there` was read: nothing was changed.

    With the deed, or not at all. Raises StagedError.
    """
    if there.on_trial:
        raise StagedError(there.on_trial)
    layer = _layer(district)
    tables = {**in_force(database, layer), "service": services}
    check(tables)

    def also(session: Session) -> None:
        query = select(ConfigVersion.number, ConfigVersion.after).where(*_of(layer))
        made = session.execute(query.order_by(ConfigVersion.number.desc()).limit(1)).one()
        if made != (there.newest + 1, there.number):
            raise _OvertakenError
        record(session, deed.who, deed.what, deed.subject, deed.detail, district=district or None)

    try:
        put(database, layer, tables, deed.who, also=also)
    except _OvertakenError:
        return False
    return True
