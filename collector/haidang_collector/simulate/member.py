"""One simulated agent: the real agent's parts from the snapshot on; only what probes would read is made up."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from haidang_agent import credentials
from haidang_agent.centre import Answer, Centre, UnreachableError
from haidang_agent.clock import Clock, boot_id
from haidang_agent.outbox import Outbox
from haidang_agent.own_metrics import own_samples
from haidang_agent.remote_config import RemoteConfig
from haidang_agent.shipper import Shipper
from haidang_agent.snapshot import SnapshotBuilder

from haidang_collector.simulate.live import Life
from haidang_collector.simulate.readings import Readings

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from haidang_collector.simulate.live import Days, Scene
    from haidang_collector.simulate.model import City, Machine, SimUnit

OUTBOX_BYTES = 5 << 20
CONFIG = "agent.toml"
SINCE = "simulated_since"
"""The note in the outbox of when the agent began to count, Unix time."""
CUT_OFF = "cut off"
"""The answer to a push while the scenario lets nothing out."""
LAST_WORDS_SECONDS = 1.0


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


class _Way(Centre):
    """The way to the centre: closed while the unit is cut off, or has no power."""

    unit = ""
    is_open = True
    refused = 0
    """How many pushes."""

    def write(self, body: bytes, *, goodbye: bool = False) -> Answer:
        self._pass(count=not goodbye)
        return super().write(body, goodbye=goodbye)

    def config(self, etag: str | None, about: Mapping[str, str] | None = None) -> Answer:
        self._pass(count=True)
        return super().config(etag, about)

    def _pass(self, *, count: bool) -> None:
        if not self.is_open:
            self.close()
            self.refused += count
            raise UnreachableError(f"the scenario cuts {self.unit} off")


class Member:
    """An agent at work. `report` is called by one thread; the shipper has its own, as in every agent.

    With `days` it lives in a scenario: its machine is switched off and on, and its unit is cut off at times.
    """

    def __init__(self, berth: Berth, url: str, ca: Path | None, seed: int, days: Days | None = None) -> None:
        """The berth is enrolled. Raises CredentialsError, OutboxError."""
        who = credentials.load(berth.folder)
        if who is None:
            raise ValueError(f"{berth.folder} is not enrolled")
        self._berth, self._where, self._bearer = berth, (url, ca), who.bearer
        self._config = berth.folder / CONFIG
        self._config.write_text(f"[agent]\nroles = {json.dumps(berth.machine.roles)}\n")
        self._outbox = Outbox(berth.folder / "outbox.db", max_bytes=OUTBOX_BYTES)
        self._answers: Counter[str] = Counter()
        self._is_waiting = False
        self._machine_boot = boot_id()
        self._boot(self._machine_boot)
        life = None if days is None else Life(days, berth.unit, berth.machine, self._since())
        self._readings = Readings(berth.unit, berth.machine, seed, life)

    def _boot(self, boot: str) -> None:
        """As after the machine was switched on."""
        self._clock = Clock(self._outbox, boot)
        self._builder = SnapshotBuilder(self._outbox.recall().last_layout)
        self._way = _Way(*self._where, self._bearer, self._clock.learn)
        self._way.unit = self._berth.unit.code
        self._told = RemoteConfig(self._berth.folder, self._config, _ignore)
        self._shipper = Shipper(self._way, self._outbox, self._clock, self._told.refresh)
        self._started, self._booted = False, boot

    def _since(self) -> float:
        kept = self._outbox.note(SINCE)
        return float(kept or self._outbox.note(SINCE, repr(self._now())) or 0)

    def _now(self) -> float:
        moment = self._clock.moment()
        return moment.centre or moment.wall

    def start(self) -> None:
        """The first time, and after the machine was off, it begins to ship; then nothing."""
        if not self._started:
            self._started = True
            self._shipper.start()

    def report(self) -> int:
        """One snapshot into the outbox, and the shipper woken; how many samples it holds. Raises OutboxError.

        0 while the machine is off.
        """
        now = self._now()
        scene = self._readings.scene(now)
        self._follow(scene)
        if not scene.is_on:
            return 0
        stats = self._outbox.stats()
        self._is_waiting = scene.cut_off or (self._is_waiting and stats.snapshots > 1)
        own = own_samples(
            self._berth.machine.roles,
            stats,
            self._shipper.state,
            self._clock.offset_seconds,
            writable=True,
            config=self._told.in_use,
        )
        snapshot = self._builder.build([*self._readings.at(now), *own], complete=True)
        if self._outbox.append(snapshot, self._clock.stamp(), {}):
            self._builder.keep(snapshot)
        self._shipper.wake()
        return len(snapshot.values)

    def _follow(self, scene: Scene) -> None:
        """Switch the machine on or off: with a goodbye, if that gets out; the shipper's thread ends by itself."""
        boot = self._machine_boot if scene.booted is None else f"{self._machine_boot}/{scene.booted:.0f}"
        if scene.is_on and boot != self._booted:
            if self._started:
                self._shipper.stop(LAST_WORDS_SECONDS)
            self._answers = self._all_answers()
            self._boot(boot)
        self._way.is_open = scene.has_power and not scene.cut_off
        if scene.is_on:
            self.start()
        elif self._started:
            self._is_waiting |= not scene.has_power
            self._shipper.stop(0.0)

    def stop(self, seconds: float) -> int:
        """Say goodbye within `seconds`; how many snapshots remain unsent in the outbox."""
        if self._started:
            self._shipper.stop(seconds)
        waiting = self._outbox.stats().snapshots
        self._outbox.close()
        return waiting

    @property
    def is_waiting(self) -> bool:
        """What it has not sent waits because its unit is, or was a moment ago, cut off."""
        return self._is_waiting

    @property
    def requests(self) -> Mapping[str, int]:
        """Pushes by answer."""
        return self._all_answers()

    @property
    def last_error(self) -> str | None:
        return None if self._is_waiting else self._shipper.state.last_error

    def _all_answers(self) -> Counter[str]:
        answers = self._answers + Counter(self._shipper.state.requests)
        if refused := self._way.refused:
            answers["unreachable"] -= refused
            answers[CUT_OFF] += refused
        return +answers


def _ignore() -> None:
    """What a simulated agent reads does not depend on its configuration."""
