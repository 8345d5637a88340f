"""What the agents of a simulated unit read, as probes would hand it over."""

from __future__ import annotations

from itertools import permutations
from random import Random
from typing import TYPE_CHECKING, NamedTuple

from haidang_agent.probe import Sample, Totals
from haidang_agent.runner import DURATION, SUCCESS
from haidang_agent.wan.absence import REASONS
from haidang_agent.wan.metrics import GAP

from haidang_collector.simulate import metrics as m
from haidang_collector.simulate.live import MONTH, still
from haidang_collector.simulate.machines import CHECKS
from haidang_collector.simulate.outages import ISP, POWER, WHOLE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from haidang_collector.simulate.ledger import Ledger
    from haidang_collector.simulate.live import Life, Scene
    from haidang_collector.simulate.model import Line, Machine, SimUnit

SITE_PROBES = ("internet", "wan", "labs", "lan", "intrusion", "services", "portal", "inventory", "snmp", "egress")
HOST_PROBES = ("machine", "posture", "place", "inventory")
OUTAGES_A_MONTH = 4.0
SHORT_SECONDS = 60.0
BYTES_PER_MBIT = 125_000


class _Entry(NamedTuple):
    """Of a cause of a line; `place` among the causes. `since`: one is open, or, built so, `for_ever`."""

    key: tuple[str, str]
    place: int
    number: int
    seconds: float
    since: float | None
    for_ever: bool


class Readings:
    """The readings of one agent, at any time. Equal for equal seeds, but for noise and what time itself moves.

    Without a life the unit stands as it was built, for ever.
    """

    def __init__(self, unit: SimUnit, machine: Machine, seed: int, life: Life | None = None) -> None:
        self._unit, self._machine, self._life = unit, machine, life
        self._noise = Random(f"{seed}/{unit.code}/{machine.use}")  # noqa: S311 - no secret
        self._at_site = "site" in machine.roles
        self._turn_to(still(unit) if life is None else life.at(life.since))

    def scene(self, now: float) -> Scene:
        """How unit and machine stand at `now`, Unix time."""
        if self._life is not None and not self._scene.begin <= now < self._scene.end:
            self._turn_to(self._life.at(now))
        return self._scene

    def at(self, now: float) -> list[Sample]:
        """At `now`, Unix seconds, when the machine is on. Counters began with the month and only rise."""
        self.scene(now)
        samples = list(self._fixed)
        if self._at_site:
            samples += self._moving(now)
        return samples

    def _turn_to(self, scene: Scene) -> None:
        self._scene = scene
        self._fixed = [*_of_machine(self._machine)]
        if scene.booted is not None:
            self._fixed.append(Sample(m.BOOT, scene.booted))
        if not self._at_site:
            return
        self._fixed += _of_site(scene)
        self._fixed += _incidents(self._unit, scene.ledger)
        if self._life is not None:
            self._fixed += _counted(self._unit, scene.ledger)
        self._entries = [*_entries(m.CAUSES, WHOLE, scene, down=not any(line.up for line in self._unit.lines))]
        for line in self._unit.lines:
            self._entries += _entries(m.LINE_CAUSES, line.wan, scene, down=not line.up)
        self._idle = {line.wan: _idle(scene, line.wan) for line in self._unit.lines}

    def _moving(self, now: float) -> Iterator[Sample]:
        elapsed = now % MONTH
        watched = elapsed - self._scene.ledger.unwatched()
        for line in self._scene.unit.lines:
            yield from self._quality(line)
            yield Sample(m.WAN_OBSERVED, watched, (line.wan, line.isp))
            down, since = self._idle[line.wan]
            carried = (now if since is None else since) % MONTH - down
            for metric, share in ((m.WAN_RECEIVED, 0.05), (m.WAN_SENT, 0.01)):
                yield Sample(metric, carried * line.mbit * BYTES_PER_MBIT * share, (line.wan,))
        yield from _outages(self._entries, now)
        if (site := self._unit.site) is not None:
            fault = site.fault(inside=True)
            yield Sample(m.PORTAL_UP, float(fault is None))
            if fault is not None:
                yield Sample(m.PORTAL_FAULT, 1.0, (fault,))
            yield Sample(m.PORTAL_TLS, now + site.tls_left_seconds)
            yield Sample(m.PORTAL_CHANGED, now - site.unchanged_seconds)
            yield Sample(m.PORTAL_LAG, site.feed_lag_seconds)
        if self._scene.cut_off:
            return
        for service, up in self._unit.services.items():
            for phase in m.PHASES if up else m.PHASES[:3]:
                yield Sample(m.SERVICE_SECONDS, self._noise.uniform(0.005, 0.2), (service, phase))

    def _quality(self, line: Line) -> Iterator[Sample]:
        labels = (line.wan, line.isp)
        if line.up:
            rtt = self._noise.uniform(0.002, 0.03)
            yield Sample(m.WAN_LOSS, self._noise.choice((0.0, 0.0, 0.0, 1 / 60)), labels)
            yield Sample(m.WAN_RTT, rtt, labels)
            yield Sample(m.WAN_RTT_P95, rtt * 1.6, labels)
            yield Sample(m.WAN_JITTER, rtt * 0.1, labels)
        else:
            yield Sample(m.WAN_LOSS, 1.0, labels)
        if line.evidence == "optical" and _has_signal(line, self._scene):
            yield Sample(m.RX_POWER, -14.0 + self._noise.gauss(0, 0.1), (line.wan,))
            yield Sample(m.TX_POWER, 2.5, (line.wan,))


