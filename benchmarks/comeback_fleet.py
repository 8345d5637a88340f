"""The schools of `comeback`: what they measured during the cut, and real agents that find the line again.

All of it but the readings is the agent's own code: an outbox filled by `append`, a shipper that backs off while nobody
answers. The readings are of schools that were cut off: no line worked, the outage is counted, and one school in
twenty was attacked for twenty minutes, long before the line came back.
"""

from __future__ import annotations

import logging
import shutil
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from haidang_agent import credentials
from haidang_agent.centre import Centre
from haidang_agent.clock import boot_id, monotonic
from haidang_agent.outbox import Outbox
from haidang_agent.own_metrics import INFO
from haidang_agent.probe import Sample
from haidang_agent.shipper import Shipper
from haidang_agent.snapshot import SnapshotBuilder
from haidang_agent.stamp import Stamp
from haidang_collector.simulate import fleet, member
from haidang_collector.simulate import metrics as m
from haidang_collector.simulate.build import build
from haidang_collector.simulate.member import berths
from haidang_collector.simulate.readings import Readings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from haidang_agent.outbox import Batch
    from haidang_collector.simulate.member import Berth

EVERY_SECONDS = 15
ATTACKED_ONE_IN = 20
ATTACK = "rogue_dhcp"
BACK, OVER, WAITING = "back", "over", "waiting-"
"""Files that the benchmark writes into the fleet's folder: the line is back (its text says when); agents may stop.

Each part of the fleet writes how many of its agents have a past to tell, every five seconds.
"""
WITHOUT_A_LINE = frozenset({m.WAN_RTT, m.WAN_RTT_P95, m.WAN_JITTER})
NOTHING_WORKS = frozenset({m.INTERNET_UP, m.WAN_UP, m.WAN_ACTIVE, m.LAB_INTERNET_UP})


@dataclass(frozen=True)
class Part:
    """Every `parts`-th agent of the city, from the `number`-th on. `cut`: Unix seconds."""

    folder: Path
    units: int
    seed: int
    day: date
    number: int
    parts: int
    cut: float
    url: str = ""

    def berths(self) -> list[Berth]:
        city = build(self.units, seed=self.seed, day=self.day)
        heard = [berth for berth in berths(city, self.folder) if berth.unit.presence == "heard"]
        return heard[self.number :: self.parts]


@dataclass
class Told:
    """Of one agent. `taken`: its snapshots since it runs, (Unix ms when it was made, ms until the centre had it)."""

    taken: list[tuple[int, int]] = field(default_factory=list)
    past: list[tuple[float, int, float]] = field(default_factory=list)
    """(Unix seconds, samples, how many of them a second it is granted from then on), after each push of backlog."""
    kept: int = 0
    """Samples that its outbox ever took."""
    lost: dict[str, int] = field(default_factory=dict)
    requests: dict[str, int] = field(default_factory=dict)
    unsent: int = 0


class CutOff(Readings):
    """As its school is, but for the time from `cut` until the line is back, and for what that leaves behind."""

    def __init__(self, berth: Berth, seed: int, cut: float, back: Path) -> None:
        super().__init__(berth.unit, berth.machine, seed)
        self._cut, self._back = cut, back
        self._attacked = int(berth.unit.code.rpartition("-")[2]) % ATTACKED_ONE_IN == 0
        self.end: float | None = None

    def at(self, now: float) -> list[Sample]:
        if self.end is None and self._back.exists():
            self.end = float(self._back.read_text())
        return [changed for sample in super().at(now) for changed in self._as_then(sample, now)]

    def _as_then(self, sample: Sample, now: float) -> Iterator[Sample]:
        dark = self.end is None or now < self.end
        if dark and sample.metric in WITHOUT_A_LINE:
            return
        yield sample._replace(value=self._value(sample, now, dark=dark))

    def _value(self, sample: Sample, now: float, *, dark: bool) -> float:
        if dark and (sample.metric in NOTHING_WORKS or sample.metric == m.WAN_LOSS):
            return float(sample.metric == m.WAN_LOSS)
        if sample.labels[:1] == ("isp",):
            return self._of_outage(sample, now, dark=dark)
        if self._attacked and sample.labels[:1] == (ATTACK,):
            return self._of_attack(sample, now)
        return sample.value

    def _of_outage(self, sample: Sample, now: float, *, dark: bool) -> float:
        if sample.metric == m.OUTAGES:
            return sample.value + 1
        if sample.metric == m.OUTAGE_SECONDS:
            return sample.value + (now if self.end is None else min(now, self.end)) - self._cut
        return 1.0 if dark and sample.metric == m.OUTAGE_ACTIVE else sample.value

    def _of_attack(self, sample: Sample, now: float) -> float:
        """For twenty minutes of the first hour; it is counted from then on."""
        begin = self._cut + 1200
        if sample.metric == m.INCIDENTS:
            return sample.value + (now >= begin)
        return max(sample.value, float(begin <= now < begin + 1200))


