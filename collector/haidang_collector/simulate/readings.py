"""What the agents of a simulated unit read, as probes would hand it over."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

from haidang_agent.probe import Sample
from haidang_agent.runner import DURATION, SUCCESS

from haidang_collector.simulate import metrics as m
from haidang_collector.simulate.machines import CHECKS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from haidang_collector.simulate.model import Line, Machine, SimUnit

SITE_PROBES = ("internet", "wan", "labs", "lan", "intrusion", "services", "portal", "inventory", "snmp", "egress")
HOST_PROBES = ("machine", "posture", "place", "inventory")
OUTAGES_A_MONTH = 4.0
SHORT_SECONDS = 60.0
MONTH = 30 * 86_400.0
BYTES_PER_MBIT = 125_000


class Readings:
    """The readings of one agent, at any time. Equal for equal seeds, but for what time itself moves."""

    def __init__(self, unit: SimUnit, machine: Machine, seed: int) -> None:
        self._unit = unit
        self._noise = Random(f"{seed}/{unit.code}/{machine.use}")  # noqa: S311 - no secret
        self._at_site = "site" in machine.roles
        self._fixed = tuple(_of_machine(machine))
        if self._at_site:
            self._fixed += tuple(_of_site(unit))

    def at(self, now: float) -> list[Sample]:
        """`now` in Unix seconds. Counters began with the month and only rise."""
        samples = list(self._fixed)
        if self._at_site:
            samples += self._moving(now)
        return samples

    def _moving(self, now: float) -> Iterator[Sample]:
        elapsed = now % MONTH
        for line in self._unit.lines:
            yield from self._quality(line)
            yield Sample(m.WAN_OBSERVED, elapsed, (line.wan, line.isp))
            for metric, share in ((m.WAN_RECEIVED, 0.05), (m.WAN_SENT, 0.01)):
                yield Sample(metric, elapsed * line.mbit * BYTES_PER_MBIT * share, (line.wan,))
            yield from _outages(m.LINE_CAUSES, line.wan, elapsed, down=not line.up)
        down = not any(line.up for line in self._unit.lines)
        yield from _outages(m.CAUSES, "", elapsed, down=down)
        if (site := self._unit.site) is not None:
            fault = site.fault(inside=True)
            yield Sample(m.PORTAL_UP, float(fault is None))
            if fault is not None:
                yield Sample(m.PORTAL_FAULT, 1.0, (fault,))
            yield Sample(m.PORTAL_TLS, now + site.tls_left_seconds)
            yield Sample(m.PORTAL_CHANGED, now - site.unchanged_seconds)
            yield Sample(m.PORTAL_LAG, site.feed_lag_seconds)
        for service, up in self._unit.services.items():
            for phase in m.PHASES if up else m.PHASES[:3]:
                yield Sample(m.SERVICE_SECONDS, self._noise.uniform(0.005, 0.2), (service, phase))

    def _quality(self, line: Line) -> Iterator[Sample]:
        labels = (line.wan, line.isp)
        if not line.up:
            yield Sample(m.WAN_LOSS, 1.0, labels)
            return
        rtt = self._noise.uniform(0.002, 0.03)
        yield Sample(m.WAN_LOSS, self._noise.choice((0.0, 0.0, 0.0, 1 / 60)), labels)
        yield Sample(m.WAN_RTT, rtt, labels)
        yield Sample(m.WAN_RTT_P95, rtt * 1.6, labels)
        yield Sample(m.WAN_JITTER, rtt * 0.1, labels)
        if line.evidence == "optical":
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


def _of_site(unit: SimUnit) -> Iterator[Sample]:
    yield from _lines(unit)
    yield from _rooms(unit)
    for kind, number in unit.network.items():
        yield Sample(m.EQUIPMENT, number, (kind, "network"))
    active = dict(unit.incidents)
    for kind, severity in m.INCIDENT_KINDS.items():
        yield Sample(m.INCIDENT_ACTIVE, float(kind in active), (kind, severity))
        yield Sample(m.INCIDENTS, float(kind in active), (kind, severity))
    for service, up in unit.services.items():
        for phase in m.PHASES if up else m.PHASES[:4]:
            yield Sample(m.SERVICE_UP, float(up or phase != "processing"), (service, phase))
        if not up:
            yield Sample(m.SERVICE_FAULT, 1.0, (service, m.SILENT))


def _lines(unit: SimUnit) -> Iterator[Sample]:
    active = next((line.wan for line in unit.lines if line.up), None)
    yield Sample(m.INTERNET_UP, float(active is not None))
    for line in unit.lines:
        labels = (line.wan, line.isp)
        yield Sample(m.WAN_INFO, 1.0, (*labels, line.medium, line.evidence))
        yield Sample(m.WAN_UP, float(line.up), labels)
        yield Sample(m.WAN_ACTIVE, float(line.wan == active), labels)
        yield Sample(m.WAN_CARRIER, float(line.up), (line.wan,))


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


def _outages(causes: tuple[str, ...], wan: str, elapsed: float, *, down: bool) -> Iterator[Sample]:
    """Past outages of a minute each; one of the ISP is open while the line, or all of them, are down."""
    for place, cause in enumerate(causes):
        number = short_outages(place, elapsed)
        open_now = down and cause == "isp"
        yield Sample(m.OUTAGES, number + open_now, (cause, wan))
        yield Sample(m.OUTAGE_SECONDS, number * SHORT_SECONDS + (elapsed if open_now else 0.0), (cause, wan))
        yield Sample(m.OUTAGE_ACTIVE, float(open_now), (cause, wan))


def short_outages(place: int, elapsed: float) -> int:
    """How many of them, of the cause at that place, since the month began."""
    return int(elapsed / MONTH * OUTAGES_A_MONTH / (place + 1))