def _of_machine(machine: Machine) -> Iterator[Sample]:
    probes = {*HOST_PROBES, *(SITE_PROBES if "site" in machine.roles else ())}
    for probe in sorted(probes):
        yield Sample(SUCCESS, 1.0, (probe,))
        yield Sample(DURATION, 0.05, (probe,))
    yield Sample(m.MACHINE_INFO, 1.0, (machine.lab, machine.use))
    for kind, number in machine.equipment.items():
        yield Sample(m.EQUIPMENT, number, (kind, "agent"))
    if machine.use in ("management", "subject_group"):
        yield Sample(m.EQUIPMENT, 1.0, (f"{machine.use}_computer", "agent"))
    for check, severity in CHECKS.items():
        yield Sample(m.POSTURE, float(check not in machine.failed), (check, severity))


def _of_site(scene: Scene) -> Iterator[Sample]:
    unit = scene.unit
    yield from _lines(scene)
    yield from _rooms(unit)
    for kind, number in unit.network.items():
        yield Sample(m.EQUIPMENT, number, (kind, "network"))
    active = dict(unit.incidents)
    for kind, severity in m.INCIDENT_KINDS.items():
        yield Sample(m.INCIDENT_ACTIVE, float(kind in active), (kind, severity))
    for service, up in unit.services.items():
        if scene.cut_off:
            yield Sample(m.SERVICE_UP, 0.0, (service, m.PHASES[0]))
            yield Sample(m.SERVICE_FAULT, 1.0, (service, m.UNNAMED))
            continue
        for phase in m.PHASES if up else m.PHASES[:4]:
            yield Sample(m.SERVICE_UP, float(up or phase != "processing"), (service, phase))
        if not up:
            yield Sample(m.SERVICE_FAULT, 1.0, (service, m.SILENT))


def _incidents(built: SimUnit, ledger: Ledger) -> Iterator[Sample]:
    """One that the unit was built with has been counted."""
    active = dict(built.incidents)
    for kind, severity in m.INCIDENT_KINDS.items():
        yield Sample(m.INCIDENTS, float(kind in active) + ledger.attacks[kind], (kind, severity))


def _counted(unit: SimUnit, ledger: Ledger) -> Iterator[Sample]:
    """Of lines and absences, as the probe `wan` does; in a city that stands still there is none of it."""
    for reason in REASONS:
        yield Sample(m.UNOBSERVED, ledger.unwatched() if reason == POWER else 0.0, (reason,))
    for line in unit.lines:
        went_down = sum(ledger.outages[cause, line.wan] for cause in m.LINE_CAUSES)
        yield Sample(m.WAN_CHANGES, went_down, (line.wan, line.isp))
    for way in permutations((line.wan for line in unit.lines), 2):
        moves = ledger.moves.get(way, [])
        yield Sample(m.FAILOVERS, len(moves), way)
        if moves:
            yield from _gaps(way, [move.gap for move in moves])
            yield Sample(m.LAST_MOVE, moves[-1].at, way)
            yield Sample(m.LAST_GAP, moves[-1].gap, way)