def fill(part: Part) -> tuple[int, int, int]:
    """The outboxes from the cut until now; samples, snapshots and bytes that they hold then."""
    samples = snapshots = size = 0
    with tempfile.TemporaryDirectory(dir="/dev/shm") as name:
        for berth in part.berths():
            path = Path(name) / "outbox.db"
            outbox = Outbox(path, max_bytes=member.OUTBOX_BYTES)
            _keep_what_was(outbox, berth, part)
            stats = outbox.stats()
            outbox.close()
            if stats.lost:
                raise RuntimeError(f"{berth.folder} has lost {stats.lost} before it began")
            samples, snapshots, size = (
                samples + stats.samples_total,
                snapshots + stats.snapshots,
                size + path.stat().st_size,
            )
            shutil.move(path, berth.folder / "outbox.db")
    return samples, snapshots, size


def _keep_what_was(outbox: Outbox, berth: Berth, part: Part) -> None:
    """As an agent that knew the centre's time, and ran on."""
    offset = time.time() - monotonic()
    boot = boot_id()
    outbox.note("clock", f"{boot} {offset!r}")
    readings = CutOff(berth, part.seed, part.cut, part.folder / BACK)
    builder = SnapshotBuilder(())
    info = Sample(INFO, 1.0, ("0", "linux", ",".join(berth.machine.roles)))
    for number in range(int((time.time() - part.cut) / EVERY_SECONDS)):
        when = part.cut + number * EVERY_SECONDS
        snapshot = builder.build([info, *readings.at(when)], complete=True)
        ms = round(when * 1000)
        if not outbox.append(snapshot, Stamp(ms, boot, round((when - offset) * 1000), ms), {}):
            raise RuntimeError(f"{berth.folder} does not take what was measured at {when}")
        builder.keep(snapshot)


def report(part: Part) -> dict[str, Told]:
    """Be every agent of `part` until OVER is there; what became of each."""
    logging.disable(logging.WARNING)
    found = part.berths()
    crew: list[_Watched] = []

    def aboard(berth: Berth, url: str, ca: Path | None, seed: int, _: None) -> _Watched:
        crew.append(_Watched(berth, url, ca, seed, part))
        return crew[-1]

    fleet.Member = aboard  # type: ignore[assignment,attr-defined]
    running = fleet.Fleet(found, part.url, None, seed=part.seed + part.number, interval=EVERY_SECONDS)

    def look(_: fleet.Result) -> None:
        waiting = sum(each.has_a_past() for each in crew)
        (part.folder / f"{WAITING}{part.number}").write_text(str(waiting))
        if (part.folder / OVER).exists():
            running.stop()

    running.run(7 * 86_400, look)
    return {berth.agent: each.tell(berth) for berth, each in zip(found, crew, strict=True)}


class _Watched(member.Member):
    def __init__(self, berth: Berth, url: str, ca: Path | None, seed: int, part: Part) -> None:
        super().__init__(berth, url, ca, seed)
        who = credentials.load(berth.folder)
        if who is None:
            raise ValueError(f"{berth.folder} is not enrolled")
        self._readings = self._cut_off = CutOff(berth, seed, part.cut, part.folder / BACK)
        centre = Centre(url, ca, who.bearer, self._clock.learn)
        self._watched = _WatchedShipper(centre, self._outbox, self._clock, self._told.refresh)
        self._shipper = self._watched

    def has_a_past(self) -> bool:
        """Whether something of before the return waits, or the return is yet to come."""
        oldest, back = self._outbox.stats().oldest_timestamp, self._cut_off.end
        return back is None or (oldest is not None and oldest < back)

    def tell(self, berth: Berth) -> Told:
        """Once it has stopped."""
        outbox = Outbox(berth.folder / "outbox.db", max_bytes=member.OUTBOX_BYTES)
        stats = outbox.stats()
        outbox.close()
        told = self._watched.told
        told.kept, told.unsent, told.lost = stats.samples_total, stats.snapshots, dict(stats.lost)
        told.requests = dict(self.requests)
        return told


class _WatchedShipper(Shipper):
    """Notes when the centre has taken what was measured since it runs."""

    told: Told
    _began_ms: int

    def start(self) -> None:
        self.told, self._began_ms = Told(), round(time.time() * 1000)
        super().start()

    def _push(self, batch: Batch) -> float | None:
        wait = super()._push(batch)
        if wait is None:
            now = self._clock.stamp().timestamp_ms or 0
            self.told.taken += [(ms, now - ms) for ms in batch.timestamps_ms if ms >= self._began_ms]
            if batch.timestamps_ms[-1] < self._shipped_ms:
                self.told.past.append((now / 1000, len(batch.ids) * len(batch.layout), self._rate))
        return wait
