"""A unit's last 30 days on a line of time: for each of its lines, when it was watched, and which outages it had.

From the books that agents keep themselves (alerts/rules/history.yml: every half hour, and of the last hour every four
minutes), so that an outage stands there though nothing could be told meanwhile. Where in the time between two entries
it lay is not known.
"""

from __future__ import annotations

import asyncio
import json
import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, groupby, pairwise
from typing import TYPE_CHECKING

from haidang_collector.web.rows import literal
from haidang_collector.web.state import natural

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from haidang_collector.web.state import Measurements, Samples

DAYS = 30
SLOT_SECONDS = 3 * 3600
SLOTS = DAYS * 86400 // SLOT_SECONDS
"""What is drawn: an outage of a minute takes a whole slot's width, and is seen."""
LEVELS = 4
"""Heights of a bar."""
HALF = 0.5
WHOLE = 0.99
LOST = (
    "agent:school_outage_seconds:sparse{unit=%s,cause=~%s}[30d]",
    "agent:school_outage_seconds:total{unit=%s,cause=~%s}[1h]",
)
WATCHED = (
    "last_over_time(agent:school_wan_observed_seconds:sparse{unit=%s}[3h])[30d:3h]",
    "agent:school_wan_observed_seconds:total{unit=%s}[4h]",
)
"""Entries of the whole time, and of the last hours more often."""
CAUSES = 'group by (cause) (unit:school_outage_seconds:increase{unit=%s,window="30d"} > 0)'
WITNESS = 'agent:school_outage_witness{unit=%s,window="30d"} == 1'

Stretch = tuple[float, float, float]
"""Between two entries: begin and end in Unix seconds, and the seconds that were counted."""
Book = Sequence[tuple[float, float]]
"""Entries: when (Unix seconds), and how many seconds were counted so far."""
Key = tuple[str, str, str, str]
"""Agent, line, ISP, cause."""


@dataclass(frozen=True, slots=True)
class Outage:
    """`seconds` without the line by `cause`, which lay somewhere between `begin` and `end` (Unix seconds)."""

    begin: float
    end: float
    cause: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Bar:
    """`width` slots from slot `begin` on. `level` of LEVELS: how much of the time was lost, most of it by `cause`."""

    begin: int
    width: int
    cause: str = ""
    level: int = 0


@dataclass(frozen=True, slots=True)
class Track:
    """One line, or (`wan` empty) the default path, as users felt it. `watched`: None where no book says so.

    `outages` are what `bars` are drawn of, newest first.
    """

    wan: str
    isp: str
    watched: Sequence[Bar] | None
    bars: Sequence[Bar]
    outages: Sequence[Outage]


@dataclass(frozen=True, slots=True)
class Timeline:
    """From `begin` to `end` (Unix seconds); the default path first."""

    begin: float
    end: float
    tracks: Sequence[Track]


async def timeline_of(measurements: Measurements, unit: str, now: float) -> Timeline:
    """Without tracks where no book was kept. Raises UnansweredError."""
    quoted = json.dumps(unit)
    witness, causes, watched = await asyncio.gather(
        measurements.query(WITNESS % quoted),
        measurements.query(CAUSES % quoted),
        asyncio.gather(*(measurements.samples(selector % quoted) for selector in WATCHED)),
    )
    one_of = json.dumps("|".join(sorted(literal(labels.get("cause", "")) for labels, _ in causes)))
    lost = await asyncio.gather(*(measurements.samples(selector % (quoted, one_of)) for selector in LOST if causes))
    agents = {labels.get("wan", ""): labels.get("agent", "") for labels, _ in witness}
    books, observed = (_believed(_joined(entries), agents) for entries in (lost, watched))
    begin = now - DAYS * 86400
    names = sorted(agents.keys() & {wan for _, wan, _, _ in (*books, *observed)}, key=natural)
    return Timeline(begin, now, [_track(wan, books, observed, begin) for wan in names])