def _gaps(way: tuple[str, str], gaps: list[float]) -> Iterator[Sample]:
    totals = Totals({})
    for gap in gaps:
        totals.observe(GAP, gap, way)
    return totals.histogram(GAP, way)


def _lines(scene: Scene) -> Iterator[Sample]:
    active = next((line.wan for line in scene.unit.lines if line.up), None)
    yield Sample(m.INTERNET_UP, float(active is not None))
    for line in scene.unit.lines:
        labels = (line.wan, line.isp)
        yield Sample(m.WAN_INFO, 1.0, (*labels, line.medium, line.evidence))
        yield Sample(m.WAN_UP, float(line.up), labels)
        yield Sample(m.WAN_ACTIVE, float(line.wan == active), labels)
        yield Sample(m.WAN_CARRIER, float(_has_signal(line, scene)), (line.wan,))


def _rooms(unit: SimUnit) -> Iterator[Sample]:
    for room in unit.rooms:
        counts = {"declared": room.declared or 0, "seen": room.seen, "online": room.online, "agent": 0}
        for state, number in counts.items():
            if number or state != "declared":
                yield Sample(m.LAB_COMPUTERS, number, (room.name, state))
        if room.reached is not None:
            yield Sample(m.LAB_INTERNET_UP, float(room.reached), (room.name,))
    found = {
        "computer": (sum(room.online for room in unit.rooms), sum(room.seen for room in unit.rooms)),
        "printer": (unit.network["printer"],) * 2,
        "camera": (unit.network["camera"],) * 2,
        "ap": (unit.network["access_point"],) * 2,
        "display": (unit.network["display"],) * 2,
        "phone": (12, 140),
        "network": (3, 3),
        "other": (1, 2),
        "unknown": (2, 9),
    }
    for kind, (online, seen) in found.items():
        yield Sample(m.DEVICES, online, (kind, "online"))
        yield Sample(m.DEVICES, seen, (kind, "seen"))


def _has_signal(line: Line, scene: Scene) -> bool:
    """Also while the ISP's network fails behind it."""
    return line.up or (ISP, line.wan) in scene.open


def _idle(scene: Scene, wan: str) -> tuple[float, float | None]:
    """For how many seconds the line carried nothing, and since when it carries nothing now."""
    since = min((begin for (_, of), begin in scene.open.items() if of == wan), default=None)
    return scene.ledger.down(wan), since


def _entries(causes: tuple[str, ...], wan: str, scene: Scene, *, down: bool) -> Iterator[_Entry]:
    for place, cause in enumerate(causes):
        key, for_ever = (cause, wan), down and cause == ISP
        number, seconds = scene.ledger.outages[key] + for_ever, scene.ledger.seconds.get(key, 0.0)
        yield _Entry(key, place, number, seconds, scene.open.get(key), for_ever)


def _outages(entries: list[_Entry], now: float) -> Iterator[Sample]:
    """Past outages of a minute each, and those of the unit's life.

    Where the line, or all of them, were built as down, one of the ISP has been open since the month began.
    """
    elapsed = now % MONTH
    short = [short_outages(place, elapsed) for place in range(len(m.CAUSES))]
    for key, place, number, seconds, since, for_ever in entries:
        open_for = elapsed if for_ever else 0.0 if since is None else now - since
        yield Sample(m.OUTAGES, short[place] + number, key)
        yield Sample(m.OUTAGE_SECONDS, short[place] * SHORT_SECONDS + seconds + open_for, key)
        yield Sample(m.OUTAGE_ACTIVE, float(for_ever or since is not None), key)


def short_outages(place: int, elapsed: float) -> int:
    """How many of them, of the cause at that place, since the month began."""
    return int(elapsed / MONTH * OUTAGES_A_MONTH / (place + 1))
