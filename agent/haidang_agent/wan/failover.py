"""When the traffic moves from one line to another: counted at the change, its gap measured as soon as it is known.

The gap begins when the old line went dead, or its route was taken away, and ends when the new line carries. A change
while the old line still worked has none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from haidang_agent.wan.line import Line

PATIENCE_SECONDS = 4.0
"""By then an old line that went dead before the change has been called so."""


class Failover(NamedTuple):
    """Done at `at` (monotonic seconds); `gap` in seconds, None where the next change came before the new line worked.

    Several lines at once are joined by `+`.
    """

    source: str
    target: str
    at: float
    gap: float | None


@dataclass(frozen=True, slots=True)
class _Change:
    """`left` are the old lines, and since when each carried the traffic; `stopped` is where nothing did already."""

    left: Mapping[str, float]
    joined: frozenset[str]
    at: float
    stopped: float | None


class Failovers:
    """Told which lines the default routes use. Times are monotonic seconds."""

    def __init__(self) -> None:
        self._since: dict[str, float] = {}
        self._routeless_since: float | None = None
        self._gap_began: float | None = None
        self._change: _Change | None = None

    def active(self, lines: frozenset[str], now: float) -> Failover | None:
        """The lines in use now; a Failover without a gap where this ends one whose gap is not known."""
        if not lines:
            if self._routeless_since is None:
                self._routeless_since = now
            return None
        left = {name: since for name, since in self._since.items() if name not in lines}
        joined, unfinished = lines - self._since.keys(), None
        if left:
            unfinished = None if self._change is None else _failover(self._change, None)
            stopped = [at for at in (self._gap_began, self._routeless_since) if at is not None]
            self._change = _Change(left, joined or lines, now, min(stopped, default=None))
        self._since, self._routeless_since = {name: self._since.get(name, now) for name in lines}, None
        return unfinished

    def settle(self, lines: Mapping[str, Line], now: float) -> Iterator[Failover]:
        """The change under way, once its gap is known."""
        change = self._change
        if change is None:
            return
        self._gap_began = began = _began(change, lines, now)  # also if the traffic moves on before the new line works
        ended = _ended(change, lines)
        if began is not None and ended is not None:
            self._change = self._gap_began = None
            yield _failover(change, max(0.0, ended - began))

    def doubtful(self) -> frozenset[str]:
        """Lines that the traffic left and that should be asked at once whether they are dead."""
        return frozenset(self._change.left if self._change else ())


def _failover(change: _Change, gap: float | None) -> Failover:
    return Failover("+".join(sorted(change.left)), "+".join(sorted(change.joined)), change.at, gap)


def _began(change: _Change, lines: Mapping[str, Line], now: float) -> float | None:
    """When the traffic stopped; None while that is not known."""
    times = [change.at if change.stopped is None else change.stopped]
    for name in change.left.keys() & lines.keys():
        line = lines[name]
        if line.up is False:
            times.append(max(line.failed_at or change.at, change.left[name]))
        elif (line.last_good is None or line.last_good < change.at) and now < change.at + PATIENCE_SECONDS:
            return None
    return min(times)


def _ended(change: _Change, lines: Mapping[str, Line]) -> float | None:
    """When the traffic went on; None while no new line works."""
    known = [lines[name] for name in change.joined & lines.keys()]
    if not known:
        return change.at
    working = [line.restored_at or change.at for line in known if line.up]
    return max(change.at, min(working)) if working else None
