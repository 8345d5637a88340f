"""A small city that has every trouble at once, so that a panel that stays empty is a fault of the panel.

The units are those of `haidang simulate`, with a worse scenario; what simulated agents never tell is added here, and a
two days of what rules recorded before.
"""

from __future__ import annotations

import http.client
import signal
import time
from array import array
from collections import defaultdict
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from haidang_agent.wire import encode
from haidang_collector.registry.store import Registry, Sighting
from haidang_collector.simulate import metrics as m
from haidang_collector.simulate.build import build, today
from haidang_collector.simulate.readings import Readings
from haidang_collector.simulate.scenario import LIMITS, Scenario
from haidang_collector.simulate.words import PUBLIC

from tests.collector.simulate.running_city import running_city

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from haidang_agent.probe import Sample
    from haidang_agent.snapshot import LabelSet
    from haidang_collector.simulate.model import City, Machine, SimUnit

    from tests.collector.simulate.running_city import RunningCity
    from tests.servers import Prometheus

TROUBLED = Scenario(
    silent=0.12, without_agent=0.12, line_down=0.2, second_isp=0.7, attacked=0.4, posture_failing=0.6, server=0.6,
    service_down=0.15, portal_neglected=0.4, enough_computers=0.4, equipped=0.6, room_cut_off=0.3, fibre=0.8,
)  # fmt: skip
UNITS, SEED, DISTRICTS = 12, 158, 3
MINUTE, HOUR, DAY = 60, 3600, 86_400
STEP, DAYS = HOUR // 2, 2
"""Of what rules keep every half hour; two days of it are enough to look back upon."""

ROWS_A_REQUEST = 200
WEBSITE = {"certificate": "critical", "hsts": "warning"}
SERVER = {
    "node_filesystem_avail_bytes": 2e10, "node_filesystem_size_bytes": 1e11, "node_filesystem_readonly": 0.0,
    "node_memory_MemAvailable_bytes": 2e9, "node_memory_MemTotal_bytes": 8e9, "node_load15": 1.5,
    "school_server_failed_units": 1.0,
}  # fmt: skip
CENTRE = """\
  - {{job_name: collector, scrape_interval: 2s, static_configs: [{{targets: ["{collector}"]}}]}}
  - {{job_name: prometheus, scrape_interval: 2s, static_configs: [{{targets: ["127.0.0.1:{store}"]}}]}}
"""


def troubled_city() -> City:
    """Several units a district, where a simulated city of this size would have one each."""
    city = build(UNITS, seed=SEED, day=today(), scenario=TROUBLED)
    districts = [unit.district for unit in city.units[:DISTRICTS]]
    units = (replace(unit, district=districts[place % DISTRICTS]) for place, unit in enumerate(city.units))
    return replace(city, units=tuple(units))


@contextmanager
def troubled(folder: Path) -> Iterator[RunningCity]:
    """That city in a real collector and a real Prometheus, which evaluates all rules every few seconds."""
    city = troubled_city()
    with running_city(folder, city, interval="3s", scrape_seconds=3) as running:
        _watch_the_centre(running)
        now = time.time()
        _fall_silent(running, city, now)
        _tell(running.store, history(city, now))
        _tell(running.store, extras(city, now))
        yield running


def _watch_the_centre(running: RunningCity) -> None:
    """Prometheus also asks the collector and itself how they are, as `haidang up` has it."""
    settings = running.store.folder / "prometheus.yml"
    jobs = CENTRE.format(collector=running.url.removeprefix("http://"), store=running.store.port)
    settings.write_text(settings.read_text().replace("scrape_configs:\n", f"scrape_configs:\n{jobs}"))
    assert running.store._process
    running.store._process.send_signal(signal.SIGHUP)


