"""What a browser visits: a simulated city behind a real collector and a real Prometheus, and people with accounts."""

from __future__ import annotations

import hashlib
import json
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from haidang_collector.access import passwords
from haidang_collector.access.accounts import Administration, Wanted
from haidang_collector.registry.store import Registry
from haidang_collector.simulate import words
from haidang_collector.simulate.build import build, today
from haidang_collector.simulate.model import City

from tests.browser.hostile import HOSTILE, LINK, hostile_unit, register_all
from tests.collector.simulate.running_city import RunningCity, differences, running_city
from tests.servers import get
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from haidang_collector.registry.database import Database
    from haidang_collector.simulate.model import SimUnit

UNITS, DISTRICTS = 16, 3
"""Enough for every state that a page shows, and small: axe-core looks at every element."""
SETTLED_SECONDS = 90
PASSWORD = "bốn con voi uống trà"
ADMINISTRATOR = "so.gddt"
NO_END = "0001-01-01T00:00:00Z"


@dataclass(frozen=True, slots=True)
class Town:
    """`units` are those that it was built of; the `hostile` one, where there is one, is not among them.

    `cut` is the only one of its district that has no Internet.
    """

    running: RunningCity
    database: Database
    units: Sequence[SimUnit]
    cut: SimUnit
    hostile: SimUnit | None

    @property
    def url(self) -> str:
        return self.running.url

    def person(self, login: str, role: str, *, name: str = "", district: str = "", unit: str = "") -> None:
        """An account with PASSWORD that was used before."""
        wanted = Wanted(role, district=district, unit=unit, name=name)
        Administration(self.database, "test").add(login, wanted, passwords.hashed(PASSWORD), first=False)

    def value(self, expression: str) -> dict[str, float]:
        """An instant query's values, by unit."""
        found = self.running.query(expression)
        return {series["metric"].get("unit", ""): float(series["value"][1]) for series in found}

    def tell(self, alerts: Sequence[dict[str, Any]]) -> None:
        """Alertmanager's webhook. Only before there are accounts: then it asks for the operator's password."""
        body = json.dumps({"version": "4", "alerts": alerts}).encode()
        asked = urllib.request.Request(
            f"{self.url}/api/v1/alertmanager", body, {"Content-Type": "application/json"}, method="POST"
        )
        with urllib.request.urlopen(asked, timeout=60) as answer:
            assert answer.status < 300


@contextmanager
def town(folder: Path, units: int = UNITS, districts: int = DISTRICTS, *, hostile: bool = True) -> Iterator[Town]:
    """All requirements judged, its alerts told, and an administrator of the city registered."""
    model, cut = _with_a_cut(build(units, seed=5, day=today()), districts)
    stranger = hostile_unit(build(units + 1, seed=5, day=today()).units[-1]) if hostile else None
    whole = City(model.seed, model.day, (*model.units, stranger)) if stranger else model
    with running_city(folder, whole, interval="3s", scrape_seconds=2) as running:
        registry = Registry(running.environment["HAIDANG_DATABASE_URL"])
        try:
            there = Town(running, registry.database, model.units, cut, stranger)
            if stranger:
                register_all(registry.database, stranger)
            eventually("all judgements", lambda: not differences(running, model), seconds=SETTLED_SECONDS, every=0.5)
            there.tell(_alerts(running) + ([hostile_alert(stranger)] if stranger else []))
            there.person(ADMINISTRATOR, "administrator", name="Trần Thị Ví Dụ")
            yield there
        finally:
            registry.close()


def _with_a_cut(model: City, districts: int) -> tuple[City, SimUnit]:
    """In which the lines of one unit, the first that is heard, are cut."""
    units = [replace(unit, district=words.district(at % districts)) for at, unit in enumerate(model.units)]
    at = next(at for at, unit in enumerate(units) if unit.presence == "heard")
    lines = tuple(replace(line, up=False) for line in units[at].lines)
    rooms = tuple(replace(room, reached=False if room.reached else room.reached) for room in units[at].rooms)
    units[at] = replace(units[at], lines=lines, rooms=rooms)
    return replace(model, units=tuple(units)), units[at]


def _alerts(running: RunningCity) -> list[dict[str, Any]]:
    """What the rules have found, the moment they found it: nobody waits for minutes in a test."""
    found = json.loads(get(f"{running.store.url}/api/v1/alerts"))["data"]["alerts"]
    return [alert(each["labels"], each["annotations"], each["activeAt"]) for each in found]


def hostile_alert(unit: SimUnit) -> dict[str, Any]:
    labels = {"alertname": HOSTILE, "severity": "critical", "category": HOSTILE, "unit": unit.code, HOSTILE: HOSTILE}
    told = ("summary", "summary_en", "description", "description_en")
    return alert(labels | {"district": unit.district}, dict.fromkeys(told, HOSTILE) | {"runbook_url": LINK})


def alert(labels: dict[str, str], annotations: dict[str, str], begin: str = "") -> dict[str, Any]:
    """One that fires since `begin` (RFC 3339; empty: now), as Alertmanager tells it."""
    return {
        "status": "firing",
        "labels": labels,
        "annotations": annotations,
        "startsAt": begin or datetime.now(UTC).isoformat(),
        "endsAt": NO_END,
        "fingerprint": hashlib.sha256(json.dumps(labels, sort_keys=True).encode()).hexdigest()[:16],
    }
