"""The sector's online systems, services for parents and the school calendar: `/services`; operators edit the lists.

The city's operators edit the list of all units and what each district has beside and over it; a district's, its own.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Annotated, NamedTuple
from urllib.parse import urlencode

from anyio import to_thread
from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from sqlalchemy import select

from haidang_collector.access.doors import DoorError, form, operating, visitor
from haidang_collector.access.visitor import Scope, Visitor
from haidang_collector.centre import public_services
from haidang_collector.centre.ports import asked_ports
from haidang_collector.centre.public_services import Told
from haidang_collector.centre.school_time import WEEKDAYS
from haidang_collector.centre.services import (
    BadServiceError,
    ChangedError,
    Service,
    Staged,
    StagedError,
    own_lists,
    remove,
    set_service,
    shown,
    staged,
    told,
)
from haidang_collector.registry.agent_config import PUBLIC
from haidang_collector.registry.config_versions import ConfigLayerError
from haidang_collector.registry.database import Database
from haidang_collector.registry.models import Unit
from haidang_collector.web import services_now as now
from haidang_collector.web.answering import RegistryRoute
from haidang_collector.web.asking import asked_for, database_of, known, text_of
from haidang_collector.web.pages import page
from haidang_collector.web.registry_asking import in_words_of
from haidang_collector.web.state import natural

router = APIRouter(include_in_schema=False, route_class=RegistryRoute)


def editing(asking: Annotated[Visitor, Depends(operating)]) -> Visitor:
    """Raises HTTPException 403 for whose is a single unit: its own services stand in the registry."""
    if asking.scope.unit:
        raise DoorError("scope")
    return asking


Reader = Annotated[Visitor, Depends(visitor)]
Operator = Annotated[Visitor, Depends(editing)]


class Listed(NamedTuple):
    """A list that is told, `district` empty: of all; and how its systems stand, None: not known."""

    district: str
    services: list[Service]
    systems: Mapping[str, now.SystemNow] | None


@router.get("/services")
async def services(request: Request, asking: Reader) -> HTMLResponse:
    """What agents of the visitor's part of the city ask for, and how it stands.

    `?district=` shows who sees the city a district's list too. `?saved=`, `?removed=`: just now.
    """
    saved, removed, wanted = asked_for(request, "saved", "removed", "district")
    database, everyones = database_of(request), request.app.state.measurements
    known_now = await to_thread.run_sync(_registered, database, asking.scope, wanted)
    nearby = everyones.of(known_now.district)
    measurements = everyones if asking.scope.city else nearby
    systems = await known(now.systems(measurements, asking.scope, known_now.district))
    lists = [Listed("", known_now.citys, systems)]
    if known_now.district:
        nearer = Scope(district=known_now.district)
        theirs = await known(now.systems(nearby, nearer)) if asking.scope.city else systems
        lists.append(Listed(known_now.district, known_now.districts, theirs))
    parents = await known(now.for_parents(measurements, asking.scope, known_now.for_parents))
    calendar = request.app.state.facts.calendar
    moment = datetime.now(UTC).astimezone(calendar.zone)
    return page(
        request,
        "services.html",
        **in_words_of(request),
        lists=lists,
        extents=None if systems is None else now.by_extent(systems, (each["name"] for each in lists[0].services)),
        choices=known_now.choices,
        wanted=wanted if asking.scope.city else "",
        registered=len(known_now.for_parents),
        units_with=len({service.unit for service in known_now.for_parents}),
        parents=parents,
        worst=None if parents is None else now.worst(parents),
        calendar=calendar,
        today=moment.date(),
        in_session=calendar.in_session(moment),
        weekdays=WEEKDAYS,
        may_edit=asking.may("operator") and not asking.scope.unit,
        saved=saved,
        removed=removed,
    )


@router.get("/services/edit")
def edit(request: Request, asking: Operator) -> HTMLResponse:
    """The form of one system: `?name=` of one that is told, none for a new one; `?district=` whose list, none: all."""
    name, district = asked_for(request, "name", "district")
    district = asking.scope.district or district
    service = _told(database_of(request), name, district) or {"name": name}
    on_trial = staged(database_of(request), district)
    return _form(request, service, district, stored="url" in service, seen=shown(service), on_trial=on_trial)


@router.post("/services/edit")
async def save(request: Request, asking: Operator) -> Response:
    """303 to the list; what was typed again with 422 where something is wrong with it.

    409 where others were faster, or where a version of the configuration is on trial that this would drop. Field
    `seen`: the entry as the form showed it, empty for a new one.
    """
    fields = await form(request)
    name, url, match, district, seen = (
        text_of(fields, each).strip() for each in ("name", "url", "match", "district", "seen")
    )
    district = asking.scope.district or district
    service = {"name": name, "url": url} | ({"match": match} if match else {})
    again = partial(_form, request, service, district)
    try:
        await to_thread.run_sync(partial(set_service, database_of(request), service, asking.name, district, seen=seen))
    except ChangedError as changed:
        known_now = shown(changed.now)
        return again(stored=bool(known_now), seen=known_now, changed=changed, status=409)
    except StagedError as held:
        return again(stored=bool(seen), seen=seen, on_trial=held.staged, status=409)
    except BadServiceError as bad:
        return again(stored=bool(seen), seen=seen, wrong=bad.field, status=422)
    except ConfigLayerError:
        return again(stored=False, seen=seen, wrong="district", status=422)
    return _back("saved", name, district)


@router.get("/services/remove")
def ask_first(request: Request, asking: Operator) -> HTMLResponse:
    """Asks whether one is to be asked for no more: `?name=`, and `?district=` as of the form; 404 where it is not."""
    name, district = asked_for(request, "name", "district")
    return _question(request, name, asking.scope.district or district)


@router.post("/services/remove")
async def stop(request: Request, asking: Operator) -> Response:
    """303 to the list; 409 as of the form, 404 where it is not asked for. Field `seen` as of the form."""
    fields = await form(request)
    name, district, seen = (text_of(fields, each).strip() for each in ("name", "district", "seen"))
    district = asking.scope.district or district
    try:
        removed = await to_thread.run_sync(
            partial(remove, database_of(request), name, asking.name, district, seen=seen)
        )
    except (ChangedError, StagedError) as held:
        return _question(request, name, district, changed=isinstance(held, ChangedError), status=409)
    return _back("removed", name, district) if removed else _question(request, name, district)


class Registered(NamedTuple):
    """What the registry knows for the visitor. `choices`: how long the list of each district is; for the city's people.

    `district`: whose list is shown, empty: none's.
    """

    citys: list[Service]
    district: str
    districts: list[Service]
    choices: Mapping[str, int]
    for_parents: list[Told]


def _registered(database: Database, scope: Scope, wanted: str) -> Registered:
    theirs = [
        each
        for each in public_services.told(database, [scope.unit] if scope.unit else ())
        if scope.sees(district=each.district, unit=each.unit)
    ]
    choices = _choices(database) if scope.city else {}
    district = scope.district or _district_of(database, scope.unit)
    if wanted in choices:
        district = wanted
    return Registered(told(database), district, told(database, district) if district else [], choices, theirs)


def _choices(database: Database) -> dict[str, int]:
    lengths = own_lists(database)
    with database.read() as connection:
        districts = connection.scalars(select(Unit.district).distinct()).all()
    return {district: lengths.get(district, 0) for district in sorted(districts, key=natural)}


def _district_of(database: Database, unit: str) -> str:
    """Empty for no unit."""
    with database.read() as connection:
        return connection.scalar(select(Unit.district).where(Unit.code == unit)) or ""


def _told(database: Database, name: str, district: str) -> Service | None:
    return next((service for service in told(database, district) if service["name"] == name), None)


def _back(what: str, name: str, district: str) -> Response:
    """To the list, which says it."""
    words = {what: name} | ({"district": district} if district else {})
    return RedirectResponse(f"/services?{urlencode(words)}", 303)


def _form(
    request: Request,
    service: Service,
    district: str,
    *,
    stored: bool,
    seen: str,
    wrong: str = "",
    changed: ChangedError | None = None,
    on_trial: Staged | None = None,
    status: int = 200,
) -> HTMLResponse:
    return page(
        request,
        "service_edit.html",
        status,
        service=service,
        district=district,
        stored=stored,
        seen=seen,
        wrong=wrong,
        changed=changed,
        on_trial=on_trial,
        ports=asked_ports(),
        public=PUBLIC,
    )


def _question(request: Request, name: str, district: str, *, changed: bool = False, status: int = 200) -> HTMLResponse:
    database = database_of(request)
    service = _told(database, name, district)
    return page(
        request,
        "service_remove.html",
        status if service else 404,
        name=name,
        service=service,
        citys=_told(database, name, "") if district else None,
        district=district,
        seen=shown(service),
        changed=changed,
        on_trial=staged(database, district),
    )
