"""The shipper: one thread that empties the outbox to the collector, the newest snapshot first, then the backlog.

Nothing is sent before the centre's time is known. A snapshot leaves the outbox with a 2xx (or some time after,
where the centre says since when its store has been running) or with a final refusal of it alone; so a kill between
answer and settling sends it once more, which the store takes for the same sample.
"""

from __future__ import annotations

import logging
import random
import re
import time
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from haidang_agent.centre import UNIX_SECONDS, Answer, Centre, UnreachableError
from haidang_agent.outbox import Batch, Outbox, OutboxError
from haidang_agent.relay.tunnel import CutOffError
from haidang_agent.rounds import Rounds
from haidang_agent.verdict import NO_COLLECTOR, TOO_LARGE, Verdict, back_off, judge, retry_after
from haidang_agent.wire import encode

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from haidang_agent.clock import Clock
    from haidang_agent.relay.deposits import Deposits

log = logging.getLogger(__name__)

UNKNOWN_WAIT_SECONDS = 60.0
BACKLOG_SAMPLES = 60_000
"""In one request of the backlog: large enough that labels cost little, small enough for the live lane to pass."""
LEAST_BACKLOG_SAMPLES = 15_000
BACKLOG_SECONDS = 10.0
"""So much of what is granted goes into one request, for the grant changes; but not less than is worth its labels."""
SMALL_SAMPLES = 40_000
SMALL_SECONDS = 0.25
"""
From one smaller request of the backlog to the next, as of layouts that changed often: the centre takes five pushes a
second of an agent. Larger ones are bounded by what they hold.
"""
BACKLOG_JITTER_SECONDS = 0.5
REFRESH_SECONDS = 60.0
LONGEST_LOGGED = 100
AGAIN_SPREAD_SECONDS = 120.0
"""All agents hear at once that the store began anew; what they bring again stays with them until they have."""
STORE_SINCE_HEADER = "haidang-store-since"
NUMBER = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?")


@dataclass(frozen=True, slots=True)
class ShipperState:
    """For `status` and /metrics. `last_success` is Unix seconds of the centre."""

    last_success: float | None = None
    last_error: str | None = None
    failures: int = 0
    requests: Mapping[str, int] = field(default_factory=dict)


