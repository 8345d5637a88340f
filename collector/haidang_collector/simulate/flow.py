"""What moves all the time in a simulated unit's past: its lines, and the book that its site agent keeps of them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import TYPE_CHECKING

from haidang_collector.simulate.live import MONTH
from haidang_collector.simulate.metrics import CAUSES, LINE_CAUSES
from haidang_collector.simulate.outages import CARRIER, ISP, POWER, WHOLE, Outage
from haidang_collector.simulate.readings import OUTAGES_A_MONTH, SHORT_SECONDS, short_outages
from haidang_collector.simulate.series import Series, combined, integral, labelled, pointwise, stepwise

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from haidang_collector.simulate.model import Line
    from haidang_collector.simulate.past import Chapter
    from haidang_collector.simulate.series import Pace, Steps, Tally

DAY = 86_400
WINDOWS = {"1d": DAY, "30d": 30 * DAY}
JUDGED_SECONDS = 3600
"""A line watched for less has no availability."""
BOOKS: dict[str, Pace] = {"sparse": "book", "total": "entry"}
"""Under which names rules keep what agents count, and how densely."""
FAULTS = frozenset({ISP, CARRIER})
"""Causes that are the ISP's."""
FAULTY, SEEN = "fault", "observed"
"""Lines that are down by the ISP's fault, and those that are watched; by district and ISP."""


@dataclass(frozen=True, slots=True)
class Watched:
    """A unit that is heard: `agent` at its site, `since` when each line is told of, Unix time."""

    story: Sequence[Chapter]
    agent: str
    since: Mapping[str, float]
    outages: Sequence[Outage]

    @property
    def begin(self) -> float:
        return min(self.since.values())

    @property
    def lines(self) -> Sequence[Line]:
        return self.story[-1].unit.lines

    @property
    def labels(self) -> dict[str, str]:
        unit = self.story[-1].unit
        return {"unit": unit.code, "district": unit.district}


def since_of(story: Sequence[Chapter]) -> dict[str, float]:
    """When each line is first told of, by `wan`; empty of a unit that is never heard."""
    since: dict[str, float] = {}
    for chapter in story:
        if chapter.unit.presence == "heard":
            for line in chapter.unit.lines:
                since.setdefault(line.wan, chapter.begin)
    return since


def internet(watched: Watched) -> Steps:
    """1 while users have it."""
    up = any(line.up for line in watched.lines)
    return _steps(watched.begin, float(up), [each for each in watched.outages if each.wan == WHOLE], 0.0)


def up_and_down(watched: Watched, line: Line) -> Steps:
    """1 while the line is up; nobody knows while there is no power."""
    began = watched.since[line.wan]
    own = [each for each in watched.outages if each.wan == line.wan]
    power = [each for each in watched.outages if each.cause == POWER]
    down = _steps(began, float(line.up), own, 0.0)
    return combined(lambda state, on: state if on else None, down, _steps(began, 1.0, power, 0.0))


def _steps(begin: float, value: float, outages: Sequence[Outage], during: float) -> Steps:
    steps: Steps = [(begin, value)]
    for each in outages:
        if each.end > begin:
            steps += [(max(each.begin, begin), during), (each.end, value)]
    return steps


def add_to(tally: Tally, records: Tally, watched: Watched) -> None:
    """To the sums of its district, lines by state; and to each ISP's record."""
    for line in watched.lines:
        where = {"district": watched.labels["district"], "isp": line.isp}
        for begin, end, up in stretches(up_and_down(watched, line)):
            for state, value in (("up", up), ("down", 1 - up)):
                key = ("district:school_wan_lines:count", labelled({**where, "state": state}))
                tally.add(key, value, begin, end)
            records.add((SEEN, labelled(where)), 1, begin, end)
        for begin, end in _faulty(watched, line):
            records.add((FAULTY, labelled(where)), 1, begin, end)