def _joined(books: Iterable[Iterable[Samples]]) -> dict[Key, list[tuple[float, float]]]:
    """The entries of the first, and of each other one those that are newer."""
    joined: defaultdict[Key, list[tuple[float, float]]] = defaultdict(list)
    for labels, samples in chain.from_iterable(books):
        agent, wan, isp, cause = (labels.get(name, "") for name in ("agent", "wan", "isp", "cause"))
        known = joined[agent, wan, isp, cause]
        last = known[-1][0] if known else 0.0
        known.extend(sample for sample in samples if sample[0] > last)
    return joined


def _believed(books: Mapping[Key, Book], agents: Mapping[str, str]) -> dict[Key, list[Stretch]]:
    """Of each line, the book of the agent that counts."""
    return {key: list(_increases(samples)) for key, samples in books.items() if agents.get(key[1]) == key[0]}


def _increases(samples: Book) -> Iterator[Stretch]:
    """A counter that falls was begun anew."""
    for (begin, before), (end, after) in pairwise(samples):
        seconds = after - before if after >= before else after
        if seconds > 0 and math.isfinite(seconds):
            yield begin, end, min(seconds, end - begin)


def _track(
    wan: str, lost: Mapping[Key, Sequence[Stretch]], watched: Mapping[Key, Sequence[Stretch]], begin: float
) -> Track:
    books = {isp: stretches for (_, of, isp, _), stretches in watched.items() if of == wan}
    counted = {cause: stretches for (_, of, _, cause), stretches in lost.items() if of == wan}
    outages = [
        Outage(start, end, cause, seconds) for cause in counted for start, end, seconds in counted[cause] if end > begin
    ]
    seen = _slots(chain.from_iterable(books.values()), begin)
    return Track(
        wan,
        max(books, key=lambda isp: max((end for _, end, _ in books[isp]), default=0.0), default=""),
        list(_runs([("", int(part >= HALF)) for part in seen])) if books else None,
        list(_bars(counted, begin)),
        sorted(_merged(outages), key=lambda each: -each.begin),
    )


def _slots(stretches: Iterable[Stretch], begin: float) -> list[float]:
    """Share of each slot; a stretch's seconds are spread over it evenly."""
    slots = [0.0] * SLOTS
    for start, end, seconds in stretches:
        first, last = (int((at - begin) // SLOT_SECONDS) for at in (start, end))
        for slot in range(max(first, 0), min(last, SLOTS - 1) + 1):
            at = begin + slot * SLOT_SECONDS
            overlap = min(end, at + SLOT_SECONDS) - max(start, at)
            slots[slot] += seconds / (end - start) * overlap / SLOT_SECONDS
    return slots


def _bars(counted: Mapping[str, Iterable[Stretch]], begin: float) -> Iterator[Bar]:
    by_cause = {cause: _slots(stretches, begin) for cause, stretches in counted.items()}
    drawn = []
    for slot in range(SLOTS):
        shares = {cause: slots[slot] for cause, slots in by_cause.items() if slots[slot] > 0}
        level = min(math.ceil(sum(shares.values()) * LEVELS), LEVELS)
        drawn.append((max(shares, key=lambda cause: shares[cause], default=""), level))
    return _runs(drawn)


def _runs(slots: Sequence[tuple[str, int]]) -> Iterator[Bar]:
    """Neighbours that are alike as one; none of level 0."""
    begin = 0
    for (cause, level), alike in groupby(slots):
        width = len(list(alike))
        if level:
            yield Bar(begin, width, cause, level)
        begin += width


def _merged(outages: Sequence[Outage]) -> list[Outage]:
    """Stretches of one cause that follow on each other as one, where one of the two was lost whole."""
    merged: list[Outage] = []
    before: Outage | None = None
    for each in outages:
        follows = before is not None and before.cause == each.cause and before.end == each.begin
        if before and follows and (_is_whole(before) or _is_whole(each)):
            begun = merged.pop()
            merged.append(Outage(begun.begin, each.end, each.cause, begun.seconds + each.seconds))
        else:
            merged.append(each)
        before = each
    return merged


def _is_whole(outage: Outage) -> bool:
    return outage.seconds >= WHOLE * (outage.end - outage.begin)