def _fall_silent(running: RunningCity, city: City, now: float) -> None:
    """Those who do not speak were heard ten minutes ago, and the centre has listened ever since."""
    registry = Registry(running.environment["HAIDANG_DATABASE_URL"])
    registry.record_seen(
        {
            _agent(unit, number): Sighting(now - 10 * MINUTE, stopped=False)
            for unit in city.units
            if unit.presence == "silent"
            for number in range(len(unit.machines))
        }
    )
    registry.close()
    told = Told()
    told.add("centre:haidang_listening_since:timestamp_seconds", {}, now, now - 10 * MINUTE)
    _tell(running.store, told)


def _agent(unit: SimUnit, number: int) -> str:
    return f"a-{unit.code}-{number}".lower()


def _heard(city: City) -> Iterator[tuple[SimUnit, Machine, dict[str, str]]]:
    """Each machine that speaks, with the labels that ingest gives it."""
    for unit in city.units:
        if unit.presence == "heard":
            for number, machine in enumerate(unit.machines):
                yield unit, machine, {"agent": _agent(unit, number), "district": unit.district, "unit": unit.code}


class Told:
    """Series with samples of their own times."""

    def __init__(self) -> None:
        self.series: dict[LabelSet, tuple[list[int], array[float]]] = defaultdict(lambda: ([], array("d")))

    def add(self, name: str, labels: Mapping[str, str], when: float, value: float) -> None:
        """A label without a value is none."""
        given = {"__name__": name, **labels}
        times, values = self.series[tuple(sorted((key, text) for key, text in given.items() if text))]
        times.append(int(when * 1000))
        values.append(value)


def history(city: City, now: float) -> Told:
    """What rules keep to look back upon, as they would have recorded it of these agents in two days."""
    told = Told()
    for unit, machine, labels in _heard(city):
        if "site" in machine.roles:
            readings = Readings(unit, machine, city.seed)
            for when in (now - ago for ago in range(DAYS * DAY, STEP, -STEP)):
                _half_hour(told, labels, when, readings.at(when), recent=when > now - DAY)
                for service, up in {**unit.services, "public_results": False}.items():
                    of_service = _place(labels) | {"service": service}
                    told.add("unit:school_service_up:sparse", of_service, when, float(up))
                    if service.startswith(PUBLIC):
                        told.add("unit:school_public_service_up:sparse", of_service, when, float(up))
            _days(told, labels, now)
    return told


def _place(labels: Mapping[str, str]) -> dict[str, str]:
    return {"district": labels["district"], "unit": labels["unit"]}


def _half_hour(told: Told, labels: dict[str, str], when: float, said: list[Sample], *, recent: bool) -> None:
    for sample in said:
        own = dict(zip(sample.metric.labels, sample.labels, strict=True))
        match sample.metric:
            case m.OUTAGE_SECONDS | m.WAN_OBSERVED:
                name = sample.metric.name.removesuffix("_total")
                told.add(f"agent:{name}:sparse", own | labels, when, sample.value)
                if recent:
                    told.add(f"agent:{name}:total", own | labels, when, sample.value)
            case m.WAN_ACTIVE:
                told.add("unit:school_wan_active:sampled", own | _place(labels), when, sample.value)
            case m.RX_POWER:
                told.add("unit:school_fibre_rx_power_dbm:sampled", own | _place(labels), when, sample.value)
    off = {"reason": "off"} | labels
    told.add("agent:school_unobserved_seconds:sparse", off, when, when % (30 * DAY) / 50)


def _days(told: Told, labels: dict[str, str], now: float) -> None:
    """What changes by the day: news at the deadlines, and how many findings there were a week and a month ago."""
    for day in range(1, 10):
        for deadline in ("morning", "afternoon"):
            news = _place(labels) | {"deadline": deadline}
            told.add("unit:school_news_on_time:sampled", news, now - day * DAY, float(day % 3 > 0))
    for ago in (30 * DAY, 7 * DAY):
        for minute in range(-4, 5):
            when = now - ago + MINUTE * minute
            for severity in ("critical", "warning", "info"):
                findings = _place(labels) | {"severity": severity}
                told.add("unit:school_posture_findings:count", findings, when, 1.0)
            for level in LIMITS:
                told.add("school:students_per_computer:ratio", _place(labels) | {"level": level}, when, 99.0)


