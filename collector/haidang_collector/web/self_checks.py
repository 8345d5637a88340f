"""What a unit's agents found of themselves (`haidang-agent doctor --send`), as the unit's page shows it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from haidang_advice import translations
from haidang_advice.doctor import CHECKS, REMEDIES

from haidang_collector.doctor.records import of_unit

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from haidang_collector.doctor.records import Examination, State, ToldCheck
    from haidang_collector.registry.database import Database

STALE = timedelta(days=1)
GRAVITY = ("fail", "warn")


@dataclass(frozen=True, slots=True)
class Fault:
    """A check that found something; `remedy` is empty where the centre does not know this case."""

    title: str
    state: State
    remedy: str


@dataclass(frozen=True, slots=True)
class SelfCheck:
    """One agent's; `counts` by state, `faults` worst first. `is_stale`: it may be otherwise by now."""

    agent: str
    received_at: datetime
    is_stale: bool
    version: str
    counts: Mapping[State, int]
    faults: Sequence[Fault]


def self_checks_of(database: Database, unit: str, language: str) -> list[SelfCheck]:
    """Those with most to mend first, then the newest."""
    text = translations(language).gettext
    found = [_shown(each, text) for each in of_unit(database, unit)]
    return sorted(found, key=lambda each: (-each.counts["fail"], -each.counts["warn"], -each.received_at.timestamp()))


def _shown(told: Examination, text: Callable[[str], str]) -> SelfCheck:
    grave = sorted((each for each in told.checks if each.state in GRAVITY), key=lambda each: GRAVITY.index(each.state))
    counts: Counter[State] = Counter(each.state for each in told.checks)
    is_stale = datetime.now(UTC) - told.received_at > STALE
    faults = [_fault(each, text) for each in grave]
    return SelfCheck(told.agent, told.received_at, is_stale, told.version, counts, faults)


def _fault(told: ToldCheck, text: Callable[[str], str]) -> Fault:
    title = text(told.check) if told.check in CHECKS else told.check
    remedy = text(REMEDIES[told.case]) if told.case in REMEDIES else ""
    return Fault(f"{title} {told.probe}".rstrip(), told.state, remedy)
