"""What the pages show: the registry's facts joined with what the recording rules say now. Nothing is measured anew."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import httpx
from anyio import fail_after, to_thread

from haidang_collector.tenants import DISTRICT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from haidang_collector.access.visitor import Scope
    from haidang_collector.metrics import FactCollector
    from haidang_collector.registry.store import IncidentFact, Registry, UnitFact

T = TypeVar("T")
State = Literal["down", "silent", "unknown", "waiting", "up"]
ORDER: tuple[State, ...] = ("down", "silent", "unknown", "waiting", "up")
"""
Worst first. `down`: what the alert says, measured or inferred. `silent`: no agent is heard, which tells nothing
of the line (goodbye, or PCs that are off). `unknown`: nobody can tell. `waiting`: no agent was ever heard.
"""
SEVERITIES = ("critical", "warning", "info")

SILENT_SECONDS = 40.0
"""As in alerts/rules/internet.yml."""
FRESH_SECONDS = 30
"""Older results of a rule are no results: the store, just back, would show the state of before."""
FIGURE_SECONDS = 60
QUERY_SECONDS = 5.0
"""For an answer, from its turn on."""
ANSWER_SECONDS = 15.0
MOST_ANSWER_BYTES = 16 << 20
"""One figure of each of 2,500 units is half a MB."""
INTERNET = "unit:school_internet_up"
FIGURES = {
    "rtt": "school_internet_rtt_seconds{unit=%s}",
    "loss": "school_internet_loss_ratio{unit=%s}",
    "devices": 'school_devices{state="online",unit=%s}',
}

Series = tuple[Mapping[str, str], float]
Samples = tuple[Mapping[str, str], Sequence[tuple[float, float]]]
"""Labels, and the samples of some time: when (Unix seconds), and what."""
Sighted = tuple[float | None, bool]
"""When an agent was heard last (Unix seconds), and whether it stopped then."""


class UnansweredError(Exception):
    """The store of measurements does not answer as it should."""


@dataclass(frozen=True, slots=True)
class UnitRow:
    """One unit of the list; `last_seen` in Unix seconds; `goodbye`: every agent of it went in order."""

    unit: UnitFact
    state: State
    last_seen: float | None
    agents: int
    goodbye: bool


@dataclass(frozen=True)
class City:
    """`measured` is False where the store does not answer; then every state that depends on it is unknown.

    `at`: when it was so, in Unix seconds.
    """

    rows: Sequence[UnitRow]
    incidents: Sequence[IncidentFact]
    measured: bool
    at: float

    @cached_property
    def districts(self) -> Mapping[str, Counter[State]]:
        """How many units of each are in which state, in the order that people count."""
        found: defaultdict[str, Counter[State]] = defaultdict(Counter)
        for (district, state), number in Counter((row.unit.district, row.state) for row in self.rows).items():
            found[district][state] = number
        return {name: found[name] for name in sorted(found, key=natural)}

    def counts(self) -> Counter[State]:
        return sum(self.districts.values(), Counter())

    def units_of(self, incidents: Iterable[IncidentFact]) -> Mapping[str, UnitFact]:
        """By code."""
        named = {incident.unit for incident in incidents}
        return {row.unit.code: row.unit for row in self.rows if row.unit.code in named}

    def row(self, code: str) -> UnitRow | None:
        return next((row for row in self.rows if row.unit.code == code), None)

    def seen_by(self, scope: Scope) -> City:
        """The part of it that lies in a scope. An incident without a unit is of its district, else the city's."""
        if scope.city:
            return self
        districts = {row.unit.code: row.unit.district for row in self.rows}

        def sees(incident: IncidentFact) -> bool:
            unit = incident.unit or ""
            return scope.sees(district=districts.get(unit, incident.district or ""), unit=unit)

        return City(
            [row for row in self.rows if scope.sees(district=row.unit.district, unit=row.unit.code)],
            [incident for incident in self.incidents if sees(incident)],
            self.measured,
            self.at,
        )


@dataclass(frozen=True, slots=True)
class Line:
    """The way from an agent to a target: mean round trip in seconds (None: nothing came back), share lost."""

    target: str
    agent: str
    loss: float
    rtt: float | None


@dataclass(frozen=True, slots=True)
class Figures:
    """What a unit's agents measure now; `devices` is the number online, by the agent that counted."""

    lines: Sequence[Line]
    devices: Mapping[str, int]


