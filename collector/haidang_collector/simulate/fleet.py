"""All agents of a simulated city in one process: enrolled by tokens, then reporting at their interval."""

from __future__ import annotations

import gc
import heapq
import resource
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from itertools import groupby
from random import Random
from typing import TYPE_CHECKING

from haidang_agent import __version__, credentials
from haidang_agent.centre import check_url
from haidang_agent.credentials import CredentialsError
from haidang_agent.enrol import EnrolError, enrol

from haidang_collector.registry.tokens import Applicant, create_token
from haidang_collector.registry.tokens import enrol as enrol_in
from haidang_collector.simulate.member import Member

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from haidang_collector.registry.database import Database
    from haidang_collector.simulate.live import Days
    from haidang_collector.simulate.member import Berth

TOKEN_LIFETIME = timedelta(hours=1)
ENROLLING_AT_ONCE = 4
FILES_AN_AGENT = 5
"""The outbox with its two journals, the connection, and one to spare."""
OTHER_FILES = 200
STACK_BYTES = 512 << 10
GOODBYE_SECONDS = 30.0
"""For all of them together."""
STOPPING_AT_ONCE = 16
BEGINNING_A_SECOND = 15
"""What is new to the store, a few hundred series of each agent, costs it many times what it costs later."""
GARBAGE = (100_000, 10, 100)
"""`gc.set_threshold`."""
PROGRESS_SECONDS = 5.0
NONE_LEFT = {False: 0, True: 0}

TROUBLE = (EnrolError, CredentialsError, OSError)
"""What may go wrong; the text says what to do."""


class TooManyAgentsError(OSError):
    """More files than a process may open."""


@dataclass(frozen=True, slots=True)
class Result:
    """`late`: reports that began more than an interval after their time. `answers`: pushes by status, or why not.

    `unsent` snapshots remain at agents; `waiting` more do at those that the scenario cut off.
    """

    agents: int
    snapshots: int
    samples: int
    late: int
    seconds: float
    answers: dict[str, int]
    unsent: int
    waiting: int
    last_error: str | None


def enrol_all(
    database: Database, found: Sequence[Berth], url: str, ca: Path | None, progress: Callable[[int], None]
) -> int:
    """Enrol those that are not yet, each unit by a token of its own; how many. Raises TROUBLE."""
    try:
        check_url(url)
    except ValueError as wrong:
        raise EnrolError(str(wrong)) from None
    new = [berth for berth in found if not berth.enrolled]
    units = [list(members) for _, members in groupby(new, key=lambda berth: berth.unit.code)]

    def enrol_unit(members: list[Berth]) -> int:
        token = create_token(database, members[0].unit.code, uses=len(members), lifetime=TOKEN_LIFETIME).token
        for berth in members:
            enrol(url, token, berth.folder, berth.machine.roles, ca)
        return len(members)

    done, told = 0, time.monotonic()
    with ThreadPoolExecutor(ENROLLING_AT_ONCE) as pool:
        for number in pool.map(enrol_unit, units):
            done += number
            if time.monotonic() >= told + PROGRESS_SECONDS:
                told = time.monotonic()
                progress(done)
    return done


def enrol_here(database: Database, found: Sequence[Berth]) -> int:
    """As `enrol_all`, where no collector runs yet: straight into its registry. Raises TROUBLE."""
    new = [berth for berth in found if not berth.enrolled]
    for code, members in groupby(new, key=lambda berth: berth.unit.code):
        asking = list(members)
        token = create_token(database, code, uses=len(asking), lifetime=TOKEN_LIFETIME).token
        for berth in asking:
            key = credentials.new_key()
            let_in = enrol_in(database, Applicant(token, key, berth.machine.roles, __version__, sys.platform))
            if let_in is None:
                raise EnrolError(f"the registry refuses its own token of {code}")
            credentials.save(berth.folder, credentials.Credentials(key, let_in.agent, let_in.unit))
    return len(new)


class Fleet:
    """Agents that report until told to stop."""

    def __init__(
        self,
        found: Sequence[Berth],
        url: str,
        ca: Path | None,
        *,
        seed: int,
        interval: float,
        days: Days | None = None,
    ) -> None:
        """`url` has been enrolled with. Without `days` all stands still. Raises TROUBLE."""
        _allow_files(len(found) * FILES_AN_AGENT + OTHER_FILES)
        threading.stack_size(STACK_BYTES)
        self._interval = interval
        self._members = [Member(berth, url, ca, seed, days) for berth in found]
        gc.freeze()  # thousands of agents' memory need not be walked for garbage
        gc.set_threshold(*GARBAGE)
        self._noise = Random(seed)  # noqa: S311 - spreads load
        self._stopping = threading.Event()
        self._snapshots = self._samples = self._late = 0

    def stop(self) -> None:
        """May be called from a signal handler."""
        self._stopping.set()

    def run(self, seconds: float, progress: Callable[[Result], None]) -> Result:
        """Report for so long, each agent at an instant of its own in the interval. Raises TROUBLE.

        Large cities begin one after the other (`BEGINNING_A_SECOND`).
        """
        began = told = time.monotonic()
        within = max(self._interval, len(self._members) / BEGINNING_A_SECOND)
        due = [(began + self._noise.uniform(0, within), place) for place in range(len(self._members))]
        heapq.heapify(due)
        try:
            while due and due[0][0] < began + seconds and not self._stopping.wait(due[0][0] - time.monotonic()):
                when, place = due[0]
                self._report(self._members[place], when)
                heapq.heapreplace(due, (max(when, time.monotonic() - self._interval) + self._interval, place))
                if time.monotonic() >= told + PROGRESS_SECONDS:
                    told = time.monotonic()
                    progress(self._result(told - began))
            self._stopping.wait(began + seconds - time.monotonic())
        finally:
            left = self._say_goodbye()
        return self._result(time.monotonic() - began, left)

    def _report(self, member: Member, due: float) -> None:
        self._late += time.monotonic() > due + self._interval
        samples = member.report()
        self._samples += samples
        self._snapshots += samples > 0

    def _say_goodbye(self) -> Counter[bool]:
        """How many snapshots are left, by whether the scenario makes them wait."""
        deadline, left = time.monotonic() + GOODBYE_SECONDS, Counter[bool]()
        with ThreadPoolExecutor(STOPPING_AT_ONCE) as pool:
            stopped = pool.map(lambda member: member.stop(max(0.0, deadline - time.monotonic())), self._members)
            for member, number in zip(self._members, stopped, strict=True):
                left[member.is_waiting] += number
        return left

    def _result(self, seconds: float, left: Mapping[bool, int] = NONE_LEFT) -> Result:
        answers: Counter[str] = Counter()
        for member in self._members:
            answers.update(member.requests)
        errors = (error for member in self._members if (error := member.last_error) is not None)
        return Result(
            agents=len(self._members),
            snapshots=self._snapshots,
            samples=self._samples,
            late=self._late,
            seconds=round(seconds, 1),
            answers=dict(sorted(answers.items())),
            unsent=left[False],
            waiting=left[True],
            last_error=next(errors, None),
        )


def _allow_files(needed: int) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if needed <= soft:
        return
    if hard != resource.RLIM_INFINITY and needed > hard:
        raise TooManyAgentsError(
            f"{needed} files would be open and {hard} may be; ulimit -n {needed}, or fewer --units"
        )
    resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
