"""Keeps the state of all lines and of the default path: from its own router, from evidence, over restarts."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from haidang_agent.wan import diagnosis, site
from haidang_agent.wan.absence import REASONS, Attendance
from haidang_agent.wan.failover import Failover, Failovers
from haidang_agent.wan.metrics import CHANGES, FAILOVERS, GAP, OBSERVED, UNOBSERVED
from haidang_agent.wan.outages import DEFAULT_PATH, LONGEST_STEP_SECONDS, OutageBook
from haidang_agent.wan.times import earlier, recalled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from contextlib import AbstractContextManager

    from haidang_agent.probe import Host, Moment
    from haidang_agent.tables import Wan
    from haidang_agent.wan.outages import Cause
    from haidang_agent.wan.quality import Quality
    from haidang_agent.wan.router import Router, Witness

log = logging.getLogger(__name__)

EVIDENCE = frozenset({"internet", "snmp_wan", "egress", "optics"})
OUTAGES_KEY, MOVES_KEY = "wan.outages", "wan.moves"
REMEMBERED_MOVES = 20
SHORTEST_SLEEP_SECONDS = 1.0
CONTRADICTED_SECONDS = 10.0
"""So long the default path must be silent, while the line it uses works, before the router is to blame."""


@dataclass(frozen=True, slots=True)
class LineState:
    """A line now; None is unknown."""

    wan: Wan
    up: bool | None
    active: bool | None
    carrier: bool | None
    quality: Quality | None = None
    denied: str = ""


@dataclass(frozen=True, slots=True)
class Move:
    """A failover from one line to another, with the gap in seconds where it is known."""

    source: str
    target: str
    at: Moment
    gap: float | None


class Keeper:
    """Thread-safe. `make_router` starts the watch of lines with an interface here, None where there are none."""

    def __init__(
        self, host: Host, make_router: Callable[[Witness, AbstractContextManager[object]], Router | None]
    ) -> None:
        self._host = host
        self._wans = host.watch.wan
        self._lock = threading.RLock()
        now = host.time.moment()
        self._attendance = Attendance(host.memory, now)
        self.book = OutageBook(host.totals, (wan.name for wan in self._wans), host.memory.recall(OUTAGES_KEY))
        self.moves = {(move.source, move.target): move for move in _recall_moves(host.memory.recall(MOVES_KEY))}
        for wan in self._wans:
            for metric in (OBSERVED, CHANGES):
                host.totals.add(metric, 0, (wan.name, wan.isp))
        for reason in REASONS:
            host.totals.add(UNOBSERVED, 0, (reason,))
        self._counted_at, self._clock = time.monotonic(), now.monotonic
        self._known: set[str] = set()
        self._site_moves = Failovers()
        self._path = diagnosis.OwnPath(host.proc)
        self._closed = self._crashed = False
        self._router: Router | None = None
        with self._lock:
            self._router = make_router(self, self._lock)
        self._end_listening = host.evidence.listen(self._heard)

    def look(self) -> list[LineState]:
        """Everything as it is now; what is open is counted on. May take half a second while the Internet is down."""
        if self._must_examine():
            self._path.examine()
        with self._lock:
            seen = self._update()
            now = self._host.time.moment()
            self._note_absence(now)
            self._attendance.here(now)
            self._host.memory.keep(OUTAGES_KEY, self.book.as_json())
            return [self._state(wan, seen) for wan in self._wans]

    @property
    def broken(self) -> bool:
        """The router's thread has ended, or evidence was not taken in, by a fault of ours."""
        return self._crashed or (self._router is not None and not self._router.alive)

    def close(self) -> None:
        self._end_listening()
        self._closed = True
        if self._router is not None:
            self._router.close()
        with self._lock:
            self._attendance.leaving(self._host.time.moment())
            self._host.memory.keep(OUTAGES_KEY, self.book.as_json())  # or what was counted since a look would be again

    def line_changed(self, name: str) -> None:
        """The router's word on one of its lines."""
        if self._router is None:  # it is being made, and tells of carriers that are missing at the start
            return
        entry = self._router.lines[name]
        line, now, at = entry.line, self._host.time.moment(), time.monotonic()
        self._count_observed(at)
        self._know(name, line.up)
        if line.up is None:
            self.book.unknown(name, now)
        elif not line.up:
            dark = (self._host.evidence.ask("optics", name) or {}).get("dark")
            self._fails(entry.wan, "carrier" if dark else entry.cause(), earlier(now, at - (line.failed_at or at)), now)
        elif line.targets_answer:
            self.book.works(name, earlier(now, at - (line.restored_at or at)))
        else:
            self._works_but_targets(name, line.restored_at or at, now, at)

    def moved(self, failover: Failover) -> None:
        """The traffic moved, and the gap is known now or never."""
        labels = (failover.source, failover.target)
        self._host.totals.add(FAILOVERS, 1, labels)
        if failover.gap is not None:
            self._host.totals.observe(GAP, failover.gap, labels)
        when = earlier(self._host.time.moment(), time.monotonic() - failover.at)
        self.moves.pop(labels, None)
        self.moves[labels] = Move(*labels, when, failover.gap)
        kept = list(self.moves.values())[-REMEMBERED_MOVES:]
        self._host.memory.keep(MOVES_KEY, [[move.source, move.target, list(move.at), move.gap] for move in kept])

    def _heard(self, kind: str) -> None:
        """Another probe has found something else out; called in its thread, which our faults must not end."""
        if kind not in EVIDENCE:
            return
        try:
            if self._must_examine():
                threading.Thread(target=self._examine, name="wan-examine", daemon=True).start()
            else:
                self._update_unless_closed()
        except Exception:
            self._crashed = True
            log.exception("what the probe %s found out was not taken in", kind)

    def _must_examine(self) -> bool:
        internet: dict[str, Any] | None = self._host.evidence.ask("internet")
        return self._router is None and internet is not None and not internet["up"]

    def _examine(self) -> None:
        self._path.examine()
        self._update_unless_closed()

    def _update_unless_closed(self) -> None:
        with self._lock:
            if not self._closed:
                self._update()

    def _update(self) -> dict[str, site.SiteLine]:
        """What evidence says of lines that are not our own, and of the default path."""
        now, at = self._host.time.moment(), time.monotonic()
        self._count_observed(at)
        cut_off = self._must_examine() and self._path.cause() is not None
        seen = site.look([wan for wan in self._wans if not self._is_ours(wan)], self._host.evidence, cut_off=cut_off)
        self._follow_site(seen, now, at)
        for name in self._router.lines if self._router else ():
            self.line_changed(name)
        self._follow_path(self._host.evidence.ask("internet"), seen, now, at)
        return seen

    def _is_ours(self, wan: Wan) -> bool:
        return self._router is not None and wan.name in self._router.lines

    def _fails(self, wan: Wan, cause: Cause, began: Moment, now: Moment) -> None:
        was_open = self.book.open.get(wan.name)
        if was_open is None or not was_open.confirmed:
            self._host.totals.add(CHANGES, float(was_open is None), (wan.name, wan.isp))
        elif was_open.cause == "service":
            self.book.works(wan.name, began)
            self._host.totals.add(CHANGES, 1, (wan.name, wan.isp))
        self.book.fails(wan.name, cause, began, now)

    def _works_but_targets(self, name: str, restored_at: float, now: Moment, at: float) -> None:
        """The line is fine, what it is asked for is not: that is no fault of the ISP's."""
        open_now = self.book.open.get(name)
        if open_now is not None and open_now.cause != "service":
            self.book.works(name, earlier(now, at - restored_at))
        self.book.fails(name, "service", now, now)

    def _note_absence(self, now: Moment) -> None:
        absence = self._attendance.absence(now)
        if absence is None:
            return
        self._host.totals.add(UNOBSERVED, absence.seconds or 0.0, (absence.reason,))
        causes: dict[str, Cause] = {"reboot": "host", "power": "power"}
        if absence.reason in causes:
            self.book.happened(causes[absence.reason], absence.began, absence.ended, absence.seconds)

    def _follow_site(self, seen: Mapping[str, site.SiteLine], now: Moment, at: float) -> None:
        for wan in self._wans:
            line = seen.get(wan.name)
            if line is None:
                continue
            self._know(wan.name, line.up)
            if line.up is None:
                self.book.unknown(wan.name, now)
            elif line.up:
                self.book.works(wan.name, now)
            else:
                self._fails(wan, line.cause, now, now)
        active = frozenset(name for name, line in seen.items() if line.active)
        if active:
            unfinished = self._site_moves.active(active, at)
            for failover in (unfinished, *self._site_moves.settle({}, at)):
                if failover is not None:  # from here nobody sees when the traffic stopped
                    self.moved(failover._replace(gap=None))

    def _follow_path(
        self, internet: Mapping[str, Any] | None, seen: dict[str, site.SiteLine], now: Moment, at: float
    ) -> None:
        if internet is None:
            self.book.unknown(DEFAULT_PATH, now)
        elif internet["up"]:
            self.book.works(DEFAULT_PATH, now)
        else:
            since = internet["since"] or at
            cause = self._path_cause(seen, since, at)
            if cause is not None:
                self.book.fails(DEFAULT_PATH, cause, earlier(now, at - since), now)

    def _path_cause(self, seen: dict[str, site.SiteLine], since: float, at: float) -> Cause | None:
        """None: it does not fail, but loses much, or has just moved to a line that works."""
        if self._router is None:
            return self._path.cause() or site.cause_behind_the_router(seen, self._host.evidence, since)
        known = self.book.open.get(DEFAULT_PATH)
        contradicted = known.cause if known else "router" if at - since >= CONTRADICTED_SECONDS else None
        return diagnosis.of_the_lines(self._router) or contradicted

    def _state(self, wan: Wan, seen: Mapping[str, site.SiteLine]) -> LineState:
        if self._router is not None and wan.name in self._router.lines:
            entry = self._router.lines[wan.name]
            quality = entry.line.quality()
            active = wan.name in self._router.active
            return LineState(wan, entry.line.up, active, entry.carrier, quality, entry.denied)
        line = seen[wan.name]
        return LineState(wan, line.up, line.active, line.carrier)

    def _know(self, name: str, up: bool | None) -> None:
        (self._known.discard if up is None else self._known.add)(name)

    def _count_observed(self, at: float) -> None:
        """The time since the last count, of the lines whose state was known in it; that of sleep is a kind of its own.

        `time.monotonic` stands still while the machine sleeps, the agent's clock does not.
        """
        seconds, self._counted_at = at - self._counted_at, at
        clock, before = self._host.time.moment().monotonic, self._clock
        self._clock = clock
        if (asleep := clock - before - seconds) >= SHORTEST_SLEEP_SECONDS:
            self._host.totals.add(UNOBSERVED, asleep, ("asleep",))
        if seconds > LONGEST_STEP_SECONDS:
            return
        for wan in self._wans:
            if wan.name in self._known:
                self._host.totals.add(OBSERVED, seconds, (wan.name, wan.isp))


def _recall_moves(stored: Any) -> Iterable[Move]:
    """Rows of another shape are passed over."""
    for row in stored if isinstance(stored, list) else ():
        match row:
            case [str(source), str(target), at, float() | int() | None as gap] if moment := recalled(at):
                yield Move(source, target, moment, gap)