class Measurements:
    """Instant queries of the store, bounded in size and time."""

    def __init__(self, client: httpx.AsyncClient, prometheus_url: str, district: str = "") -> None:
        """`district`: the one whose they are; empty: what rules and registry say of all."""
        self._client = client
        self._prometheus_url = prometheus_url
        self._url = f"{prometheus_url.rstrip('/')}/api/v1/query"
        self._about = {DISTRICT: district}

    def of(self, district: str) -> Measurements:
        """A district's, with all that its agents measure."""
        return Measurements(self._client, self._prometheus_url, district)

    async def query(self, expression: str) -> list[Series]:
        """Raises UnansweredError."""
        return await self._ask(expression, lambda item: float(item["value"][1]))

    async def samples(self, selector: str) -> list[Samples]:
        """What a range selector, as `name{…}[30d]`, holds up to now. Raises UnansweredError.

        Without NaN, as which VictoriaMetrics shows the markers by which a series ends.
        """
        return await self._ask(
            selector, lambda item: [(float(at), float(value)) for at, value in item["values"] if value != "NaN"]
        )

    async def _ask(self, expression: str, read: Callable[[Any], T]) -> list[tuple[Mapping[str, str], T]]:
        try:
            with fail_after(ANSWER_SECONDS):
                answer = json.loads(await self._body(expression))
            return [(item["metric"], read(item)) for item in answer["data"]["result"]]
        except (httpx.HTTPError, TimeoutError, ValueError, LookupError, TypeError, RecursionError) as failed:
            raise UnansweredError(str(failed)) from failed

    async def _body(self, expression: str) -> bytes:
        """Not compressed, so that little cannot become much. Raises httpx.HTTPError, UnansweredError."""
        body = bytearray()
        asked = {"query": expression}
        plain = {"Accept-Encoding": "identity"}
        async with self._client.stream(
            "POST", self._url, data=asked, headers=plain, timeout=QUERY_SECONDS, extensions=self._about
        ) as answer:
            answer.raise_for_status()
            if "Content-Encoding" in answer.headers:
                raise UnansweredError("the store compresses its answer, unasked")
            async for part in answer.aiter_bytes():
                body += part
                if len(body) > MOST_ANSWER_BYTES:
                    raise UnansweredError(f"the store answers more than {MOST_ANSWER_BYTES >> 20} MiB")
        return bytes(body)

    async def fresh(self, selector: str, seconds: int) -> list[Series]:
        """Series of `selector` whose newest sample is no older. Raises UnansweredError."""
        return await self.query(f"{selector} and timestamp({selector}) > time() - {seconds}")

    async def internet(self, **labels: str | None) -> dict[str, float]:
        """Unit to what the rules say of it: 1 reached, 0 not; of those with these labels. Raises UnansweredError."""
        matchers = ",".join(f"{name}={json.dumps(value)}" for name, value in labels.items() if value is not None)
        selector = f"{INTERNET}{{{matchers}}}" if matchers else INTERNET
        return {labels.get("unit", ""): value for labels, value in await self.fresh(selector, FRESH_SECONDS)}

    async def figures(self, unit: str) -> Figures:
        """Raises UnansweredError."""
        quoted = json.dumps(unit)
        rtts, losses, devices = await asyncio.gather(
            *(self.fresh(FIGURES[name] % quoted, FIGURE_SECONDS) for name in ("rtt", "loss", "devices"))
        )
        rtt = {(labels.get("target", ""), labels.get("agent", "")): value for labels, value in rtts}
        online: Counter[str] = Counter()
        for labels, value in devices:
            online[labels.get("agent", "")] += int(value)
        ways = sorted((labels.get("target", ""), labels.get("agent", ""), value) for labels, value in losses)
        return Figures([Line(target, agent, loss, rtt.get((target, agent))) for target, agent, loss in ways], online)


async def city(
    registry: Registry,
    facts: FactCollector,
    measurements: Measurements,
    unit: str | None = None,
    district: str | None = None,
) -> City:
    """What the registry and the rules say now, of all units, a district or one unit.

    Worst first; gravest and newest incidents first.
    """
    units, sightings, incidents, internet = await asyncio.gather(
        to_thread.run_sync(registry.units, unit, district),
        to_thread.run_sync(_sightings, facts, unit, district),
        to_thread.run_sync(registry.open_incidents, unit, district),
        _internet(measurements, unit, district),
    )
    now = time.time()
    rows = await to_thread.run_sync(_rows, units, sightings, internet, now)
    return City(rows, sorted(incidents, key=_gravity), internet is not None, now)


def _sightings(facts: FactCollector, unit: str | None, district: str | None) -> Mapping[str, Sequence[Sighted]]:
    by_unit: defaultdict[str, list[Sighted]] = defaultdict(list)
    for of, last_seen, stopped in facts.sightings(unit, district):
        by_unit[of].append((last_seen, stopped))
    return by_unit


def _rows(
    units: Sequence[UnitFact],
    sightings: Mapping[str, Sequence[Sighted]],
    internet: Mapping[str, float] | None,
    now: float,
) -> Sequence[UnitRow]:
    places = {name: place for place, name in enumerate(sorted({unit.district for unit in units}, key=natural))}
    rows = [_row(unit, sightings.get(unit.code, ()), internet, now) for unit in units]
    return sorted(rows, key=lambda row: (ORDER.index(row.state), places[row.unit.district], row.unit.code))


@lru_cache(maxsize=2_000)
def natural(name: str) -> tuple[tuple[str, int], ...]:
    """Key that sorts `Quận 2` before `Quận 10`."""
    return tuple((text, int(digits or 0)) for text, digits in re.findall(r"(\D+|^)([0-9]{0,9})", name.casefold()))


def _row(unit: UnitFact, sightings: Sequence[Sighted], internet: Mapping[str, float] | None, now: float) -> UnitRow:
    heard = [(last_seen, stopped) for last_seen, stopped in sightings if last_seen is not None]
    last_seen = max((at for at, _ in heard), default=None)
    goodbye = bool(heard) and all(stopped for _, stopped in heard)
    if last_seen is None:
        state: State = "waiting"
    elif internet is None:
        state = "unknown"
    elif unit.code in internet:
        state = _said(internet[unit.code])
    else:
        state = "silent" if goodbye or now - last_seen >= SILENT_SECONDS else "unknown"
    return UnitRow(unit, state, last_seen, len(sightings), goodbye)


def _said(value: float) -> State:
    if value == 1:
        return "up"
    return "down" if value == 0 else "unknown"


def _gravity(incident: IncidentFact) -> int:
    return SEVERITIES.index(incident.severity) if incident.severity in SEVERITIES else len(SEVERITIES)


async def _internet(measurements: Measurements, unit: str | None, district: str | None) -> dict[str, float] | None:
    try:
        return await measurements.internet(unit=unit, district=district)
    except UnansweredError:
        return None
