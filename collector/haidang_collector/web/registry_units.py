"""Units come and go: `/registry/add` and `/registry/remove/CODE`, for administrators of the city or of a district."""

from functools import partial
from typing import Annotated
from urllib.parse import quote

from anyio import to_thread
from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from haidang_collector.access.audit import record
from haidang_collector.access.doors import DoorError, administering, form
from haidang_collector.access.visitor import Visitor
from haidang_collector.registry.database import Database
from haidang_collector.registry.editing import TakenCodeError, UnitInUseError, remove_unit, unless_taken
from haidang_collector.registry.units_import import Outcome, import_units
from haidang_collector.web import registry_forms as forms
from haidang_collector.web.answering import RegistryRoute
from haidang_collector.web.asking import database_of
from haidang_collector.web.pages import page
from haidang_collector.web.registry_asking import in_words_of, may_add, reach_of, sheet_of

router = APIRouter(include_in_schema=False, route_class=RegistryRoute)


def adding(asking: Annotated[Visitor, Depends(administering)]) -> Visitor:
    """Raises HTTPException 403 for whose is a single unit."""
    if not may_add(asking):
        raise DoorError("scope")
    return asking


Administrator = Annotated[Visitor, Depends(adding)]


@router.get("/registry/add")
def add_form(request: Request, asking: Administrator) -> HTMLResponse:
    """The form of a new unit."""
    return _form(request, {"district": asking.scope.district})


@router.post("/registry/add")
async def add(request: Request, asking: Administrator) -> Response:
    """303 to its page; 422 with what was typed where something is wrong with it, 409 where the code is taken."""
    typed = forms.typed_unit(await form(request))
    try:
        outcome = await to_thread.run_sync(_add, database_of(request), typed, asking)
    except TakenCodeError:
        return _form(request, typed, taken=True, status=409)
    if not outcome.applied:
        return _form(request, typed, outcome=outcome, status=422)
    return RedirectResponse(f"/registry/units/{quote(typed['code'].strip())}?saved=units", 303)


@router.get("/registry/remove/{code:path}")
def removal(request: Request, code: str, asking: Administrator) -> HTMLResponse:
    """Asks once more, and says what goes with the unit."""
    return page(request, "registry_remove.html", sheet=sheet_of(request, code, asking), reason="")


@router.post("/registry/remove/{code:path}")
async def remove(request: Request, code: str, asking: Administrator) -> Response:
    """303 to the list; 409 where agents still push for it, or people's accounts belong to it."""
    sheet = await to_thread.run_sync(sheet_of, request, code, asking)
    await form(request)
    also = partial(
        record,
        who=asking.name,
        what="unit.removed",
        subject=code,
        detail=forms.unit_values(sheet.unit),
        district=sheet.unit.district,
    )
    try:
        await to_thread.run_sync(remove_unit, database_of(request), code, also)
    except UnitInUseError as used:
        return page(request, "registry_remove.html", 409, sheet=sheet, reason=used.reason)
    return RedirectResponse(f"/registry?removed={quote(code)}", 303)


def _add(database: Database, typed: dict[str, str], asking: Visitor) -> Outcome:
    first = unless_taken(typed.get("code", "").strip())
    return import_units(database, forms.read_unit(typed), who=asking.name, reach=reach_of(asking), first=first)


def _form(
    request: Request,
    typed: dict[str, str],
    *,
    status: int = 200,
    outcome: Outcome | None = None,
    taken: bool = False,
) -> HTMLResponse:
    problems = outcome.bad if outcome else ()
    entry = forms.unit_entry(typed, problems, new=True)
    return page(
        request, "registry_add.html", status, **in_words_of(request), entry=entry, problems=problems, taken=taken
    )
