"""The sector's online systems, services for parents and the school calendar: `/services`; operators edit the list.

The list of the whole city is edited by the city's operators, what a district has beside and over it by that district's.
"""

from datetime import UTC, datetime
from functools import partial
from typing import Annotated
from urllib.parse import quote

from anyio import to_thread
from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from sqlalchemy import select

from haidang_collector.access.doors import DoorError, form, operating, visitor
from haidang_collector.access.visitor import Scope, Visitor
from haidang_collector.centre import public_services
from haidang_collector.centre.public_services import Told
from haidang_collector.centre.school_time import WEEKDAYS
from haidang_collector.centre.services import BadServiceError, ChangedError, Service, remove, set_service, shown, told
from haidang_collector.registry.agent_config import PUBLIC
from haidang_collector.registry.config_versions import ConfigLayerError
from haidang_collector.registry.database import Database
from haidang_collector.registry.models import Unit
from haidang_collector.web import services_now as now
from haidang_collector.web.answering import RegistryRoute
from haidang_collector.web.asking import asked_for, database_of, known, text_of
from haidang_collector.web.pages import page
from haidang_collector.web.registry_asking import in_words_of

router = APIRouter(include_in_schema=False, route_class=RegistryRoute)


def editing(asking: Annotated[Visitor, Depends(operating)]) -> Visitor:
    """Raises HTTPException 403 for whose is a single unit: its own services stand in the registry."""
    if asking.scope.unit:
        raise DoorError("scope")
    return asking


Reader = Annotated[Visitor, Depends(visitor)]
Operator = Annotated[Visitor, Depends(editing)]


@router.get("/services")
async def services(request: Request, asking: Reader) -> HTMLResponse:
    """What agents of the visitor's part of the city ask for, and how it stands. `?saved=`, `?removed=`: just now."""
    saved, removed = asked_for(request, "saved", "removed")
    database, measurements = database_of(request), request.app.state.measurements
    lists, for_parents = await to_thread.run_sync(_registered, database, asking.scope)
    systems = await known(now.systems(measurements, asking.scope))
    parents = await known(now.for_parents(measurements, asking.scope, for_parents))
    calendar = request.app.state.facts.calendar
    moment = datetime.now(UTC).astimezone(calendar.zone)
    return page(
        request,
        "services.html",
        **in_words_of(request),
        lists=lists,
        systems=systems,
        registered=len(for_parents),
        units_with=len({service.unit for service in for_parents}),
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
    return _form(request, service, district, stored="url" in service, seen=shown(service))


@router.post("/services/edit")
async def save(request: Request, asking: Operator) -> Response:
    """303 to the list; what was typed again with 422 where something is wrong with it, 409 where others were faster.

    Field `do`: save or remove. `seen`: the entry as the form showed it, empty for a new one.
    """
    fields = await form(request)
    name, url, match, district, seen = (
        text_of(fields, each).strip() for each in ("name", "url", "match", "district", "seen")
    )
    district = asking.scope.district or district
    service = {"name": name, "url": url} | ({"match": match} if match else {})
    database, what = database_of(request), "removed" if text_of(fields, "do") == "remove" else "saved"
    try:
        if what == "removed":
            await to_thread.run_sync(partial(remove, database, name, asking.name, district, seen=seen))
        else:
            await to_thread.run_sync(partial(set_service, database, service, asking.name, district, seen=seen))
    except ChangedError as changed:
        known_now = shown(changed.now)
        return _form(request, service, district, stored=bool(known_now), seen=known_now, changed=changed, status=409)
    except BadServiceError as bad:
        return _form(request, service, district, stored=bool(seen), seen=seen, wrong=bad.field, status=422)
    except ConfigLayerError:
        return _form(request, service, district, stored=False, seen=seen, wrong="district", status=422)
    return RedirectResponse(f"/services?{what}={quote(name, safe='')}", 303)


def _registered(database: Database, scope: Scope) -> tuple[list[tuple[str, list[Service]]], list[Told]]:
    """The lists that are told in the scope, the city's first; and its units' services for parents."""
    theirs = [
        each
        for each in public_services.told(database, [scope.unit] if scope.unit else ())
        if scope.sees(district=each.district, unit=each.unit)
    ]
    lists = [("", told(database))]
    district = scope.district or _district_of(database, scope.unit)
    if district:
        lists.append((district, told(database, district)))
    return lists, theirs


def _district_of(database: Database, unit: str) -> str:
    """Empty for no unit."""
    with database.read() as connection:
        return connection.scalar(select(Unit.district).where(Unit.code == unit)) or ""


def _told(database: Database, name: str, district: str) -> Service | None:
    return next((service for service in told(database, district) if service["name"] == name), None)


def _form(
    request: Request,
    service: Service,
    district: str,
    *,
    stored: bool,
    seen: str,
    wrong: str = "",
    changed: ChangedError | None = None,
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
        public=PUBLIC,
    )
