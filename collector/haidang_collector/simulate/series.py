"""Series of a simulated past: what each is worth when, and how sums over many units are kept."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from itertools import groupby
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from haidang_collector.simulate.standing import Key, Labels

Pace = Literal["often", "hourly", "daily", "compared", "book", "entry", "memory", "deadline"]
"""How densely a series is written, see `grid.py`."""
Steps = list[tuple[float, float | None]]
"""From so many Unix seconds on it is worth so much; None: absent."""


class Series(NamedTuple):
    name: str
    labels: Labels
    pace: Pace
    runs: Callable[[Sequence[int]], Iterable[tuple[int, int, float]]]


def stepwise(steps: Steps) -> Callable[[Sequence[int]], Iterator[tuple[int, int, float]]]:
    """What keeps its value until the next step."""
    begins = [begin for begin, _ in steps]

    def runs(times: Sequence[int]) -> Iterator[tuple[int, int, float]]:
        at = 0
        while at < len(times):
            after = bisect_right(begins, times[at])
            until = bisect_left(times, begins[after]) if after < len(begins) else len(times)
            value = steps[after - 1][1] if after else None
            if value is not None:
                yield at, until, value
            at = until

    return runs


def pointwise(
    value_at: Callable[[Sequence[int]], Iterable[float | None]],
) -> Callable[[Sequence[int]], Iterator[tuple[int, int, float]]]:
    """What may be another at each time; None: absent."""

    def runs(times: Sequence[int]) -> Iterator[tuple[int, int, float]]:
        at = 0
        for value, alike in groupby(value_at(times)):
            until = at + sum(1 for _ in alike)
            if value is not None:
                yield at, until, value
            at = until

    return runs


def labelled(labels: Mapping[str, str]) -> Labels:
    return tuple(sorted(labels.items()))


class Tally:
    """Sums over units, by series; a sum to which nobody adds is absent."""

    def __init__(self) -> None:
        self._changes: defaultdict[Key, list[tuple[float, float, int]]] = defaultdict(list)

    def add(self, key: Key, value: float, begin: float, end: float | None = None) -> None:
        """So much from `begin` on, until `end`, Unix time."""
        changes = self._changes[key]
        changes.append((begin, value, 1))
        if end is not None:
            changes.append((end, -value, -1))

    def __iter__(self) -> Iterator[Key]:
        return iter(self._changes)

    def __contains__(self, key: object) -> bool:
        return key in self._changes

    def steps(self, key: Key) -> Steps:
        steps: Steps = []
        total, adding = 0.0, 0
        for at, value, one in sorted(self._changes.get(key, ())):
            total, adding = total + value, adding + one
            _step(steps, at, total if adding else None)
        return steps


def combined(of: Callable[[float, float], float | None], one: Steps, other: Steps) -> Steps:
    """`of` both where both are told."""
    steps: Steps = []
    first: float | None = None
    second: float | None = None
    for at, place, value in sorted([*((at, 0, value) for at, value in one), *((at, 1, value) for at, value in other)],
                                   key=lambda each: each[:2]):  # fmt: skip
        first, second = (value, second) if place == 0 else (first, value)
        _step(steps, at, None if first is None or second is None else of(first, second))
    return steps


def _step(steps: Steps, at: float, value: float | None) -> None:
    """At the end; of two at the same time the later one holds."""
    if steps and steps[-1][0] == at:
        steps[-1] = (at, value)
    else:
        steps.append((at, value))


def integral(steps: Steps) -> Callable[[float], float]:
    """What has been added up by a time: the value times seconds; absent counts nothing."""
    begins: list[float] = []
    sums: list[float] = []
    rates: list[float] = []
    total = 0.0
    for place, (at, value) in enumerate(steps):
        if place:
            total += rates[-1] * (at - begins[-1])
        begins.append(at)
        sums.append(total)
        rates.append(value or 0.0)

    def until(at: float) -> float:
        place = bisect_right(begins, at) - 1
        return sums[place] + rates[place] * (at - begins[place]) if place >= 0 else 0.0

    return until
