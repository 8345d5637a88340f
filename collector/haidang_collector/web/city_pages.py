"""The city (`/`) and its districts (`/districts/NAME`): where they stand now, what is worst, and why."""

import asyncio
from bisect import bisect
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response

from haidang_collector.access.doors import see, visitor
from haidang_collector.access.visitor import Scope, Visitor
from haidang_collector.evaluation.model import Share
from haidang_collector.web import rows
from haidang_collector.web.answering import RegistryRoute
from haidang_collector.web.asking import city_now, known
from haidang_collector.web.pages import page
from haidang_collector.web.state import ORDER, City, State, natural

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


@router.get("/")
async def start(request: Request, asking: Annotated[Visitor, Depends(visitor)]) -> Response:
    """Where the city stands. Who has a district or a unit only is led there."""
    if not asking.scope.city:
        return RedirectResponse(_own(asking.scope), 303)
    measurements = request.app.state.measurements
    now, shares, by_district, causes, unmet = await asyncio.gather(
        city_now(request),
        known(rows.shares(measurements)),
        known(rows.district_shares(measurements)),
        known(rows.causes(measurements)),
        known(rows.most_unmet(measurements, WORST_UNMET)),
    )
    down = [each for each in rows.worst(now, causes or {}, {}) if each.row.state == "down"]
    return page(
        request,
        "city.html",
        **_standing(now),
        shares=shares,
        districts=_tiles(now, by_district or {}),
        steps=STEPS,
        down=down[:WORST_DOWN],
        lacking=None if unmet is None else rows.worst(now, causes or {}, unmet, only_unmet=True),
    )


@router.get("/districts/{name:path}")
async def district(request: Request, name: str, asking: Annotated[Visitor, Depends(visitor)]) -> Response:
    """Where one district stands: its rows, its units worst first, its alerts."""
    see(asking, district=name)
    measurements = request.app.state.measurements
    now, shares, causes, unmet = await asyncio.gather(
        city_now(request),
        known(rows.shares(measurements, name)),
        known(rows.causes(measurements, name)),
        known(rows.unmet_in(measurements, name)),
    )
    part = now.seen_by(Scope(district=name))
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
        "city": city,
        "counts": city.counts(),
        "order": ORDER,
        "names": {row.unit.code: row.unit for row in city.rows},
        "first_incidents": FIRST_INCIDENTS,
    }


def _tiles(city: City, shares: dict[str, Share]) -> Sequence[District]:
    counts: dict[str, Counter[State]] = {}
    for row in city.rows:
        counts.setdefault(row.unit.district, Counter())[row.state] += 1
    return [District(name, counts[name], shares.get(name)) for name in sorted(counts, key=natural)]


def _own(scope: Scope) -> str:
    if scope.unit:
        return f"/units/{quote(scope.unit, safe='')}"
    return f"/districts/{quote(scope.district, safe='')}"