def stretches(steps: Steps) -> Iterator[tuple[float, float | None, float]]:
    ends: list[float | None] = [begin for begin, _ in steps[1:]]
    for (begin, value), end in zip(steps, [*ends, None], strict=True):
        if value is not None:
            yield begin, end, value


def _faulty(watched: Watched, line: Line) -> Iterator[tuple[float, float | None]]:
    if not line.up:
        yield watched.since[line.wan], None
    for each in watched.outages:
        if each.wan == line.wan and each.cause in FAULTS:
            yield each.begin, each.end


def series_of(watched: Watched, seed: int) -> Iterator[Series]:
    """What is told of the unit alone."""
    labels = watched.labels
    yield Series("unit:school_internet_up", labelled(labels), "often", stepwise(internet(watched)))
    yield from _book(watched, WHOLE, CAUSES, down=not any(line.up for line in watched.lines))
    for line in watched.lines:
        of_line = {**labels, "wan": line.wan, "isp": line.isp}
        state = up_and_down(watched, line)
        yield Series("unit:school_wan_up", labelled(of_line), "often", stepwise(state))
        at_agent = labelled({**of_line, "agent": watched.agent})
        noise = f"{seed}/{labels['unit']}/{line.wan}"
        yield Series("school_wan_rtt_p95_seconds", at_agent, "often", pointwise(partial(_round_trip, noise, state)))
        yield from _light(watched, line, noise)
        yield from _book(watched, line.wan, LINE_CAUSES, down=not line.up)
        yield from _record(watched, line, state)


def _round_trip(noise: str, state: Steps, times: Sequence[int]) -> Iterator[float | None]:
    dice, usual = Random(f"{noise}/{times[0]}" if times else noise), Random(noise).uniform(0.004, 0.04)  # noqa: S311
    known = {place: value for begin, end, value in stepwise(state)(times) for place in range(begin, end)}
    for place, _ in enumerate(times):
        yield usual * dice.uniform(0.8, 1.4) if known.get(place) else None


def _light(watched: Watched, line: Line, noise: str) -> Iterator[Series]:
    """Of lines whose light is measured, as long as they have been."""
    began = None
    for chapter in watched.story:
        now = next((each for each in chapter.unit.lines if each.wan == line.wan), None)
        lit = chapter.unit.presence == "heard" and now is not None and now.evidence == "optical" and now.up
        began = (began or chapter.begin) if lit else None
    if began is None:
        return
    labels, since = labelled({**watched.labels, "wan": line.wan}), began

    def power(times: Sequence[int]) -> Iterator[float | None]:
        dice = Random(f"{noise}/light/{times[0]}" if times else noise)  # noqa: S311 - no secret
        for at in times:
            yield -14.0 + dice.gauss(0, 0.1) if at >= since else None

    yield Series("unit:school_fibre_rx_power_dbm:sampled", labels, "often", pointwise(power))
    yield Series("unit:school_fibre_rx_baseline:dbm", labels, "often", stepwise([(since + 7 * DAY, -14.0)]))


def _lost(watched: Watched, wan: str, causes: Sequence[str], cause: str, *, down: bool) -> Callable[[float], float]:
    """Seconds of outages until a time: those of the story, and the short ones that simulated agents always tell of."""
    began = watched.since.get(wan, watched.begin)
    own = [each for each in watched.outages if (each.wan, each.cause) == (wan, cause)]
    steps: Steps = [(began, 1.0)] if down and cause == ISP else _steps(began, 0.0, own, 1.0)
    of_story, place = integral(steps), causes.index(cause)

    def until(at: float) -> float:
        return of_story(at) + _short(place, max(at, began))

    return until


