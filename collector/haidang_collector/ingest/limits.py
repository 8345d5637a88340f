"""How much each agent and each unit may bring: samples and requests in time, and different series in an hour.

What is over is answered 429: a sound agent keeps its data and comes back. Requests of others are not touched, nor are
those of its own that are recognised. What is counted stands in this process's memory; several processes count each for
itself.
"""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from haidang_collector.ingest.layouts import LAYOUTS_PER_AGENT
from haidang_collector.ingest.refusal import BUSY, Reason, Refusal
from haidang_collector.ingest.sketch import Sketch

if TYPE_CHECKING:
    from collections.abc import Callable

    from haidang_collector.ingest.batch import Batch
    from haidang_collector.registry.store import Identity
    from haidang_collector.settings import Settings

REQUEST_SAMPLES = 5_000
"""What a request counts for, whatever is in it: about what it costs to take it."""
BURST_SECONDS = 15.0
"""So long an agent may bring everything as fast as it can: a school's day of backlog goes through at once."""
SERIES_SECONDS = 3600.0
SERIES_RETRY_SECONDS = 300.0
UNCHECKED_SECONDS = 10.0
"""So long after series that were too many, nothing of the agent is checked in full: that takes long, and is in vain."""
SHORTEST_RETRY_SECONDS = 2.0


@dataclass(slots=True)
class _Account:
    """`left` of samples as of `at`; below zero while a request that was let in has cost more than there was.

    `series` are of the `hour`; `counted` is what was added to them last, and need not be added again. Until
    `unchecked_until` what is not recognised is refused, for series that were too many for `exceeded`: agent or unit.
    """

    left: float
    at: float
    series: Sketch
    hour: int
    unchecked_until: float = 0.0
    exceeded: str = "agent"
    counted: deque[Sketch] = field(default_factory=lambda: deque(maxlen=LAYOUTS_PER_AGENT))


class Limits:
    """For one event loop. Accounts are of enrolled agents and registered units only, and so not without bound."""

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._rates = {"agent": settings.agent_samples_per_second, "unit": settings.unit_samples_per_second}
        self._series = {"agent": settings.agent_series, "unit": settings.unit_series}
        self._accounts: dict[tuple[str, str], _Account] = {}

    def admit(self, sender: Identity) -> None:
        """Before anything of the request is read. Raises Refusal."""
        for whose, account in self._of(sender):
            rate = self._rates[whose]
            account.left = min(rate * BURST_SECONDS, account.left + rate * (self._clock() - account.at))
            account.at = self._clock()
            if account.left <= 0:
                text = f"more than the {rate:g} samples a second that this {whose} may send; wait"
                raise _later("rate", text, SHORTEST_RETRY_SECONDS - account.left / rate)

    def charge(self, sender: Identity, cost: int) -> None:
        """What the request was worth, in samples; also where it is refused after all."""
        for _, account in self._of(sender):
            account.left -= cost + REQUEST_SAMPLES

    def charge_refused(self, sender: Identity, looked_at: int) -> None:
        """What had to be looked at in vain costs a sample a byte: the agent alone, for others did not send it."""
        self._account("agent", sender.agent).left -= looked_at

    def admit_unknown(self, sender: Identity) -> None:
        """Before what was not recognised is checked in full. Raises Refusal for a while after `count` did."""
        own = self._account("agent", sender.agent)
        left = own.unchecked_until - self._clock()
        if left > 0:
            raise self._too_many(own.exceeded, left)

    def count(self, sender: Identity, batch: Batch) -> None:
        """Raises Refusal when its new series would be too many."""
        hour = int(self._clock() // SERIES_SECONDS)
        own = self._account("agent", sender.agent)
        if own.hour != hour:
            own.counted.clear()
        if any(batch.seen is each for each in own.counted):
            return
        counted = []
        for whose, account in self._of(sender):
            known = account.series if account.hour == hour else Sketch()
            grown = known | batch.seen
            if grown.count() > self._series[whose]:
                own.unchecked_until, own.exceeded = self._clock() + UNCHECKED_SECONDS, whose
                raise self._too_many(whose, SERIES_RETRY_SECONDS)
            counted.append((account, grown))
        for account, grown in counted:
            account.series, account.hour = grown, hour
        own.counted.append(batch.seen)

    def _too_many(self, whose: str, seconds: float) -> Refusal:
        text = f"more than {self._series[whose]} different series of this {whose} within an hour; send fewer"
        return _later("series", text, seconds)

    def _of(self, sender: Identity) -> list[tuple[str, _Account]]:
        return [(whose, self._account(whose, name)) for whose, name in (("agent", sender.agent), ("unit", sender.unit))]

    def _account(self, whose: str, name: str) -> _Account:
        account = self._accounts.get((whose, name))
        if account is None:
            fresh = _Account(self._rates[whose] * BURST_SECONDS, self._clock(), Sketch(), 0)
            account = self._accounts[whose, name] = fresh
        return account


class OnlySeries(Limits):
    """Of what an operator brings, which is no flood of the agent's: it may come as fast as it is taken."""

    def admit(self, sender: Identity) -> None:
        """Always."""

    def admit_unknown(self, sender: Identity) -> None:
        """Always."""

    def charge(self, sender: Identity, cost: int) -> None:
        """Nothing."""

    def charge_refused(self, sender: Identity, looked_at: int) -> None:
        """Nothing."""


def _later(reason: Reason, text: str, seconds: float) -> Refusal:
    return Refusal(BUSY, reason, text, retry_seconds=seconds)
