"""One simulated agent: the real agent's parts from the snapshot on; only what probes would read is made up."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

from haidang_agent import credentials
from haidang_agent.centre import Centre
from haidang_agent.clock import Clock, boot_id
from haidang_agent.outbox import Outbox
from haidang_agent.own_metrics import own_samples
from haidang_agent.remote_config import RemoteConfig
from haidang_agent.shipper import Shipper
from haidang_agent.snapshot import SnapshotBuilder

from haidang_collector.simulate.readings import Readings

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from haidang_collector.simulate.model import City, Machine, SimUnit

OUTBOX_BYTES = 5 << 20
CONFIG = "agent.toml"


class Berth(NamedTuple):
    """Where a simulated agent lives, and what it is."""

    unit: SimUnit
    machine: Machine
    folder: Path

    @property
    def enrolled(self) -> bool:
        """Raises CredentialsError."""
        return credentials.load(self.folder) is not None

    @property
    def agent(self) -> str:
        """The id that it was issued; empty before it enrolled. Raises CredentialsError."""
        known = credentials.load(self.folder)
        return known.agent if known else ""


def berths(city: City, folder: Path) -> list[Berth]:
    """One for each machine with an agent; its identity and outbox are below `folder`, by unit."""
    return [
        Berth(unit, machine, folder / unit.code / str(number))
        for unit in city.units
        if unit.presence != "none"
        for number, machine in enumerate(unit.machines)
    ]


class Member:
    """An agent at work. `report` is called by one thread; the shipper has its own, as in every agent."""

    def __init__(self, berth: Berth, url: str, ca: Path | None, seed: int) -> None:
        """The berth is enrolled. Raises CredentialsError, OutboxError."""
        who = credentials.load(berth.folder)
        if who is None:
            raise ValueError(f"{berth.folder} is not enrolled")
        config = berth.folder / CONFIG
        config.write_text(f"[agent]\nroles = {json.dumps(berth.machine.roles)}\n")
        self._roles = berth.machine.roles
        self._readings = Readings(berth.unit, berth.machine, seed)
        self._outbox = Outbox(berth.folder / "outbox.db", max_bytes=OUTBOX_BYTES)
        self._clock = Clock(self._outbox, boot_id())
        self._builder = SnapshotBuilder(self._outbox.last_layout())
        centre = Centre(url, ca, who.bearer, self._clock.learn)
        self._started = False
        self._told = RemoteConfig(berth.folder, config, _ignore)
        self._shipper = Shipper(centre, self._outbox, self._clock, self._told.refresh)

    def start(self) -> None:
        """The first time it begins to ship; then nothing."""
        if not self._started:
            self._started = True
            self._shipper.start()

    def report(self) -> int:
        """One snapshot into the outbox, and the shipper woken; how many samples it holds. Raises OutboxError."""
        own = own_samples(
            self._roles,
            self._outbox.stats(),
            self._shipper.state,
            self._clock.offset_seconds,
            writable=True,
            config=self._told.in_use,
        )
        moment = self._clock.moment()
        snapshot = self._builder.build([*self._readings.at(moment.centre or moment.wall), *own], complete=True)
        if self._outbox.append(snapshot, self._clock.stamp(), {}):
            self._builder.keep(snapshot)
        self._shipper.wake()
        return len(snapshot.values)

    def stop(self, seconds: float) -> int:
        """Say goodbye within `seconds`; how many snapshots remain unsent in the outbox."""
        if self._started:
            self._shipper.stop(seconds)
        waiting = self._outbox.stats().snapshots
        self._outbox.close()
        return waiting

    @property
    def requests(self) -> Mapping[str, int]:
        """Pushes by answer."""
        return self._shipper.state.requests

    @property
    def last_error(self) -> str | None:
        return self._shipper.state.last_error


def _ignore() -> None:
    """What a simulated agent reads does not depend on its configuration."""
