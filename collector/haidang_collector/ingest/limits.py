"""How much each agent and each unit may bring: samples and pushes in time, and different series in an hour.

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
"""What was left unused for so long may come as fast as it can: a school's day of backlog goes through at once."""
SERIES_SECONDS = 3600.0
SERIES_RETRY_SECONDS = 300.0
UNCHECKED_SECONDS = 10.0
"""So long after series that were too many, nothing of the agent is checked in full: that takes long, and is in vain."""
SHORTEST_RETRY_SECONDS = 2.0


@dataclass(slots=True)
class _Bucket:
    """`left` of what is refilled at `rate` a second, as of `at`; below zero where more was taken than there was."""

    rate: float
    at: float
    left: float = field(init=False)

    def __post_init__(self) -> None:
        self.left = self.rate * BURST_SECONDS

    def take(self, amount: float) -> None:
        self.left -= amount

    def admit(self, now: float, what: str) -> None:
        """Raises Refusal where nothing is left."""
        self.left = min(self.rate * BURST_SECONDS, self.left + self.rate * (now - self.at))
        self.at = now
        if self.left <= 0:
            text = f"more than the {self.rate:g} {what}; wait"
            raise _later("rate", text, SHORTEST_RETRY_SECONDS - self.left / self.rate)


@dataclass(slots=True)
class _Account:
    """`samples` are below zero while a request that was let in has cost more than there was.

    `series` are of the `hour`; `counted` is what was added to them last, and need not be added again. Until
    `unchecked_until` what is not recognised is refused, for series that were too many for `exceeded`: agent or unit.
    """

    samples: _Bucket
    series: Sketch = field(default_factory=Sketch)
    hour: int = 0
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
        self._pushes_rate = settings.agent_pushes_per_second
        self._pushes: dict[str, _Bucket] = {}

    def admit(self, sender: Identity) -> None:
        """Before anything of the request is read. Raises Refusal."""
        for whose, account in self._of(sender):
            account.samples.admit(self._clock(), f"samples a second that this {whose} may send")

    def admit_push(self, sender: Identity) -> None:
        """As `admit`, of what an agent brings itself: a relay's frames of it, kept for days, may be many and small."""
        pushes = self._pushes.get(sender.agent)
        if pushes is None:
            pushes = self._pushes[sender.agent] = _Bucket(self._pushes_rate, self._clock())
        pushes.admit(self._clock(), "pushes a second that this agent may make")
        self.admit(sender)
        pushes.take(1)

    def charge(self, sender: Identity, cost: int) -> None:
        """What the request was worth, in samples; also where it is refused after all."""
        for _, account in self._of(sender):
            account.samples.take(cost + REQUEST_SAMPLES)

    def charge_refused(self, sender: Identity, looked_at: int) -> None:
        """What had to be looked at in vain costs a sample a byte: the agent alone, for others did not send it."""
        self._account("agent", sender.agent).samples.take(looked_at)

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
            account = self._accounts[whose, name] = _Account(_Bucket(self._rates[whose], self._clock()))
        return account


class OnlySeries(Limits):
    """Of what an operator brings, which is no flood of the agent's: it may come as fast as it is taken."""

    def admit(self, sender: Identity) -> None:
        """Always."""

    def admit_push(self, sender: Identity) -> None:
        """Always."""

    def admit_unknown(self, sender: Identity) -> None:
        """Always."""

    def charge(self, sender: Identity, cost: int) -> None:
        """Nothing."""

    def charge_refused(self, sender: Identity, looked_at: int) -> None:
        """Nothing."""


def _later(reason: Reason, text: str, seconds: float) -> Refusal:
    return Refusal(BUSY, reason, text, retry_seconds=seconds)
