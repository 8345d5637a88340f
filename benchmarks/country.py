"""A whole country's schools for `benchmarks many`: 43,000 invented units, 60,000 agents, and what rules say of them.

Straight into the tables and into the store. The store holds what pages ask of all units at once, as the recording rules
would have written it: not the agents' own series, some 400 of each, which at this size fill several stores.
"""

from __future__ import annotations

import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

import httpx
from haidang_collector.evaluation.model import ROWS
from haidang_collector.registry.models import Agent, Incident, Unit
from haidang_collector.registry.unit_words import LEVELS
from haidang_collector.simulate import words
from sqlalchemy import insert, update

from benchmarks.measure import scaled
from tests.collector import remote_write as rw

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from haidang_collector.evaluation.model import State
    from haidang_collector.registry.database import Database

    from tests.servers import Prometheus

UNITS, AGENTS, DISTRICTS = scaled(43_000), scaled(60_000), scaled(700)
INTERNET = "unit:school_internet_up"
PRESENCE = {0: "down", 25: "silent", 75: "silent", 50: "unknown", 99: "waiting"}
"""Of a hundred units; the others are up."""
SILENT_SECONDS = 500.0
REFUSED_EVERY = 100
SERIES_A_REQUEST = 20_000
RULES_SECONDS = 20.0


class School(NamedTuple):
    """A unit by its number in the country."""

    number: int

    @property
    def code(self) -> str:
        return f"TRUONG-{self.number:05d}"

    @property
    def name(self) -> str:
        return words.school(self.level, self.number)

    @property
    def level(self) -> str:
        return list(LEVELS)[self.number // 16 % len(LEVELS)]

    @property
    def district(self) -> str:
        return f"Huyện Mô Phỏng {self.number % DISTRICTS + 1}"

    @property
    def presence(self) -> str:
        return PRESENCE.get(self.number % 100, "up")

    @property
    def labels(self) -> dict[str, str]:
        return {"unit": self.code, "district": self.district}

    def agents(self) -> list[str]:
        """One, or two of the first in the country, so that there are AGENTS of them."""
        two = self.number < (AGENTS - UNITS * 99 // 100) * 100 // 99
        return [] if self.presence == "waiting" else [f"a-{self.code}-{number}".lower() for number in range(1 + two)]

    def state(self, row: int) -> State:
        """How it stands in a requirement: of twenty 14 are met, 3 not, 2 unknown, 1 does not concern it."""
        place = (self.number * 7 + row * 3) % 20
        return "met" if place < 14 else "unmet" if place < 17 else "unknown" if place < 19 else "not_applicable"


SCHOOLS = [School(number) for number in range(UNITS)]


def fill(database: Database) -> int:
    """Units, agents, open incidents. How many agents."""
    now = datetime.now(UTC)
    units = [
        {"code": each.code, "name": each.name, "district": each.district, "level": each.level, "students": {}}
        for each in SCHOOLS
    ]
    agents = [_agent(each, agent, place, now) for each in SCHOOLS for place, agent in enumerate(each.agents())]
    incidents = [incident for each in SCHOOLS for incident in _incidents(each, now)]
    with database.write() as session:
        for table, rows in ((Unit, units), (Agent, agents), (Incident, incidents)):
            session.execute(insert(table), rows)
    return len(agents)


def hear(database: Database) -> None:
    """Who is heard was heard just now; who is silent, some minutes ago."""
    now = time.time()
    heard = Agent.last_seen > now - 10 * SILENT_SECONDS
    with database.write() as session:
        session.execute(update(Agent).where(heard, Agent.stopped.is_(False)).values(last_seen=now))
        session.execute(update(Agent).where(heard, Agent.stopped).values(last_seen=now - SILENT_SECONDS))


def tell_internet(store: Prometheus) -> None:
    """As the rule does every 5 s; pages believe it for 30."""
    now = time.time()
    _write(
        store,
        (
            rw.simple(INTERNET, float(each.presence == "up"), now, **each.labels)
            for each in SCHOOLS
            if each.presence in ("up", "down")
        ),
    )


def tell_rows(store: Prometheus) -> int:
    """What the slower rules say; once. How many series."""
    return _write(store, (rw.simple(name, value, time.time(), **labels) for name, value, labels in _recorded()))


def _agent(school: School, agent: str, place: int, now: datetime) -> dict[str, object]:
    silent = school.presence == "silent"
    return {
        "id": agent, "unit": school.code, "key_hash": "0" * 64, "roles": "host" if place else "site",
        "version": "0.0.1" if school.number % 10 == 0 else "99.0", "os": "windows" if place else "linux",
        "enrolled_at": now, "last_seen": now.timestamp() - silent * SILENT_SECONDS, "stopped": silent,
    }  # fmt: skip


def _incidents(school: School, now: datetime) -> Iterator[dict[str, object]]:
    alerts = [("InternetDown", "critical", "link")] if school.presence == "down" else []
    alerts += [("PortalDown", "warning", "service")] if school.number % 40 == 1 else []
    alerts += [("FailedOver", "info", "link")] if school.number % 100 == 2 else []
    for name, severity, category in alerts:
        told = {"alertname": name, "severity": severity, "category": category, **school.labels}
        yield {
            **told, "fingerprint": f"{name}-{school.code}", "starts_at": now - timedelta(minutes=school.number % 600),
            "ends_at": None, "status": "firing", "labels": told, "received_at": now, "updated_at": now,
            "annotations": {
                "summary": f"{school.name}: {name}", "description": "Việc cần làm: gọi nhà mạng. " * 4,
                "summary_en": f"{school.name}: {name}", "description_en": "What to do: call the ISP. " * 4,
            },
        }  # fmt: skip


def _recorded() -> Iterator[tuple[str, float, dict[str, str]]]:
    by_row: Counter[tuple[str, State]] = Counter()
    by_district: Counter[tuple[str, str, State]] = Counter()
    for school in SCHOOLS:
        states = {row: school.state(place) for place, row in enumerate(ROWS)}
        for row, state in states.items():
            by_row[row, state] += 1
            by_district[school.district, row, state] += 1
            if state == "not_applicable":
                yield "school:row:not_applicable", 1.0, {"row": row, **school.labels}
            elif state != "unknown":
                yield "school:row:compliant", float(state == "met"), {"row": row, **school.labels}
        for state, count in Counter(states.values()).items():
            yield "unit:school_rows:count", float(count), {"state": state, **school.labels}
        if school.presence == "down":
            yield "unit:school_outage_active", 1.0, {"cause": "isp", **school.labels}
        if school.number % REFUSED_EVERY == 1:
            yield "haidang_ingest_agent_refused_total", 3.0, {"agent": school.agents()[0], "reason": "rate"}
    for (row, state), count in by_row.items():
        yield "city:row_units:count", float(count), {"row": row, "state": state}
    for (district, row, state), count in by_district.items():
        yield "district:row_units:count", float(count), {"district": district, "row": row, "state": state}


def _write(store: Prometheus, series: Iterable[bytes]) -> int:
    told, number = iter(series), 0
    with httpx.Client(timeout=60) as client:
        while part := list(islice(told, SERIES_A_REQUEST)):
            number += len(part)
            client.post(store.write_url, content=rw.snappy(b"".join(part)), headers=rw.HEADERS).raise_for_status()
    return number
