"""All series of a simulated city's past, as rules would have recorded them."""

from __future__ import annotations

from datetime import date, timedelta
from functools import partial
from random import Random
from typing import TYPE_CHECKING, NamedTuple

from haidang_collector.simulate import flow
from haidang_collector.simulate.build import school_year_begins
from haidang_collector.simulate.expected import limits_on
from haidang_collector.simulate.memory import memory_of
from haidang_collector.simulate.outages import Outages, monthly
from haidang_collector.simulate.past import chapters
from haidang_collector.simulate.scenario import PAST, Past
from haidang_collector.simulate.series import Series, Tally, labelled, pointwise, stepwise
from haidang_collector.simulate.standing import standing
from haidang_collector.simulate.totals import ASKED, Stand, every_state, of_sums, sums, tell

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from haidang_collector.policy.policy import Policy
    from haidang_collector.simulate.expected import Limits
    from haidang_collector.simulate.model import City, SimUnit
    from haidang_collector.simulate.past import Chapter, Period
    from haidang_collector.simulate.series import Pace, Steps
    from haidang_collector.simulate.standing import Key, Labels

PACES: dict[str, Pace] = {"school:students_per_computer:ratio": "compared", "unit:school_name:info": "daily"}
"""Of what is told of a unit that nothing happens in; the rest is told daily."""
LINES = frozenset({"R1", "R2"})
"""What is declared of a line is told by its agent, each time."""
INTERNET = "school_internet:count"


class Judged(NamedTuple):
    """From `begin`, Unix time, these limits."""

    begin: float
    limits: Limits


class Year:
    """A period of a city's past. `agents`: the id of each heard unit's site agent."""

    def __init__(
        self, city: City, period: Period, policy: Policy, agents: Mapping[str, str], past: Past = PAST
    ) -> None:
        self._city, self._period, self._agents, self._past, self._policy = city, period, agents, past, policy
        self._judged = list(judged(period, limits_on(period.last, policy, period.calendar)))
        self._outages = Outages(monthly(city.seed, period), past)
        self._begin = period.midnight(period.first)

    def series(self) -> Iterator[Series]:
        tally, records = Tally(), Tally()
        for district in sorted({unit.district for unit in self._city.units}):
            every_state(tally, district, self._begin)
            for state in ("up", "down", "unknown"):
                tell(tally, district, INTERNET, labelled({"state": state}), 0, self._begin, None)
        for unit in self._city.units:
            story = chapters(unit, self._city, self._period, self._past)
            stands = list(self._stands(story))
            yield from _standing(stands)
            yield from memory_of(story, self._period.calendar)
            _add(tally, stands)
            yield from self._flow(unit, story, tally, records)
        yield from of_sums(tally)
        yield from flow.records(records)
        yield from _answers(self._city.seed, tally)
        yield from self._limits()

    def _limits(self) -> Iterator[Series]:
        for limit in self._policy.at(self._period.last):
            labels = labelled({"row": limit.row, "limit": limit.limit, **dict(limit.labels)})
            yield Series("policy:school_limit:value", labels, "hourly", stepwise([(self._begin, limit.value)]))

    def _stands(self, story: Sequence[Chapter]) -> Iterator[tuple[float, Stand]]:
        """What is true from when on."""
        for begin in sorted(
            {self._begin, *(chapter.begin for chapter in story), *(each.begin for each in self._judged)}
        ):
            now = next((chapter for chapter in reversed(story) if chapter.begin <= begin), story[0])
            limits = next(each.limits for each in reversed(self._judged) if each.begin <= begin)
            yield begin, Stand(now.unit, limits, now.watched)

    def _flow(self, unit: SimUnit, story: Sequence[Chapter], tally: Tally, records: Tally) -> Iterator[Series]:
        since = flow.since_of(story)
        tell_state = partial(tell, tally, unit.district, INTERNET)
        if not since:
            tell_state(labelled({"state": "unknown"}), 1, self._begin, None)
            return
        watched = flow.Watched(story, self._agents[unit.code], since, self._outages.of(unit, since))
        tell_state(labelled({"state": "unknown"}), 1, self._begin, watched.begin)
        for begin, end, up in flow.stretches(flow.internet(watched)):
            tell_state(labelled({"state": "up" if up else "down"}), 1, begin, end)
        flow.add_to(tally, records, watched)
        yield from flow.series_of(watched, self._city.seed)


