"""The registry by hand: `/registry` lists units, `/registry/units/CODE` shows one, `/registry/edit/KIND/CODE` edits it.

Everybody sees the units of their scope; operators change the facts of them.
"""

from typing import Annotated
from urllib.parse import quote

from anyio import to_thread
from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.datastructures import FormData

from haidang_collector.access.doors import form, operating, visitor
from haidang_collector.access.visitor import Visitor
from haidang_collector.registry.database import Database
from haidang_collector.registry.editing import ChangedMeanwhileError, UnitSheet, unless_changed
from haidang_collector.registry.fact_import import import_facts
from haidang_collector.registry.fact_kinds import KINDS, Kind
from haidang_collector.registry.tokens import UnknownUnitError
from haidang_collector.registry.units_import import Outcome, UnitRecord, import_units
from haidang_collector.web import registry_forms as forms
from haidang_collector.web import registry_words as words
from haidang_collector.web.answering import RegistryRoute
from haidang_collector.web.asking import asked_for, database_of, holds, page_of, text_of, wanted_words, whole
from haidang_collector.web.pages import page
from haidang_collector.web.registry_asking import in_words_of, may_add, reach_of, sheet_of, units_of
from haidang_collector.web.state import natural

PAGE_ROWS = 100
SHOWN_CHANGES = 50

router = APIRouter(include_in_schema=False, route_class=RegistryRoute)
Reader = Annotated[Visitor, Depends(visitor)]
Operator = Annotated[Visitor, Depends(operating)]


@router.get("/registry")
def units(request: Request, asking: Reader) -> HTMLResponse:
    """The units of the visitor's scope: `?q=` words of code and name, `?district=`, `?page=` of 100."""
    text, district, number = asked_for(request, "q", "district", "page")
    seen = units_of(request, asking)
    wanted = wanted_words(text)
    chosen = [unit for unit in seen if district in ("", unit.district) and holds(wanted, unit.code, unit.name)]
    chosen.sort(key=lambda unit: (natural(unit.district), natural(unit.code)))
    at, pages = page_of(len(chosen), PAGE_ROWS, number)
    return page(
        request,
        "registry_units.html",
        rows=chosen[(at - 1) * PAGE_ROWS : at * PAGE_ROWS],
        levels=words.CHOICES["units", "level"],
        found=len(chosen),
        all=len(seen),
        number=at,
        pages=pages,
        q=text,
        district=district,
        districts=sorted({unit.district for unit in seen}, key=natural),
        may_add=may_add(asking),
        removed=asked_for(request, "removed")[0],
    )


@router.get("/registry/units/{code:path}")
def unit(request: Request, code: str, asking: Reader) -> HTMLResponse:
    """All facts of a unit, and who changed what; `?saved=` names the kind that was saved just now."""
    sheet = sheet_of(request, code, asking)
    return page(
        request,
        "registry_unit.html",
        **in_words_of(request),
        sheet=sheet,
        own=forms.unit_values(sheet.unit),
        kinds=KINDS.values(),
        saved=request.query_params.get("saved", ""),
        shown_changes=SHOWN_CHANGES if request.query_params.get("history") != "all" else len(sheet.history),
        may_edit=asking.may("operator"),
        may_add=may_add(asking),
    )


@router.get("/registry/edit/{what}/{code:path}")
def edit(request: Request, what: str, code: str, asking: Operator) -> HTMLResponse:
    """The form of one kind of facts of a unit."""
    sheet = sheet_of(request, code, asking)
    return _form(request, sheet, what, seen=sheet.seen(what))


@router.post("/registry/edit/{what}/{code:path}")
async def save(request: Request, what: str, code: str, asking: Operator) -> Response:
    """303 to the unit's page; else what was typed again: 422 with what is wrong, 409 where others were faster."""
    sheet = await to_thread.run_sync(sheet_of, request, code, asking)
    if what not in forms.KINDS_TO_EDIT:
        raise HTTPException(404)
    fields = await form(request)
    seen = whole(text_of(fields, "seen"))
    try:
        outcome = await to_thread.run_sync(_saved, database_of(request), sheet.unit, what, fields, seen, asking)
    except ChangedMeanwhileError:
        now = await to_thread.run_sync(sheet_of, request, code, asking)
        return _form(request, now, what, seen=now.seen(what), fields=fields, before=seen, status=409)
    except UnknownUnitError:
        raise HTTPException(404, "this unit was removed meanwhile") from None
    if not outcome.applied:
        return _form(request, sheet, what, seen=seen, fields=fields, outcome=outcome, status=422)
    return RedirectResponse(f"/registry/units/{quote(code)}?saved={what}#{what}", 303)


def _saved(database: Database, unit: UnitRecord, what: str, fields: FormData, seen: int, asking: Visitor) -> Outcome:
    first = unless_changed(unit.code, what, seen)
    if what == "units":
        table = forms.read_unit(forms.typed_unit(fields) | {"code": unit.code})
        return import_units(database, table, who=asking.name, reach=reach_of(asking), first=first)
    kind = KINDS[what]
    facts = forms.read_entries(kind, unit.code, forms.typed_entries(kind, fields))
    return import_facts(
        database, kind, facts, whole_unit=unit.code, who=asking.name, reach=reach_of(asking), first=first
    )


def _form(
    request: Request,
    sheet: UnitSheet,
    what: str,
    *,
    seen: int,
    fields: FormData | None = None,
    outcome: Outcome | None = None,
    before: int | None = None,
    status: int = 200,
) -> HTMLResponse:
    """`fields`: what was typed, else what is stored. `before`: the change that was seen when others were faster."""
    if what not in forms.KINDS_TO_EDIT:
        raise HTTPException(404)
    problems = outcome.bad if outcome else ()
    if what == "units":
        values = forms.unit_values(sheet.unit) | (forms.typed_unit(fields) if fields else {})
        entries, fits = [forms.unit_entry(values, problems)], True
    else:
        entries, fits = _fact_entries(KINDS[what], sheet, fields, outcome)
    return page(
        request,
        "registry_edit.html",
        status,
        **in_words_of(request),
        what=what,
        sheet=sheet,
        entries=entries,
        problems=problems,
        fits=fits,
        seen=seen,
        stored=sum(entry.stored for entry in entries),
        meanwhile=None if before is None else sheet.since(what, before),
    )


def _fact_entries(
    kind: Kind, sheet: UnitSheet, fields: FormData | None, outcome: Outcome | None
) -> tuple[list[forms.Entry], bool]:
    if fields is not None:
        typed = forms.typed_entries(kind, fields)
        stored = whole(text_of(fields, "stored"))
        return forms.as_entries(kind, typed, stored, outcome.bad if outcome else ()), True
    entries = forms.stored_entries(kind, sheet)
    shown = forms.with_blank(kind, entries)
    return forms.as_entries(kind, shown, len(entries), ()), forms.fits(kind, shown)
