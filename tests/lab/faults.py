"""Random faults of a school with two ISPs, from a seed: what is broken, how, for how long, and what then is true."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.lab.isp import Isp
    from tests.lab.school import VirtualSchool
    from tests.lab.stream import Gap

Cut = Literal["fibre", "core", "gateway"]
Kind = Literal["fibre cut", "ISP cut", "loss", "failover", "flapping"]

KINDS: tuple[Kind, ...] = ("fibre cut", "ISP cut", "loss", "failover", "flapping")
SHORTEST_SECONDS, LONGEST_SECONDS = 8.0, 15.0
LEAST_LOSS, MOST_LOSS = 20, 60
FLAP_SECONDS = {"fibre": 2.5, "core": 8.0}
"""Periods: half of each is down. What netlink does not tell needs its 3 s to be noticed."""
CAUSES = {"fibre": "carrier", "core": "isp", "gateway": "isp"}


@dataclass(frozen=True, slots=True)
class Fault:
    """`cut` is what is broken, None where only the default route moves or packets are lost. `active`: on the line that
    carries the traffic. `watched_over`: another daemon fails over. `count` is of flaps.
    """

    kind: Kind
    active: bool
    seconds: float
    cut: Cut | None = None
    percent: float = 0.0
    count: int = 0

    @property
    def watched_over(self) -> bool:
        return self.kind == "failover" and self.cut is not None

    def __str__(self) -> str:
        what = f"{self.percent:g} %" if self.percent else self.cut or "route moved by hand"
        what = f"{self.count} times {what}" if self.count else what
        return f"{self.kind} ({what}, {'active' if self.active else 'spare'} line, {self.seconds:.1f} s)"


class Move(NamedTuple):
    """The default route went from one port to another."""

    at: float
    origin: str
    to: str


@dataclass(slots=True)
class Facts:
    """What really was. `downs` are the times in which the line `wan` was dead, as ordered; `begin` and `end` those of
    the fault; `over` when the next thing began. Monotonic seconds. `lost_echoes` is by target of the line.
    """

    fault: Fault
    wan: str
    begin: float
    end: float = 0.0
    over: float = 0.0
    downs: list[tuple[float, float]] = field(default_factory=list)
    moves: list[Move] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    lost_echoes: dict[str, int] = field(default_factory=dict)


def random_faults(seed: int, number: int, longest: float = LONGEST_SECONDS) -> list[Fault]:
    """As many of each kind, in random order."""
    chance = random.Random(seed)
    kinds = [KINDS[place % len(KINDS)] for place in range(number)]
    chance.shuffle(kinds)
    return [_fault(chance, kind, longest) for kind in kinds]


def _fault(chance: random.Random, kind: Kind, longest: float) -> Fault:
    active, seconds = chance.random() < 0.5, chance.uniform(SHORTEST_SECONDS, longest)
    if kind == "loss":
        return Fault(kind, active, seconds, percent=chance.randint(LEAST_LOSS, MOST_LOSS))
    if kind == "failover":
        return Fault(kind, True, seconds, cut=chance.choice(("fibre", "core", "gateway", None)))
    if kind == "flapping":
        cut: Cut = chance.choice(("fibre", "core"))
        count = max(2, int(seconds // FLAP_SECONDS[cut]))
        return Fault(kind, active, count * FLAP_SECONDS[cut], cut=cut, count=count)
    return Fault(kind, active, seconds, cut="fibre" if kind == "fibre cut" else chance.choice(("core", "gateway")))


def carry_out(school: VirtualSchool, fault: Fault) -> Facts:
    """Break it, wait, mend it. The daemon, its moves and what the stream saw are the caller's to add."""
    spare = next(name for name in school.isps if name != school.carrier)
    name = school.carrier if fault.active else spare
    isp = school.isps[name]
    facts = Facts(fault, isp.wan, time.monotonic())
    if fault.kind == "flapping":
        changes = isp.flap("fibre" if fault.cut == "fibre" else "core", FLAP_SECONDS[str(fault.cut)], fault.count)
        facts.end = changes[-1].at
        facts.downs = [(down.at, up.at) for down, up in zip(changes[::2], changes[1::2], strict=True)]
        return facts
    if fault.kind == "failover" and fault.cut is None:
        school.use_isp(spare)
        facts.moves.append(Move(facts.begin, isp.wan, school.isps[spare].wan))
        facts.end = facts.begin
        time.sleep(fault.seconds)
        return facts
    _break(isp, fault)()
    time.sleep(max(0.0, facts.begin + fault.seconds - time.monotonic()))
    if fault.kind == "loss":
        lost = isp.lost_echoes()
        facts.lost_echoes = {target: lost.get(target, 0) for target in (isp.target, school.common_target)}
    facts.end = time.monotonic()
    school.repair(name)
    facts.downs = [(facts.begin, facts.end)] if fault.cut else []
    return facts


def _break(isp: Isp, fault: Fault) -> Callable[[], None]:
    if fault.cut is None:
        return lambda: isp.lose(fault.percent)
    return {"fibre": isp.cut_fibre, "core": isp.cut_core, "gateway": isp.cut_gateway}[fault.cut]
