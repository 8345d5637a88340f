"""What a check is, what it finds, and what it says where it cannot be read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

from haidang_agent.i18n import _
from haidang_agent.unread import UnreadError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

Severity = Literal["critical", "warning", "info"]
State = Literal["fail", "unread", "pass"]


class Outcome(NamedTuple):
    """`found` is in the reader's language, and names no user."""

    passed: bool
    found: str


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that must be so; `title` and `remedy` are msgids, `source` says who asks for it."""

    id: str
    severity: Severity
    title: str
    remedy: str
    source: str
    platforms: frozenset[str]


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found on this machine; for `unread`, `found` is the reason."""

    check: Check
    state: State
    found: str


MOST_REMEMBERED = 256


class Ledger:
    """When each update that waits was first seen waiting, in Unix seconds by name; the oldest are kept."""

    def __init__(self, first_seen: Mapping[str, float]) -> None:
        self.first_seen = dict(first_seen)

    def oldest_seconds(self, waiting: Iterable[str], now: float) -> float:
        """For how long the oldest of `waiting` is known to wait; the others are forgotten."""
        since = {name: min(self.first_seen.get(name, now), now) for name in waiting}
        self.first_seen = dict(sorted(since.items(), key=lambda item: item[1])[:MOST_REMEMBERED])
        return max((now - seen for seen in self.first_seen.values()), default=0.0)


def judged(check: Check, read: Callable[[], Outcome]) -> Finding:
    """`read` as a finding."""
    try:
        passed, found = read()
    except UnreadError as why:
        return Finding(check, "unread", str(why))
    return Finding(check, "pass" if passed else "fail", found)


DAY = 86400.0
STALE_DAYS = 7


def waiting_updates(count: int, looked: float, now: float) -> Outcome:
    """Passes where none waits; raises UnreadError where that was last looked for (`looked`, Unix seconds) long ago."""
    if count == 0:
        days = int((now - looked) / DAY)
        if days > STALE_DAYS:
            raise UnreadError(_("updates were last looked for {days} days ago").format(days=days))
        return Outcome(passed=True, found=_("none waits"))
    return Outcome(passed=False, found=_("{count} security updates wait").format(count=count))


def overdue_updates(waiting: int, age_seconds: float, most_days: int) -> Outcome:
    """`age_seconds` of the oldest of those that wait, which are some."""
    days = int(age_seconds // DAY)
    found = _("{count} wait, the oldest for {days} days at least").format(count=waiting, days=days)
    return Outcome(days <= most_days, found)


def few_administrators(count: int, most: int) -> Outcome:
    return Outcome(count <= most, _("{count} accounts, of at most {most}").format(count=count, most=most))


LEAVES_THE_ROOM = frozenset({8, 9, 10, 11, 14, 30, 31, 32})
"""Portable, laptop, notebook, hand-held, sub-notebook, tablet, convertible, detachable: SMBIOS 3.6, 7.4.1."""
