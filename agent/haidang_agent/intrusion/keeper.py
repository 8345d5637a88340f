"""Which incidents are open, and which were: counted once each, remembered over restarts, bounded.

A case is counted when it is a minute old, or when it is over before: by then a detector has taken back what was part of
another incident, and a counter cannot. Totals and cases are stored in one transaction (`probe.Memory`), so that a case
that goes on after a restart is neither lost nor counted again.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter, defaultdict, deque
from typing import TYPE_CHECKING

from haidang_agent.intrusion.case import MEMORY_KEY, Case, begin, bounded, recall
from haidang_agent.intrusion.metrics import ACTIVE, TOTAL
from haidang_agent.lanwatch.incident import SEVERITIES
from haidang_agent.probe import Sample

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from haidang_agent.lanwatch.incident import Incident, Severity
    from haidang_agent.probe import Memory, Totals

log = logging.getLogger(__name__)

MOST_OPEN, MOST_PAST = 64, 50
MOST_NEW, NEW_SECONDS = 12, 600.0
"""Of one kind: who makes up incidents by the hundred must not drive out others, nor fill disk and log."""
SETTLED_SECONDS = 60.0
STORE_SECONDS = 60.0
"""So seldom only the time when a case was last seen is stored."""
SAME_SECONDS = 86400.0
"""What was last seen longer ago, before a restart, is over."""

Key = tuple[str, str, tuple[tuple[str, str], ...]]


class Keeper:
    """Thread-safe. `now` is Unix seconds of the machine's clock."""

    def __init__(self, memory: Memory, totals: Totals, now: float, patience: Callable[[str], float]) -> None:
        """`patience` is how long a kind's case of before may be silent."""
        self._memory, self._totals = memory, totals
        self._lock = threading.RLock()
        kept = memory.recall(MEMORY_KEY) or {}
        self._past = recall(kept.get("past", []))
        self._open: dict[Key, Case] = {}
        self._stored, self._is_news = now, False
        self._left_out = 0
        self._suspicions: frozenset[str] = frozenset()
        self._begun: defaultdict[str, deque[float]] = defaultdict(lambda: deque(maxlen=MOST_NEW))
        for case in recall(kept.get("open", [])):
            case.until = now + patience(case.kind)
            self._open[_key(case.source, case.kind, case.subject)] = case
            if case.last < now - SAME_SECONDS:
                self._end(_key(case.source, case.kind, case.subject), case.last)
        self.store(now)

    def report(self, source: str, incident: Incident, now: float) -> tuple[Case | None, bool]:
        """It is so, or still so. The case and whether it is new; None where there are too many already."""
        key = _key(source, incident.kind, incident.subject)
        with self._lock:
            case = self._open.get(key) or self._claim(key, incident)
            if case is not None:
                before = case.severity
                case.take(incident)
                self._is_news = self._is_news or case.severity != before or bool(case.until)
                case.until = 0.0
                return case, False
            begun = self._begun[incident.kind]
            is_flood = len(begun) == MOST_NEW and 0 <= now - begun[0] < NEW_SECONDS
            if (is_flood or len(self._open) >= MOST_OPEN) and not self._is_first(incident):
                self._left_out += 1
                return None, False
            begun.append(now)
            case = self._open[key] = begin(source, incident, now)
            self._is_news = True
            log.warning("incident %s (%s) opened; see haidang-agent incidents", case.id, case.severity)
            return case, True

    def close(self, source: str, incident: Incident, now: float) -> None:
        """It is over."""
        with self._lock:
            self._end(_key(source, incident.kind, incident.subject), now)

    def withdraw(self, source: str, incident: Incident) -> None:
        """It turned out to be part of another incident. What was counted stays counted."""
        with self._lock:
            self._open.pop(_key(source, incident.kind, incident.subject), None)
            self._is_news = True

    def attach(self, case: Case, capture: str) -> None:
        """The name of the file that holds its frames."""
        with self._lock:
            case.capture = capture
            self._is_news = True

    def open_of(self, source: str) -> list[Case]:
        """What a check has found."""
        with self._lock:
            return [case for case in self._open.values() if case.source == source]

    def newly_found(self, since: float) -> list[Case]:
        """Cases opened since then that have no frames yet."""
        with self._lock:
            return [case for case in self._open.values() if not case.capture and case.opened >= since]

    def is_open(self, kinds: frozenset[str]) -> bool:
        """Any of these kinds."""
        with self._lock:
            return any(case.kind in kinds for case in self._open.values())

    def suspect(self, kind: str) -> None:
        """Something passed that may belong to one: checks that hurry for this kind are to look at once."""
        with self._lock:
            self._suspicions |= {kind}

    def suspects(self, kinds: frozenset[str]) -> bool:
        """Any of these, and nobody has looked since."""
        with self._lock:
            return bool(self._suspicions & kinds)

    def dispel(self, kinds: frozenset[str]) -> None:
        """Somebody looks now."""
        with self._lock:
            self._suspicions -= kinds

    def captures(self) -> set[str]:
        """Names of the files that cases have."""
        with self._lock:
            return {case.capture for case in (*self._open.values(), *self._past) if case.capture}

    def tick(self, now: float) -> None:
        """Count what is settled, end what nobody told again after a restart, store."""
        with self._lock:
            for key, case in list(self._open.items()):
                if case.until and now > case.until:
                    self._end(key, case.last)
                elif not case.counted and not 0 <= now - case.opened < SETTLED_SECONDS:
                    self._count(case)
            if self._is_news or (self._open and not 0 <= now - self._stored < STORE_SECONDS):
                self.store(now)

    def store(self, now: float) -> None:
        """For the next run of the agent, and for the command that shows it."""
        with self._lock:
            self._memory.keep(MEMORY_KEY, {
                "open": [case.keep() for case in self._open.values()],
                "past": [case.keep() for case in self._past],
                "left_out": self._left_out,
            })  # fmt: skip
            self._stored, self._is_news = now, False

    def samples(self, kinds: Mapping[str, tuple[Severity, ...]]) -> Iterator[Sample]:
        """`kinds` are those that are watched for, with the severities each can have."""
        with self._lock:
            active = Counter((case.kind, str(case.severity)) for case in self._open.values())
        watched = [(kind, str(severity)) for kind, severities in kinds.items() for severity in severities]
        for labels in dict.fromkeys((*watched, *active)):
            yield Sample(ACTIVE, float(active[labels]), labels)
            yield self._totals.sample(TOTAL, labels)

    def _is_first(self, incident: Incident) -> bool:
        """None of its kind is open that is as bad: it finds room always, or decoys would hide it."""
        rank = SEVERITIES.index(incident.severity)
        return all(case.kind != incident.kind or SEVERITIES.index(case.severity) > rank for case in self._open.values())

    def _claim(self, key: Key, incident: Incident) -> Case | None:
        """The case of before the restart that this is."""
        for old, case in self._open.items():
            if case.until and case.is_told_by(incident):
                del self._open[old]
                case.source = key[0]
                self._open[key] = case
                return case
        return None

    def _end(self, key: Key, now: float) -> None:
        case = self._open.pop(key, None)
        if case is None:
            return
        self._count(case)
        case.ended, case.until = now, 0.0
        self._past = [*self._past, case][-MOST_PAST:]
        self._is_news = True
        log.info("incident %s is over", case.id)

    def _count(self, case: Case) -> None:
        if not case.counted:
            case.counted = self._is_news = True
            self._totals.add(TOTAL, 1, (case.kind, case.worst))


def _key(source: str, kind: str, subject: dict[str, str]) -> Key:
    return source, kind, tuple(sorted(bounded(subject).items()))
