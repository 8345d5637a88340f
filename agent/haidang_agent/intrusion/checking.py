"""Runs the active checks of `checks/`, one at a time, each at its own pace; what they find goes to the keeper."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING

from haidang_agent.intrusion.case import bounded
from haidang_agent.intrusion.check import Check, Found, NotYetError, Site, discover
from haidang_agent.intrusion.metrics import CHECK
from haidang_agent.lanwatch.incident import Incident
from haidang_agent.platform.subnets import own_subnets
from haidang_agent.probe import ProbeError, Sample

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from haidang_agent.intrusion.case import Case
    from haidang_agent.intrusion.keeper import Keeper
    from haidang_agent.intrusion.settings import Settings
    from haidang_agent.lanwatch.incident import Severity
    from haidang_agent.probe import Host

log = logging.getLogger(__name__)

FIRST_SECONDS = 3.0
LOOK_SECONDS = 2.0
"""So often it is looked whether a check is due."""
RETRY_SECONDS = 60.0
"""After one that could not look: at boot the network comes after the agent."""
SUSPICION_SECONDS = 30.0
"""Between two looks on suspicion, which anybody on the LAN can raise."""
BEGINNING_SECONDS = 900.0
"""So long a check may wait for what another probe tells."""

Thing = tuple[str, tuple[tuple[str, str], ...]]
"""Kind and subject."""


class Checking:
    """A thread. `close` ends it, and waits for a check that is under way a little."""

    def __init__(self, settings: Settings, host: Host, keeper: Keeper) -> None:
        self._settings, self._host, self._keeper = settings, host, keeper
        self._ending = threading.Event()
        wanted = [check for check in discover().values() if check.name not in settings.checks_off]
        self._checks = [Pace(check) for check in wanted if check.every(settings) > 0]
        self._began = time.monotonic()
        self._thread = threading.Thread(target=self._work, name="lan checks", daemon=True)

    def start(self) -> None:
        if self._checks:
            self._thread.start()

    def close(self) -> None:
        self._ending.set()
        if self._checks:
            self._thread.join(2)

    def names(self) -> frozenset[str]:
        """Of the checks that run."""
        return frozenset(pace.check.name for pace in self._checks)

    def kinds(self) -> dict[str, tuple[Severity, ...]]:
        """What was looked for at least once, and the severities it can have."""
        return {kind: each for pace in self._checks if pace.has_looked for kind, each in pace.check.kinds.items()}

    def samples(self) -> Iterator[Sample]:
        for pace in self._checks:
            if pace.is_sound is not None:
                yield Sample(CHECK, float(pace.is_sound), (pace.check.name,))

    def _work(self) -> None:
        wait = FIRST_SECONDS
        while not self._ending.wait(wait):
            for pace in self._checks:
                now, kinds = time.monotonic(), pace.check.hurries
                suspected = self._keeper.suspects(kinds)
                if pace.is_due(now, self._settings, hurried=self._keeper.is_open(kinds), suspected=suspected):
                    pace.begin(now, suspected=suspected)
                    self._keeper.dispel(kinds)
                    self._run(pace)
            wait = min(LOOK_SECONDS, *(pace.check.every(self._settings) for pace in self._checks))

    def _run(self, pace: Pace) -> None:
        name, problem = pace.check.name, ""
        try:
            pace.judge(pace.check.run(self._site()), self._keeper)
        except NotYetError as missing:
            if time.monotonic() < self._began + BEGINNING_SECONDS:
                pace.is_to_retry = True
                return
            problem = str(missing)
        except ProbeError as failed:
            problem = str(failed)
        except Exception:
            log.exception("check %s crashed", name)
            problem = "crashed"
        if problem and problem != pace.problem:
            log.warning("check %s: %s", name, problem)
        pace.problem, pace.is_sound, pace.is_to_retry = problem, not problem, bool(problem)
        pace.has_looked = pace.has_looked or not problem

    def _site(self) -> Site:
        try:
            subnets = own_subnets(self._settings.interfaces, self._host.watch.outside)
        except LookupError as unknown:
            raise ProbeError("misconfigured", f"[probes.intrusion] interfaces: {unknown}") from unknown
        return Site(self._settings, self._host, subnets, self._ending)


class Pace:
    """When a check ran, and what it found in a row, or missed."""

    def __init__(self, check: Check) -> None:
        self.check = check
        self._began = self._suspected = float("-inf")
        self.is_to_retry = False
        self.problem = ""
        self.is_sound: bool | None = None
        self.has_looked = False
        self._found: Counter[Thing] = Counter()
        self._missed: Counter[Thing] = Counter()

    def is_due(self, now: float, settings: Settings, *, hurried: bool = False, suspected: bool = False) -> bool:
        """Times are monotonic."""
        if suspected and now >= self._suspected + SUSPICION_SECONDS:
            return True
        seconds = self.check.every(settings)
        if hurried:
            seconds = min(seconds, self.check.while_open)
        if self.is_to_retry:
            seconds = min(seconds, RETRY_SECONDS)
        return now >= self._began + seconds

    def begin(self, now: float, *, suspected: bool = False) -> None:
        self._began = now
        if suspected:
            self._suspected = now

    def judge(self, results: Sequence[Found], keeper: Keeper) -> None:
        """Open, go on, close."""
        now, source = time.time(), self.check.name
        things = {_thing(found.kind, found.subject): found for found in results}
        known = {_thing(case.kind, case.subject): case for case in keeper.open_of(source)}
        for thing, found in things.items():
            self._found[thing] += 1
            self._missed.pop(thing, None)
            if thing in known or self._found[thing] >= self.check.opens_after:
                keeper.report(source, _incident(found, now), now)
        for thing in self._found.keys() - things.keys():
            del self._found[thing]
        for thing, case in known.items():
            if thing not in things:
                self._missed[thing] += 1
                if self._missed[thing] >= self.check.closes_after:
                    del self._missed[thing]
                    keeper.close(source, _closing(case), now)


def _thing(kind: str, subject: dict[str, str]) -> Thing:
    return kind, tuple(sorted(bounded(subject).items()))


def _incident(found: Found, now: float) -> Incident:
    return Incident(found.kind, found.severity, now, now, 0, found.subject, found.evidence)


def _closing(case: Case) -> Incident:
    return Incident(case.kind, case.severity, case.first, case.last, 0, case.subject, case.evidence)