class Shipper(Rounds):
    """`wake()` tells that there is a new snapshot; `stop()` pushes the newest once more with a goodbye."""

    def __init__(
        self,
        centre: Centre,
        outbox: Outbox,
        clock: Clock,
        on_config: Callable[[Centre], object],
        deposits: Deposits | None = None,
    ) -> None:
        """`on_config` asks the centre for this agent's configuration; it is called in the shipper's thread.

        `deposits`: where to leave what waits while the relay that `centre` goes through is cut off.
        """
        super().__init__("shipper")
        self._deposits = deposits
        self._centre = centre
        self._outbox = outbox
        self._clock = clock
        self._on_config = on_config
        self._refresh_at = 0.0
        self._state = ShipperState()
        self._rate = 0.0
        self._shipped_ms = 0
        self._last: Batch | None = None
        self._backlog_at = 0.0
        self._draining = False
        self._logged: set[str] = set()

    @property
    def state(self) -> ShipperState:
        return self._state

    def _round(self) -> float | None:
        """Ship what there is. Seconds to wait before the next try; None: until woken."""
        try:
            self._refresh_config()
            wait = self._live()
            return self._backlog() if wait is None else wait
        except UnreachableError as failed:
            self._draining = False
            wait = self._failed(str(failed), "unreachable")
            if isinstance(failed.__cause__, CutOffError):
                self._deposit()
            return wait
        except OutboxError as failed:
            return self._failed(str(failed), "outbox")

    def _deposit(self) -> None:
        """Nothing whose time is unknown."""
        if self._deposits is None or self._clock.stamp().timestamp_ms is None:
            return
        try:
            for _ in range(self._deposits.make()):
                self._count("deposited")
        except OutboxError as failed:
            self._failed(str(failed), "outbox")

    def _refresh_config(self) -> None:
        """Now and then, and at first: the answer also tells the time."""
        if self._clock.offset_seconds is None or time.monotonic() >= self._refresh_at:
            try:
                self._on_config(self._centre)
            except (UnreachableError, OutboxError):
                raise
            except OSError as failed:
                log.warning("the configuration cannot be kept: %s", failed)
            self._refresh_at = time.monotonic() + random.uniform(0.8, 1.2) * REFRESH_SECONDS  # noqa: S311 - spreads load
        if self._clock.offset_seconds is None:
            raise UnreachableError(NO_COLLECTOR)

    def _live(self) -> float | None:
        batch = self._outbox.newest()
        if batch is None:
            return None
        if self._shipped_ms > (self._clock.stamp().timestamp_ms or 0):  # the centre's clock was put back since
            self._shipped_ms = batch.timestamps_ms[-1] - 1
        if batch.timestamps_ms[-1] <= self._shipped_ms:
            return None
        wait = self._push(batch)
        if wait is None:
            self._shipped_ms = batch.timestamps_ms[-1]
            self._last = batch
        return wait

    def _backlog(self) -> float | None:
        """Oldest first, until there is none or a newer snapshot has come in; that does not wait where this has to.

        The first of it goes at some moment of the time that it is worth: a whole city may be coming back.
        """
        first = self._next_backlog()
        if first is None:
            self._draining = False
            return None
        if not self._draining:
            self._draining = True
            spread = max(self._worth(first), BACKLOG_JITTER_SECONDS)
            self._backlog_at = max(self._backlog_at, time.monotonic() + random.uniform(0, spread))  # noqa: S311 - spreads load
        while not self._wake.wait(max(0.0, self._backlog_at - time.monotonic())) and not self._stopping.is_set():
            batch = self._next_backlog()
            if batch is None:
                self._draining = False
                return None
            began = time.monotonic()
            wait = self._push(batch)
            least = SMALL_SECONDS if _samples(batch) < SMALL_SAMPLES else 0.0
            self._backlog_at = max(self._backlog_at, began + max(self._worth(batch), least))
            if wait is not None:
                self._backlog_at = max(self._backlog_at, time.monotonic() + wait)
        return 0.0

    def _worth(self, batch: Batch) -> float:
        """Seconds that it takes at the granted rate."""
        return _samples(batch) / self._rate if self._rate > 0 else 0.0

    def _next_backlog(self) -> Batch | None:
        samples = BACKLOG_SAMPLES
        if self._rate > 0:
            samples = int(min(samples, max(LEAST_BACKLOG_SAMPLES, self._rate * BACKLOG_SECONDS)))
        return self._outbox.backlog(self._shipped_ms, 0, samples)

    def _push(self, batch: Batch) -> float | None:
        """Send and settle. Seconds to wait where it has to be tried again."""
        answer = self._centre.write(encode(batch.layout, batch.timestamps_ms, batch.values))
        self._count(str(answer.status))
        verdict = judge(answer)
        if verdict is Verdict.STORED:
            self._settle(batch, answer)
            self._stored(answer)
            return None
        if verdict is Verdict.REFUSED or (answer.status == TOO_LARGE and len(batch.ids) > 1):
            return self._refused(batch, answer)
        wait = self._failed(f"{answer.status} {answer.text}", verdict.name.lower())
        if verdict is Verdict.UNKNOWN:
            return UNKNOWN_WAIT_SECONDS
        now = datetime.fromtimestamp((self._clock.stamp().timestamp_ms or 0) / 1000, UTC)
        return max(wait, retry_after(answer.headers.get("retry-after"), now))

    def _refused(self, batch: Batch, answer: Answer) -> float | None:
        """One bad snapshot must not take the sound ones of its request with it: halve until it stands alone."""
        half = len(batch.ids) // 2
        if not half:
            self._log_once(f"{answer.status} {answer.text}")
            self._outbox.settle(batch.ids, "refused")
            return None
        for part in (slice(None, half), slice(half, None)):
            piece = Batch(batch.ids[part], batch.layout, batch.timestamps_ms[part], batch.values[part])
            if (wait := self._push(piece)) is not None:
                return wait
        return None

    def _settle(self, batch: Batch, answer: Answer) -> None:
        """Let go of it: at once where the centre does not say since when its store has been running."""
        since = answer.headers.get(STORE_SINCE_HEADER, "")
        if not UNIX_SECONDS.fullmatch(since):
            self._outbox.settle(batch.ids)
            return
        again = self._outbox.confirm(batch.ids, since, self._clock.stamp().timestamp_ms or 0)
        if again:
            self._backlog_at = time.monotonic() + random.uniform(0, AGAIN_SPREAD_SECONDS)  # noqa: S311 - spreads load
            log.warning("the centre's store began anew; %d snapshots that it had confirmed are sent again", again)

    def _stored(self, answer: Answer) -> None:
        before, rate = self._rate, answer.headers.get("haidang-backlog-rate", "")
        self._rate = float(rate) if NUMBER.fullmatch(rate) else 0.0
        if 0 < before < self._rate:  # what was to be waited for at the old rate is worth less now
            now = time.monotonic()
            self._backlog_at = now + max(0.0, self._backlog_at - now) * before / self._rate
        if self._state.failures:
            log.info("the collector takes data again")
        stamp = self._clock.stamp()
        self._state = replace(self._state, last_success=(stamp.timestamp_ms or 0) / 1000, last_error=None, failures=0)

    def _failed(self, error: str, kind: str) -> float:
        failures = self._state.failures + 1
        if failures == 1 or error != self._state.last_error:
            log.warning("%s; data is kept in the outbox", error)
        if kind in ("unreachable", "outbox"):
            self._count(kind)
        self._state = replace(self._state, last_error=error, failures=failures)
        return back_off(failures)

    def _count(self, outcome: str) -> None:
        requests = dict(self._state.requests)
        requests[outcome] = requests.get(outcome, 0) + 1
        self._state = replace(self._state, requests=requests)

    def _log_once(self, text: str) -> None:
        if text not in self._logged and len(self._logged) < LONGEST_LOGGED:
            self._logged.add(text)
            log.error("the collector refused a snapshot for ever: %s", text)

    def _idle_seconds(self) -> float:
        return REFRESH_SECONDS

    def _end(self) -> None:
        if self._clock.offset_seconds is not None:
            self._goodbye()
        self._centre.close()

    def _goodbye(self) -> None:
        try:
            batch = self._outbox.newest() or self._last
            if batch is not None:
                answer = self._centre.write(encode(batch.layout, batch.timestamps_ms, batch.values), goodbye=True)
                if judge(answer) is Verdict.STORED:
                    self._settle(batch, answer)
        except (UnreachableError, OutboxError) as failed:
            log.info("no goodbye: %s", failed)


def _samples(batch: Batch) -> int:
    return len(batch.ids) * len(batch.layout)
