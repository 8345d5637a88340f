"""The city (`/`) and its districts (`/districts/NAME`): where they stand now, what is worst, and why."""

import asyncio
from bisect import bisect
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, NamedTuple
from urllib.parse import quote

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response

from haidang_collector.access.doors import see, visitor
from haidang_collector.access.visitor import Scope, Visitor
from haidang_collector.evaluation.model import Share
from haidang_collector.web import rows
from haidang_collector.web.answering import RegistryRoute
from haidang_collector.web.asking import LARGE, city_now, known
from haidang_collector.web.pages import page
from haidang_collector.web.state import ORDER, City, Measurements, State

FIRST_INCIDENTS = 5
WORST_DOWN = 5
WORST_UNMET = 8
WORST_OF_DISTRICT = 100
STEPS = (0.6, 0.7, 0.8, 0.9)
"""Shares of requirements met, at which the colour of a district's tile changes."""

router = APIRouter(include_in_schema=False, route_class=RegistryRoute)


@dataclass(frozen=True, slots=True)
class District:
    """A tile. `share` is None where nothing is known of it; `step` says in which of the STEPS it is."""

    name: str
    counts: Counter[State]
    share: Share | None

    @property
    def step(self) -> int | None:
        ratio = self.share.ratio if self.share else None
        return None if ratio is None else bisect(STEPS, ratio)


class Said(NamedTuple):
    """What rules say of the whole city on its page. None: the store did not answer."""

    shares: dict[str, Share] | None
    by_district: dict[str, Share] | None
    causes: dict[str, str] | None
    unmet: dict[str, list[str]] | None

    def is_large(self) -> bool:
        """By how many units were judged."""
        return max((share.total for share in (self.shares or {}).values()), default=0) >= LARGE


@router.get("/")
async def start(request: Request, asking: Annotated[Visitor, Depends(visitor)]) -> Response:
    """Where the city stands. Who has a district or a unit only is led there."""
    if not asking.scope.city:
        return RedirectResponse(_own(asking.scope), 303)
    kept, measurements = request.app.state.kept, request.app.state.measurements
    now, said = await asyncio.gather(
        city_now(request, asking.scope), kept.look("the rules' word", partial(_said, measurements), Said.is_large)
    )
    down = [each for each in rows.worst(now, said.causes or {}, {}) if each.row.state == "down"]
    lacking = None if said.unmet is None else rows.worst(now, said.causes or {}, said.unmet, only_unmet=True)
    return page(
        request,
        "city.html",
        **_standing(now),
        shares=said.shares,
        districts=_tiles(now, said.by_district or {}),
        steps=STEPS,
        down=down[:WORST_DOWN],
        lacking=lacking,
    )


async def _said(measurements: Measurements) -> Said:
    return Said(
        *await asyncio.gather(
            known(rows.shares(measurements)),
            known(rows.district_shares(measurements)),
            known(rows.causes(measurements)),
            known(rows.most_unmet(measurements, WORST_UNMET)),
        )
    )


@router.get("/districts/{name:path}")
async def district(request: Request, name: str, asking: Annotated[Visitor, Depends(visitor)]) -> Response:
    """Where one district stands: its rows, its units worst first, its alerts."""
    see(asking, district=name)
    measurements = request.app.state.measurements
    part, shares, causes, unmet = await asyncio.gather(
        city_now(request, Scope(district=name)),
        known(rows.shares(measurements, name)),
        known(rows.causes(measurements, name)),
        known(rows.unmet_in(measurements, name)),
    )
    if not (name and part.rows):
        return page(request, "missing.html", 404, code=name[:100], is_district=True)
    worst = rows.worst(part, causes or {}, unmet or {})
    return page(
        request,
        "district.html",
        **_standing(part),
        name=name,
        shares=shares,
        worst=worst[:WORST_OF_DISTRICT],
        hidden=max(0, len(worst) - WORST_OF_DISTRICT),
        judged=bool(shares) and unmet is not None,
    )


def _standing(city: City) -> dict[str, Any]:
    return {
        "now": city.at,
        "city": city,
        "counts": city.counts(),
        "order": ORDER,
        "names": city.units_of(city.incidents),
        "first_incidents": FIRST_INCIDENTS,
    }


def _tiles(city: City, shares: dict[str, Share]) -> Sequence[District]:
    return [District(name, counts, shares.get(name)) for name, counts in city.districts.items()]


def _own(scope: Scope) -> str:
    if scope.unit:
        return f"/units/{quote(scope.unit, safe='')}"
    return f"/districts/{quote(scope.district, safe='')}"