def _short(place: int, at: float) -> float:
    """Seconds of short outages since 1970, of the cause at that place."""
    whole = math.ceil(OUTAGES_A_MONTH / (place + 1)) - 1
    return (at // MONTH * whole + short_outages(place, at % MONTH)) * SHORT_SECONDS


def _book(watched: Watched, wan: str, causes: Sequence[str], *, down: bool) -> Iterator[Series]:
    """The agent's own counters, which begin anew every 30 days, as those of simulated agents do."""
    labels = {**watched.labels, "agent": watched.agent} | ({"wan": wan} if wan else {})
    began = watched.since.get(wan, watched.begin)
    for cause in causes:
        lost = _lost(watched, wan, causes, cause, down=down)

        def seconds(times: Sequence[int], lost: Callable[[float], float] = lost) -> Iterator[float | None]:
            for at in times:
                yield lost(at) - lost(max(at - at % MONTH, began)) if at >= began else None

        for name, pace in BOOKS.items():
            key = labelled({**labels, "cause": cause})
            yield Series(f"agent:school_outage_seconds:{name}", key, pace, pointwise(seconds))


def _record(watched: Watched, line: Line, state: Steps) -> Iterator[Series]:
    """How long the line was watched, was down by each cause, and which share of the time it worked."""
    began, labels = watched.since[line.wan], {**watched.labels, "wan": line.wan}
    at_agent = labelled({**labels, "agent": watched.agent, "isp": line.isp})

    def watching(times: Sequence[int]) -> Iterator[float | None]:
        for at in times:
            yield at % MONTH if at >= began else None

    for name, pace in BOOKS.items():
        yield Series(f"agent:school_wan_observed_seconds:{name}", at_agent, pace, pointwise(watching))
    seen = integral([(at, None if value is None else 1.0) for at, value in state])
    lost = {cause: _lost(watched, line.wan, LINE_CAUSES, cause, down=not line.up) for cause in LINE_CAUSES}
    for window, seconds in WINDOWS.items():
        of_window = {**labels, "window": window}
        yield _increase("unit:school_wan_observed_seconds:increase", {**of_window, "isp": line.isp}, seen, seconds)
        for cause in LINE_CAUSES:
            of_cause = {**of_window, "cause": cause}
            yield _increase("unit:school_outage_seconds:increase", of_cause, lost[cause], seconds)

        def share(times: Sequence[int], back: int = seconds) -> Iterator[float | None]:
            for at in times:
                whole = seen(at) - seen(at - back)
                away = sum(until(at) - until(at - back) for cause, until in lost.items() if cause != "service")
                yield max(1 - away / whole, 0.0) if whole >= JUDGED_SECONDS else None

        key = labelled({**of_window, "isp": line.isp})
        yield Series("unit:school_wan_availability:ratio", key, "daily", pointwise(share))


def _increase(name: str, labels: Mapping[str, str], until: Callable[[float], float], seconds: int) -> Series:
    """By how much it grew in the window; absent where it did not."""

    def grown(times: Sequence[int]) -> Iterator[float | None]:
        for at in times:
            yield until(at) - until(at - seconds) or None

    return Series(name, labelled(labels), "daily", pointwise(grown))


def records(tally: Tally) -> Iterator[Series]:
    """Of each district and ISP: seconds that its lines were watched, and down by its own fault, of the day before."""
    for word, labels in tally:
        seen, until = integral(tally.steps((SEEN, labels))), integral(tally.steps((word, labels)))
        values = pointwise(partial(_of_day, seen, until, word == FAULTY))
        yield Series(f"district:school_wan_{word}_seconds:sparse_day", labels, "hourly", values)
        if word == SEEN and (FAULTY, labels) not in tally:
            values = pointwise(partial(_of_day, seen, integral([]), True))
            yield Series(f"district:school_wan_{FAULTY}_seconds:sparse_day", labels, "hourly", values)


def _of_day(
    seen: Callable[[float], float], until: Callable[[float], float], short: bool, times: Sequence[int]
) -> Iterator[float | None]:
    """`short`: with the short outages of each line that was watched."""
    for at in times:
        watched = seen(at) - seen(at - DAY)
        places = [LINE_CAUSES.index(cause) for cause in FAULTS] if short else []
        each_line = sum(_short(place, at) - _short(place, at - DAY) for place in places)
        yield until(at) - until(at - DAY) + each_line * round(watched / DAY) if seen(at) > 0 else None
