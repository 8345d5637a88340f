"""Reports to download: `/reports` leads to the evaluation of a scope and a day, in every form there is."""

from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse

from haidang_collector.access.doors import visitor
from haidang_collector.access.visitor import Visitor
from haidang_collector.evaluation.occasion import MID_YEAR, YEAR_END
from haidang_collector.registry.facts import UnitFact
from haidang_collector.web.answering import RegistryRoute
from haidang_collector.web.asking import asked_for
from haidang_collector.web.pages import page
from haidang_collector.web.state import natural

if TYPE_CHECKING:
    from haidang_collector.registry.store import Registry

router = APIRouter(include_in_schema=False, route_class=RegistryRoute)


@router.get("/reports")
def reports(request: Request, asking: Annotated[Visitor, Depends(visitor)]) -> HTMLResponse:
    """`?unit=` or `?district=` (neither: the whole of the visitor's scope), `?at=` a day; absent or no day: today."""
    registry: Registry = request.app.state.registry
    seen = [unit for unit in registry.units() if asking.scope.sees(district=unit.district, unit=unit.code)]
    unit, district, at = asked_for(request, "unit", "district", "at")
    unit = unit or asking.scope.unit
    district = "" if unit else district or asking.scope.district
    today = datetime.now(ZoneInfo(request.app.state.settings.time_zone)).date()
    day = _day(at, today)
    named = next((each for each in seen if each.code == unit), None)
    districts = sorted({each.district for each in seen}, key=natural)
    return page(
        request,
        "reports.html",
        unit=unit,
        named=named,
        district=district,
        known=_known(unit, named, district, districts, asking),
        districts=districts,
        day=day,
        today=today,
        past={"mid": latest(today, *MID_YEAR), "end": latest(today, *YEAR_END)},
        query=_query(unit=unit, district=district, at=day.isoformat()),
    )


def latest(today: date, month: int, day: int) -> date:
    """The last such day that is not to come."""
    this_year = date(today.year, month, day)
    return this_year if this_year <= today else date(today.year - 1, month, day)


def _known(unit: str, named: UnitFact | None, district: str, districts: list[str], asking: Visitor) -> bool:
    """Whether there is something to report on."""
    if unit:
        return named is not None
    return district in districts if district else asking.scope.city


def _query(**parameters: str) -> str:
    return "?" + urlencode({name: value for name, value in parameters.items() if value}, errors="replace")


def _day(text: str, today: date) -> date:
    try:
        asked = date.fromisoformat(text)
    except ValueError:
        return today
    return min(asked, today)
