"""The agent at work: schedule → runner → snapshot → outbox → shipper, and /metrics beside it."""

from __future__ import annotations

import gc
import logging
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from haidang_agent import credentials, remote_config
from haidang_agent.bell import Bell
from haidang_agent.centre import Centre
from haidang_agent.clock import Clock, boot_id
from haidang_agent.config import BadConfigError
from haidang_agent.errands import Errands
from haidang_agent.metrics_server import MetricsServer
from haidang_agent.outbox import Outbox, OutboxError
from haidang_agent.own_metrics import own_samples
from haidang_agent.probe import Host, Memory, Totals
from haidang_agent.registry import discover
from haidang_agent.relay.custody_file import FILE as CUSTODY
from haidang_agent.relay.deposits import Deposits
from haidang_agent.runner import Runner
from haidang_agent.schedule import Schedule
from haidang_agent.shipper import Shipper
from haidang_agent.snapshot import SnapshotBuilder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from haidang_agent.credentials import Credentials
    from haidang_agent.probe import Sample
    from haidang_agent.relay.station import Station
    from haidang_agent.tables import Server

log = logging.getLogger(__name__)

GOODBYE_SECONDS = 3.0


class Agent:
    """One process. `run` returns when `stop` was called; a changed configuration restarts the probes only."""

    def __init__(self, config_file: Path | None) -> None:
        self._config_file = config_file
        self._config = remote_config.load_merged(config_file)
        state_dir, limits = self._config.state_dir, self._config.agent
        state_dir.mkdir(parents=True, exist_ok=True)
        self._server = MetricsServer(limits.listen, self._samples) if limits.listen else None
        self._outbox = Outbox(
            state_dir / "outbox.db", max_bytes=limits.outbox_max_mb << 20, max_age_seconds=limits.outbox_max_age
        )
        ours = self._identify()
        self._boot = boot_id()
        self._clock = Clock(self._outbox, self._boot)
        self._host, self._builder = Host(time=self._clock, state_dir=state_dir), SnapshotBuilder(())
        self._is_recalled = self._recall()
        self._writable = True
        self._storing = threading.Lock()
        self.bell = Bell()
        self._stopping = False
        self._told = remote_config.RemoteConfig(state_dir, config_file, self.bell.ring)
        self._shipper = self._make_shipper(*ours) if ours else None
        self._clock.alone = self._shipper is None
        self._relay = self._make_relay(*ours) if ours else None
        self._start_probes()

    def run(self) -> None:
        """Measure and report until `stop`."""
        if self._server is not None:
            self._server.start()
            if self._server.port is not None:
                log.info("metrics on http://%s/metrics", self._config.agent.listen)
        if self._shipper is not None:
            self._shipper.start()
        if self._relay is not None:
            self._relay.start()
            if self._relay.port is not None:
                log.info("relay for other agents on port %d", self._relay.port)
        self._schedule.start()
        gc.freeze()
        while not self._stopping:
            self.bell.wait()
            if not self._stopping:
                self._restart_probes()
        self._shut_down()

    def stop(self) -> None:
        """May be called from a signal handler."""
        self._stopping = True
        self.bell.ring()

    def _recall(self) -> bool:
        """Counters and series of the last run; False where the disk refuses to tell, and nothing may be stored yet."""
        try:
            last = self._outbox.recall()
        except OutboxError as failed:
            log.warning("%s", failed)
            return False
        totals, memory = Totals(last.totals), Memory(last.memory)
        self._host = Host(totals=totals, memory=memory, time=self._clock, state_dir=self._config.state_dir)
        self._builder = SnapshotBuilder(last.last_layout)
        return True

    def _identify(self) -> tuple[Server, Credentials] | None:
        """None where nothing is to be sent. Before anything is read from it the outbox hears whose it is."""
        server, who = self._config.server, credentials.load(self._config.state_dir)
        if server is None or who is None or not who.agent:
            log.warning("not enrolled: measuring for /metrics and the outbox only; see `haidang-agent enrol --help`")
            return None
        try:
            self._outbox.belong_to(who.agent, who.unit)
        except OutboxError as failed:
            log.warning("%s", failed)
        return server, who

    def _make_shipper(self, server: Server, who: Credentials) -> Shipper:
        state_dir = self._config.state_dir
        centre = Centre.of(server, who.bearer, self._clock.learn)
        errands = Errands(state_dir, self._outbox, self._told, self._boot)
        deposits = Deposits(server.relay, state_dir, self._outbox, self._unit_key, who) if server.relay else None
        return Shipper(centre, self._outbox, self._clock, errands.run, deposits)

    def _make_relay(self, server: Server, who: Credentials) -> Station | None:
        """A relay hands over in its own name, so that it must be enrolled. One that is no more hands over the rest."""
        state_dir = self._config.state_dir
        if not (self._config.relay.listen or (state_dir / CUSTODY).exists()):
            return None
        from haidang_agent.relay.station import Station  # noqa: PLC0415 - an event loop, only where it is wanted

        return Station(self._config.relay, server, state_dir, who.unit, self._unit_key)

    def _unit_key(self) -> bytes:
        return bytes.fromhex(self._config.privacy.unit_key)

    def _start_probes(self) -> None:
        self._runner = Runner(discover(), self._config, self._host)
        self._schedule = Schedule(self._runner, self._take_snapshot, self._config.agent.push_interval)

    def _restart_probes(self) -> None:
        try:
            self._config = remote_config.load_merged(self._config_file)
        except BadConfigError as unusable:
            log.warning("the file was changed and cannot be used, the old configuration goes on: %s", unusable)
            if self._is_recalled:
                return
        self._schedule.stop()
        self._runner.close()
        with self._storing:
            self._is_recalled = self._is_recalled or self._recall()
            log.info("probes are started anew, with what the centre and the last run have told")
            self._start_probes()
        self._schedule.start()

    def _take_snapshot(self) -> None:
        with self._storing:
            if not self._is_recalled:
                self._try_to_recall()
                return
            snapshot = self._builder.build(self._samples(), complete=self._runner.complete())
            try:
                totals, memory = self._host.totals.copy(), self._host.memory.copy()
                stored = self._outbox.append(snapshot, self._clock.stamp(), totals, memory)
            except OutboxError as failed:
                if self._writable:
                    log.warning("snapshots cannot be stored, measuring goes on: %s", failed)
                self._writable = False
                return
            if not self._writable:
                log.info("snapshots can be stored again")
            self._writable = True
            if stored:
                self._builder.keep(snapshot)
        if self._shipper is not None:
            self._shipper.wake()

    def _try_to_recall(self) -> None:
        """What is counted from nothing must not be written over the last run's: the probes begin anew with that."""
        self._writable = False
        with suppress(OutboxError):
            self._outbox.recall()
            self.bell.ring()

    def _samples(self) -> Iterator[Sample]:
        yield from self._runner.samples()
        try:
            outbox = self._outbox.stats()
        except OutboxError:
            outbox = None
        yield from own_samples(
            self._config.agent.roles,
            outbox,
            self._shipper.state if self._shipper is not None else None,
            self._clock.offset_seconds,
            writable=self._writable,
            config=self._told.in_use,
        )
        if self._relay is not None:
            yield from self._relay.samples()

    def _shut_down(self) -> None:
        self._schedule.stop()
        self._runner.close()
        self._take_snapshot()
        if self._shipper is not None:
            self._shipper.stop(GOODBYE_SECONDS)
        if self._relay is not None:
            self._relay.stop(GOODBYE_SECONDS)
        if self._server is not None:
            self._server.stop()
        self._outbox.close()
