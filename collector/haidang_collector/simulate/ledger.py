"""What the site agent of a simulated unit has counted of its lines and of attacks on its LAN."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from haidang_collector.simulate.build import Dice
from haidang_collector.simulate.outages import POWER, WHOLE, Outage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from haidang_collector.simulate.model import SimUnit

COUNTED_SECONDS = 60.0
"""An attack is counted when it is so old, or over."""
TO_SPARE_SECONDS, BACK_SECONDS = (2.0, 25.0), (0.05, 1.0)
"""Gaps in the traffic: while a dead line is noticed, and when traffic moves back in order."""


class Attack(NamedTuple):
    """From `begin` to `end`, Unix seconds."""

    begin: float
    end: float
    kind: str


class Move(NamedTuple):
    """Traffic went to another line at `at`, and stood still for `gap` seconds."""

    at: float
    gap: float


class Day(NamedTuple):
    """What happens at a unit on one day; nothing of it goes on after `end`."""

    begin: float
    end: float
    outages: Sequence[Outage]
    attacks: Sequence[Attack]


@dataclass(slots=True)
class Ledger:
    """Outages and their seconds by cause and line, without those of what is still open; failovers; attacks by kind."""

    outages: Counter[tuple[str, str]] = field(default_factory=Counter)
    seconds: dict[tuple[str, str], float] = field(default_factory=dict)
    moves: dict[tuple[str, str], list[Move]] = field(default_factory=dict)
    attacks: Counter[str] = field(default_factory=Counter)

    def copy(self) -> Ledger:
        moves = {way: list(moves) for way, moves in self.moves.items()}
        return Ledger(self.outages.copy(), self.seconds.copy(), moves, self.attacks.copy())

    def enter(self, unit: SimUnit, day: Day, since: float, until: float) -> None:
        """What happened on the day between the two times."""
        for each in day.outages:
            if each.end > since and each.begin <= until:
                key = (each.cause, each.wan)
                self.outages[key] += 1
                if each.end <= until:
                    self.seconds[key] = self.seconds.get(key, 0.0) + each.end - max(each.begin, since)
        for attack in day.attacks:
            if attack.end > since and min(attack.begin + COUNTED_SECONDS, attack.end) <= until:
                self.attacks[attack.kind] += 1
        if len(unit.lines) > 1:
            self._follow(unit, day.outages, since, until)

    def unwatched(self) -> float:
        """Seconds in which there was no power."""
        return self.seconds.get((POWER, WHOLE), 0.0)

    def down(self, wan: str) -> float:
        """Seconds in which the line was down, or nobody watched it."""
        return sum(seconds for (_, of), seconds in self.seconds.items() if of == wan) + self.unwatched()

    def _follow(self, unit: SimUnit, outages: Sequence[Outage], since: float, until: float) -> None:
        before = carrying(unit, outages, since)
        moments = {each.begin for each in outages if each.wan} | {each.end for each in outages if each.wan}
        for at in sorted(moment for moment in moments if since < moment <= until):
            now = carrying(unit, outages, at)
            if now is not None and before is not None and now != before:
                spare = any(each.wan == before and each.begin <= at < each.end for each in outages)
                gap = Dice(f"{unit.code}/{before}/{at:.3f}").uniform(*(TO_SPARE_SECONDS if spare else BACK_SECONDS))
                self.moves.setdefault((before, now), []).append(Move(at, gap))
            before = now or before


def carrying(unit: SimUnit, outages: Sequence[Outage], at: float) -> str | None:
    """The first line that is up carries the traffic; None where none is."""
    down = {each.wan for each in outages if each.begin <= at < each.end}
    return next((line.wan for line in unit.lines if line.up and line.wan not in down), None)