def extras(city: City, now: float) -> Told:
    """What agents of these units tell that simulated ones do not."""
    told = Told()
    for place, (unit, machine, labels) in enumerate(_heard(city)):
        _of_agent(told, labels, now, place, machine)
        if "site" in machine.roles:
            _of_site(told, labels, now, len(unit.lines))
        if machine.use == "server":
            _of_server(told, labels, now)
    return told


def _of_agent(told: Told, labels: dict[str, str], now: float, place: int, machine: Machine) -> None:
    told.add("haidang_outbox_snapshots", labels, now, 3.0 + place)
    told.add("haidang_outbox_oldest_timestamp_seconds", labels, now, now - 60 * place)
    told.add("haidang_clock_offset_seconds", labels, now, 0.1 * place)
    if "site" not in machine.roles:
        told.add("haidang_probe_success", labels | {"probe": "server"}, now, 0.0)


def _of_site(told: Told, labels: dict[str, str], now: float, lines: int) -> None:
    told.add("haidang_agent_relay_frames", labels, now, 3.0)
    told.add("haidang_agent_relay_bytes", labels, now, 1e6)
    told.add("haidang_agent_relay_limit_bytes", labels, now, 256e6)
    told.add("haidang_intrusion_interfaces", labels, now, 1.0)
    told.add("haidang_intrusion_check_success", labels | {"check": "rogue_dhcp"}, now, 1.0)
    told.add("haidang_intrusion_check_success", labels | {"check": "rogue_ra"}, now, 0.0)
    for check, severity in WEBSITE.items():
        told.add("school_website_check", labels | {"check": check, "severity": severity}, now, 0.0)
    told.add("school_outside_port_open", _place(labels) | {"port": "8291"}, now, 1.0)
    poor = labels | {"wan": "wan3", "isp": "CMC"}
    told.add("school_wan_up", poor, now, 1.0)
    told.add("school_wan_loss_ratio", poor, now, 0.3)
    if lines > 1:
        move = labels | {"from": "wan1", "to": "wan2"}
        told.add("school_wan_failovers_total", move, now, 4.0)
        told.add("school_wan_last_failover_timestamp_seconds", move, now, now - HOUR)
        told.add("school_wan_last_failover_duration_seconds", move, now, 2.5)


def _of_server(told: Told, labels: dict[str, str], now: float) -> None:
    disk = {"device": "/dev/sda1", "mountpoint": "/", "fstype": "ext4"}
    for name, value in SERVER.items():
        told.add(name, labels | (disk if name.startswith("node_filesystem") else {}), now, value)
    told.add("school_server_service_up", labels | {"service": "nginx.service"}, now, 1.0)
    told.add("school_server_certificate_expiry_timestamp_seconds", labels | {"certificate": "/c.pem"}, now, now + DAY)
    told.add("school_server_backup_found", labels | {"backup": "/var/backups"}, now, 1.0)
    told.add("school_server_backup_timestamp_seconds", labels | {"backup": "/var/backups"}, now, now - DAY)


def _tell(store: Prometheus, told: Told) -> None:
    """Written straight into the store, late as it is."""
    alike: dict[tuple[int, ...], list[LabelSet]] = defaultdict(list)
    for labels, (own, _) in told.series.items():
        alike[tuple(own)].append(labels)
    connection = http.client.HTTPConnection("127.0.0.1", store.port)
    for all_times, layout in alike.items():
        columns = [told.series[labels][1] for labels in layout]
        rows = [array("d", row) for row in zip(*columns, strict=True)]
        times = list(all_times)
        for start in range(0, len(times), ROWS_A_REQUEST):
            part = slice(start, start + ROWS_A_REQUEST)
            connection.request("POST", "/api/v1/write", encode(tuple(layout), times[part], rows[part]))
            answer = connection.getresponse()
            body = answer.read()
            assert answer.status < http.client.MULTIPLE_CHOICES, body
    connection.close()
