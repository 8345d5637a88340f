"""Outages: opened, given a cause by the best evidence, counted, closed, and carried over a restart.

A cause may become clearer within the first seconds, and a counter cannot be taken back: an outage is counted when it is
over or 15 s old, whichever is first, and keeps that cause.
"""

from __future__ import annotations

from collections import deque
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

from haidang_agent.probe import Moment, Sample
from haidang_agent.wan.metrics import OUTAGE_ACTIVE, OUTAGE_SECONDS, OUTAGES
from haidang_agent.wan.times import between, recalled

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from haidang_agent.probe import Totals

Cause = Literal["power", "host", "lan", "router", "carrier", "isp", "service"]
CAUSES: tuple[Cause, ...] = get_args(Cause)
LINE_CAUSES: tuple[Cause, ...] = ("router", "carrier", "isp", "service")
"""What can be the matter with a line itself."""
DEFAULT_PATH = ""
"""In place of a line's name: what users feel, whatever the lines."""

SETTLED_SECONDS = 15.0
LONGEST_STEP_SECONDS = 40.0
"""A longer time between two looks is one in which nobody looked: the machine slept."""
REMEMBERED = 50


@dataclass(slots=True)
class Outage:
    """`seconds` were watched; `ended` None: still open. An outage recalled after a restart is not `confirmed` yet."""

    wan: str
    cause: Cause
    began: Moment
    last: Moment
    seconds: float = 0.0
    settled: bool = False
    confirmed: bool = True
    ended: Moment | None = None


class OutageBook:
    """At most one open outage of each line and of the default path."""

    def __init__(self, totals: Totals, lines: Iterable[str], stored: Any = None) -> None:
        self._totals = totals
        self._keys = [(DEFAULT_PATH, CAUSES), *((line, LINE_CAUSES) for line in lines)]
        for wan, causes in self._keys:
            for cause in causes:
                totals.add(OUTAGES, 0, (cause, wan))
                totals.add(OUTAGE_SECONDS, 0, (cause, wan))
        known = {wan for wan, _ in self._keys}
        remembered = [
            outage
            for raw in (stored if isinstance(stored, list) else ())
            if (outage := _recall(raw)) and outage.wan in known
        ]
        self.open = {outage.wan: outage for outage in remembered if outage.ended is None}
        self.closed = deque((outage for outage in remembered if outage.ended is not None), maxlen=REMEMBERED)

    def fails(self, wan: str, cause: Cause, began: Moment, now: Moment) -> None:
        """It does not work; called again as long as that is so, with what is known of the cause by then."""
        outage = self.open.get(wan)
        if outage is None:
            outage = self.open[wan] = Outage(wan, cause, began, began)
        elif not _watched(outage, now):
            outage.confirmed, outage.last = True, now
        if not outage.settled:
            outage.cause = cause
        self._watch(outage, now)
        if outage.seconds >= SETTLED_SECONDS:
            self._settle(outage)

    def unknown(self, wan: str, now: Moment) -> None:
        """Nobody can say whether it works: this time counts for nothing."""
        outage = self.open.get(wan)
        if outage is not None and _watched(outage, now):  # else it is still to be seen whether it goes on
            outage.last = now

    def works(self, wan: str, since: Moment) -> None:
        """It works. One that was open when the agent stopped, or the machine slept, ended while nobody looked.

        No more is counted of it.
        """
        outage = self.open.pop(wan, None)
        if outage is None:
            return
        watched = _watched(outage, since)
        if watched:
            self._watch(outage, since)
        self._settle(outage)
        outage.ended = since if watched else outage.last
        self.closed.append(outage)

    def happened(self, cause: Cause, began: Moment, ended: Moment, seconds: float | None) -> None:
        """An outage of the default path that is known only now, when over; `seconds` None: no clock ran through."""
        outage = Outage(DEFAULT_PATH, cause, began, ended, seconds or 0.0, ended=ended)
        self._settle(outage)
        self.closed.append(outage)

    def samples(self) -> Iterator[Sample]:
        for wan, causes in self._keys:
            outage = self.open.get(wan)
            for cause in causes:
                labels = (cause, wan)
                is_this = outage is not None and outage.confirmed and outage.cause == cause
                yield Sample(OUTAGE_ACTIVE, float(is_this), labels)
                yield self._totals.sample(OUTAGES, labels)
                yield self._totals.sample(OUTAGE_SECONDS, labels)

    def as_json(self) -> list[dict[str, Any]]:
        """The open ones and the last closed ones, as the constructor takes them back."""
        return [asdict(outage) for outage in (*self.closed, *self.open.values())]

    def _watch(self, outage: Outage, until: Moment) -> None:
        seconds = between(outage.last, until) or 0.0
        outage.seconds += seconds
        outage.last = until
        if outage.settled:
            self._totals.add(OUTAGE_SECONDS, seconds, (outage.cause, outage.wan))

    def _settle(self, outage: Outage) -> None:
        if not outage.settled:
            outage.settled = True
            self._totals.add(OUTAGES, 1, (outage.cause, outage.wan))
            self._totals.add(OUTAGE_SECONDS, outage.seconds, (outage.cause, outage.wan))


def _watched(outage: Outage, until: Moment) -> bool:
    """Somebody has looked all the time."""
    return outage.confirmed and (between(outage.last, until) or 0.0) <= LONGEST_STEP_SECONDS


def _recall(raw: Any) -> Outage | None:
    """An outage as JSON has it, unconfirmed; None for anything else."""
    if not isinstance(raw, dict) or raw.keys() != set(Outage.__slots__):
        return None
    began, last = recalled(raw["began"]), recalled(raw["last"])
    if began is None or last is None or raw["cause"] not in CAUSES or not isinstance(raw["seconds"], (int, float)):
        return None
    return Outage(**{**raw, "began": began, "last": last, "ended": recalled(raw["ended"]), "confirmed": False})
