"""Incidents: what detectors find, merged per subject, opened once and closed when it is over."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from haidang_agent.i18n import _
from haidang_agent.lanwatch.naming import place

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from haidang_agent.lanwatch.frames import Frame

Severity = Literal["critical", "warning", "info"]
SEVERITIES: tuple[Severity, ...] = ("critical", "warning", "info")
"""Worst first."""

QUIET_SECONDS = 300.0
MOST_OPEN = 256

Place = tuple[tuple[int, ...], object]
"""A segment, and what tells its incidents apart."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """A sentence (msgid) and what goes into its places, so that it can be told in the reader's language."""

    sentence: str
    values: dict[str, Any] = field(default_factory=dict)

    def told(self, translate: Callable[[str], str] = _) -> str:
        return translate(self.sentence).format(**self.values)


@dataclass(frozen=True, slots=True)
class Incident:
    """Times are Unix seconds of the frames, `packet` the number of the frame by which it was found.

    `subject` says who or what, and is the same for all its life.
    """

    kind: str
    severity: Severity
    first_seen: float
    last_seen: float
    packet: int
    subject: dict[str, str]
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class Change:
    """`withdrawn`: what was told turned out to be part of another incident."""

    state: Literal["opened", "changed", "closed", "withdrawn"]
    incident: Incident


class Cases:
    """The open incidents of one kind, one per subject; at most 256, then the one longest unheard of is closed."""

    __slots__ = ("_kind", "_open", "_quiet")

    def __init__(self, kind: str, quiet: float) -> None:
        self._kind = kind
        self._quiet = quiet
        self._open: dict[Place, Incident] = {}

    def has(self, segment: tuple[int, ...], key: object) -> bool:
        """Whether it is open."""
        return (segment, key) in self._open

    def report(
        self,
        frame: Frame,
        key: object,
        severity: Severity,
        evidence: Evidence,
        subject: dict[str, str],
        since: float | None = None,
    ) -> Iterator[Change]:
        """By this frame it is so, once more. `key` tells a segment's incidents apart; the latest severity holds."""
        whole_key = frame.segment, key
        known = self._open.pop(whole_key, None)
        if known is None:
            if len(self._open) >= MOST_OPEN:
                yield from self.close(next(iter(self._open)))
            first = frame.time if since is None else min(since, frame.time)
            whole = subject | place(frame.segment)
            self._open[whole_key] = Incident(self._kind, severity, first, frame.time, frame.number, whole, evidence)
            yield Change("opened", self._open[whole_key])
            return
        last = max(frame.time, known.last_seen)
        self._open[whole_key] = replace(known, severity=severity, last_seen=last, evidence=evidence)
        yield Change("changed", self._open[whole_key])

    def withdraw(self, segment: tuple[int, ...], key: object) -> Iterator[Change]:
        """It was not so."""
        if (segment, key) in self._open:
            yield Change("withdrawn", self._open.pop((segment, key)))

    def heard(self) -> list[tuple[Place, float]]:
        """Segment and key of each open incident, and when it was last heard of."""
        return [(key, incident.last_seen) for key, incident in self._open.items()]

    def close(self, key: Place) -> Iterator[Change]:
        """It is over."""
        yield Change("closed", self._open.pop(key))

    def tick(self, now: float) -> Iterator[Change]:
        """Close what nothing was heard of for a while."""
        for key, last in self.heard():
            if last < now - self._quiet:
                yield from self.close(key)


class Detector(ABC):
    """One of `detectors/`: is fed frames in the order they came, and answers with changes of incidents."""

    kind: ClassVar[str]
    severities: ClassVar[tuple[Severity, ...]]
    """All that its incidents can have."""
    quiet: ClassVar[float] = QUIET_SECONDS
    """An incident is over when nothing was heard of it for so long."""
    takes: ClassVar[tuple[type, ...]]
    """The messages it wants to see; `Frame` for every frame."""

    def __init__(self) -> None:
        self._cases = Cases(self.kind, self.quiet)

    @abstractmethod
    def feed(self, frame: Frame) -> Iterable[Change]:
        """What this frame changes."""

    def tick(self, now: float) -> Iterable[Change]:
        """What is over by now."""
        return self._cases.tick(now)
