"""The task that makes messages of what is due and sends them; as many collectors may run it as there are."""

from __future__ import annotations

import asyncio
import logging
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from anyio import CapacityLimiter, to_thread
from prometheus_client import Counter, Gauge
from sqlalchemy.exc import SQLAlchemyError

from haidang_collector.notify.channels import Outcome, Parcel, send
from haidang_collector.notify.composing import Composer
from haidang_collector.notify.outbox import PRUNED_AT_ONCE, claim, prune, settle, waiting

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

    from haidang_collector.notify.settings import NotifySettings
    from haidang_collector.registry.database import Database

ROUND_SECONDS = 1.0
PRUNE_SECONDS = 3_600.0
AT_ONCE = 8
"""Conversations with providers; each has a thread."""
GRACE_SECONDS = 8.0
"""At the end, for what is being sent: within the time a supervisor gives before it kills."""

log = logging.getLogger(__name__)


class NotifyMetrics:
    """Everything stands at 0 from the start, so that a rate sees the first one."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.messages = Counter(
            "haidang_notify_messages",
            "Attempts to send a message, by channel (email, apprise) and outcome (sent, later, failed, expired).",
            ("channel", "outcome"),
            registry=registry,
        )
        self.in_doubt = Counter(
            "haidang_notify_in_doubt",
            "Messages that were being sent when a collector ended, and were sent again: they may have come twice.",
            registry=registry,
        )
        self.waiting = Gauge(
            "haidang_notify_waiting_messages", "Messages that no provider has taken.", registry=registry,
            multiprocess_mode="mostrecent",
        )  # fmt: skip
        self.oldest = Gauge(
            "haidang_notify_oldest_waiting_seconds",
            "Age of the oldest of these; 0 where there is none.",
            registry=registry,
            multiprocess_mode="mostrecent",
        )
        self.round = Gauge(
            "haidang_notify_round_timestamp_seconds", "When what waits was last looked through.", registry=registry,
            multiprocess_mode="mostrecent",
        )  # fmt: skip
        for channel in ("email", "apprise"):
            for outcome in ("sent", "later", "failed"):
                self.messages.labels(channel, outcome)
        self.expired = Counter(
            "haidang_notify_expired", "Messages given up because no provider took them in time.", registry=registry
        )


class Worker:
    """`run` goes on until `stop`."""

    def __init__(self, database: Database, settings: NotifySettings, time_zone: str, metrics: NotifyMetrics) -> None:
        self._database = database
        self._settings = settings
        self._composer = Composer(database, settings, time_zone)
        self._metrics = metrics
        self._threads = CapacityLimiter(AT_ONCE)
        self._sending: set[asyncio.Task[None]] = set()
        self._stopping = asyncio.Event()
        self._count_at = self._prune_at = time.monotonic()

    async def run(self) -> None:
        """Compose, claim, send: once a second, and at once again where more waits than could be begun."""
        while not self._stopping.is_set():
            more = False
            try:
                more = await self._round()
            except SQLAlchemyError:
                log.exception("the registry's database does not answer; messages wait")
            except Exception:
                log.exception("messages wait; this is a fault of the program")  # which must not end all telling
            if more:
                if len(self._sending) == AT_ONCE:
                    await asyncio.wait(self._sending, timeout=ROUND_SECONDS, return_when=asyncio.FIRST_COMPLETED)
                continue
            try:
                await asyncio.wait_for(self._stopping.wait(), ROUND_SECONDS)
            except TimeoutError:
                continue

    async def stop(self) -> None:
        """What is being sent gets some seconds; what is then not settled is sent again by whoever runs next."""
        self._stopping.set()
        if self._sending:
            await asyncio.wait(self._sending, timeout=GRACE_SECONDS)

    async def _round(self) -> bool:
        """Whether more may wait: all that could be made or begun was."""
        now = datetime.now(UTC)
        more = await to_thread.run_sync(self._composer.compose, now)
        free = AT_ONCE - len(self._sending)
        if free:
            limits = self._settings.limits
            claimed = await to_thread.run_sync(claim, self._database, datetime.now(UTC), free, limits)
            self._metrics.in_doubt.inc(claimed.in_doubt)
            self._metrics.expired.inc(claimed.expired)
            for parcel in claimed.parcels:
                task = asyncio.create_task(self._deliver(parcel))
                self._sending.add(task)
                task.add_done_callback(self._sending.discard)
            free -= len(claimed.parcels)
        self._metrics.round.set_to_current_time()
        await self._each_while(now)
        return more or not free

    async def _each_while(self, now: datetime) -> None:
        """Look at what waits once a second, and prune once an hour, however quickly rounds follow."""
        clock = time.monotonic()
        if clock >= self._count_at:
            self._count_at = clock + ROUND_SECONDS / 2
            left = await to_thread.run_sync(waiting, self._database)
            self._metrics.waiting.set(left.messages)
            self._metrics.oldest.set((now - left.oldest).total_seconds() if left.oldest else 0)
        if clock >= self._prune_at:
            pruned = await to_thread.run_sync(prune, self._database, now, self._settings.limits)
            self._prune_at = clock + (0 if pruned == PRUNED_AT_ONCE else PRUNE_SECONDS)

    async def _deliver(self, parcel: Parcel) -> None:
        outcome, is_kept = await to_thread.run_sync(self._hand_over, parcel, limiter=self._threads)
        self._metrics.messages.labels(parcel.channel, outcome.state).inc()
        if outcome.state != "sent":
            log.warning("message %d to %s: %s (%s)", parcel.id, parcel.channel, outcome.answer, outcome.state)
        while not is_kept:  # what a provider has taken must not be sent again for want of a note
            await asyncio.sleep(ROUND_SECONDS)
            is_kept = await to_thread.run_sync(self._keep, parcel, outcome)

    def _hand_over(self, parcel: Parcel) -> tuple[Outcome, bool]:
        """In one thread: whoever is killed between the provider's word and its note leaves what comes twice."""
        outcome = send(parcel, self._settings)
        return outcome, self._keep(parcel, outcome)

    def _keep(self, parcel: Parcel, outcome: Outcome) -> bool:
        """False: the database does not take it now."""
        try:
            settle(self._database, parcel, outcome, datetime.now(UTC))
        except SQLAlchemyError:
            log.exception("what became of message %d cannot be kept yet", parcel.id)
            return False
        return True