def judged(period: Period, limits: Limits) -> Iterator[Judged]:
    """The limits of the last day, as if they had been in force all along; by season and school year.

    A season that was open once stays judged.
    """
    closed = limits.closed_seasons
    before: tuple[object, ...] = ()
    for number in range((period.last - period.first).days + 1):
        day = period.first + timedelta(days=number)
        now_closed = period.calendar.closed_seasons(day)
        closed = now_closed if not number else closed & now_closed
        due = date(school_year_begins(day), 7, 1) + (limits.plan_due - date(school_year_begins(limits.day), 7, 1))
        now = (closed, due, day > due)
        if now != before:
            yield Judged(period.midnight(day), limits._replace(day=day, plan_due=due, closed_seasons=closed))
        before = now


def _standing(stands: Sequence[tuple[float, Stand]]) -> Iterator[Series]:
    steps: dict[Key, Steps] = {}
    for begin, (unit, limits, watched) in stands:
        told = standing(unit, limits, watched=watched)
        for key, known in steps.items():
            if key not in told and known[-1][1] is not None:
                known.append((begin, None))
        for key, value in told.items():
            known = steps.setdefault(key, [])
            if not known or known[-1][1] != value:
                known.append((begin, value))
    for (name, labels), known in steps.items():
        yield Series(name, labels, PACES.get(name, "daily"), stepwise(known))
    yield from _ages(steps, stands[0][0])


def _ages(steps: Mapping[Key, Steps], told: float) -> Iterator[Series]:
    """How old the evidence is: what is measured was just seen, what is declared was told when the period began."""
    rows: dict[Labels, Steps] = {}
    for (name, labels), known in steps.items():
        if name == "school:row:source":
            row = tuple(each for each in labels if each[0] != "source")
            declared = dict(labels)["source"] != "measured" and dict(labels)["row"] not in LINES
            rows.setdefault(row, []).extend((at, None if value is None else float(declared)) for at, value in known)
    for labels, old in rows.items():
        yield Series("school:row:evidence_age_seconds", labels, "daily", pointwise(partial(_age, _merged(old), told)))


def _merged(steps: Steps) -> Steps:
    """Of several series of which one is told at a time; at one moment what begins comes after what ends."""
    return sorted(steps, key=lambda step: (step[0], step[1] is not None))


def _age(old: Steps, told: float, times: Sequence[int]) -> Iterator[float | None]:
    known = {place: value for begin, end, value in stepwise(old)(times) for place in range(begin, end)}
    for place, at in enumerate(times):
        yield None if place not in known else at - told if known[place] else 0.0


def _add(tally: Tally, stands: Sequence[tuple[float, Stand]]) -> None:
    """What the unit adds to sums, from when to when."""
    adding: dict[Key, tuple[float, float]] = {}
    district = stands[0][1].unit.district
    for begin, stand in stands:
        now = sums(stand)
        for key, (value, since) in list(adding.items()):
            if now.get(key) != value:
                tell(tally, district, *key, value, since, begin)
                del adding[key]
        for key, value in now.items():
            adding.setdefault(key, (value, begin))
    for key, (value, since) in adding.items():
        tell(tally, district, *key, value, since, None)


def _answers(seed: int, tally: Tally) -> Iterator[Series]:
    """How long each system takes to answer, where any school asks."""
    for name, labels in tally:
        if name == f"district:{ASKED}":
            noise = f"{seed}/{dict(labels)}"

            def seconds(times: Sequence[int], noise: str = noise) -> Iterator[float]:
                dice = Random(f"{noise}/{times[0]}" if times else noise)  # noqa: S311 - no secret
                usual = Random(noise).uniform(0.35, 0.6)  # noqa: S311 - as above
                return (usual * dice.uniform(0.9, 1.2) for _ in times)

            yield Series("district:school_service_duration_seconds:sparse_median", labels, "hourly", pointwise(seconds))
