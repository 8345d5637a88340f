"""A city whose schools lose one ISP within a minute: invented facts and measurements, scraped by a real Prometheus with
the repository's rules, which tells a real Alertmanager with the committed routes.

The facts are those of /metrics/registry, the measurements those that agents push. What a silent school said last stays
as it was, as it does in the store.
"""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from random import Random
from typing import TYPE_CHECKING

from tests.alerts.people import ALERTS, People, listening_people
from tests.servers import Prometheus, prometheus
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

PUSH_SECONDS = 15.0
NEVER = float("inf")
FAILS, OTHERS = "VNPT", ("Viettel", "FPT")
SEEN_DOWN_SECONDS = 20.0
"""After so long an agent says that a line is down (docs/wan-probing.md); it is told with its next push."""
SETTLED_SECONDS = 120
NORMAL = "count(district:school_isp_units_quiet:increase == 0) == count(district:school_isp_units:count)"
PROMETHEUS_MORE = """\
scrape_configs:
  - job_name: registry
    honor_labels: true
    static_configs: [{{targets: ["127.0.0.1:{port}"]}}]
rule_files: ["{rules}/*.yml"]
alerting:
  alertmanagers: [{{static_configs: [{{targets: ["{alertmanager}"]}}]}}]
"""


@dataclass
class School:
    """One agent's view. Its lines of FAILS are down from `cut` to `back`, Unix seconds; `rogue_dhcp` from then on."""

    code: str
    district: str
    isps: tuple[str, ...]
    phase: float
    cut: float = NEVER
    back: float = NEVER
    all_lines: bool = False
    rogue_dhcp: float = NEVER

    def offline(self, at: float) -> bool:
        """Whether none of its lines works."""
        return self.cut <= at < self.back and (self.all_lines or self.isps == (FAILS,))

    def last_push(self, now: float) -> float:
        """When it was last heard."""
        push = now - (now - self.phase) % PUSH_SECONDS
        if self.offline(push):
            push = self.cut - (self.cut - self.phase) % PUSH_SECONDS
        return push

    def metrics(self, now: float) -> str:
        said = self.last_push(now)
        who = f'unit="{self.code}",district="{self.district}",agent="a-{self.code}"'
        down = self.cut + SEEN_DOWN_SECONDS <= said < self.back
        lines = [
            f'school_unit_info{{unit="{self.code}",district="{self.district}",name="{self.code}",level="primary"}} 1',
            f"haidang_agent_expected{{{who}}} 1",
            f"haidang_agent_stopped{{{who}}} 0",
            f"haidang_agent_last_seen_timestamp_seconds{{{who}}} {said:.3f}",
            f'haidang_agent_info{{{who},roles="site"}} 1',
            f"school_internet_up{{{who}}} 1",
            f'school_incident_active{{{who},kind="rogue_dhcp",severity="critical"}} {int(self.rogue_dhcp <= said)}',
        ]
        for number, isp in enumerate(self.isps, 1):
            line = f'{who},wan="wan{number}",isp="{isp}"'
            up = int(not (down and isp == FAILS))
            active = int(up and (number == 1 or (down and self.isps[0] == FAILS)))
            lines += [
                f'school_wan_info{{{line},medium="fibre",evidence="declared"}} 1',
                f"school_wan_up{{{line}}} {up}",
                f"school_wan_active{{{line}}} {active}",
            ]
        return "\n".join(lines)


def build(*, units: int, districts: int, hit: int, hit_districts: int, seed: int = 1) -> list[School]:
    """`hit` schools have a line of FAILS in the first `hit_districts`; a tenth of them, and of all, have two ISPs."""
    dice = Random(seed)
    schools = []
    for number in range(units):
        place = number % districts
        isps: tuple[str, ...] = (dice.choice((FAILS, *OTHERS)),)
        if place < hit_districts:
            rank = number // districts * hit_districts + place
            isps = (FAILS,) if rank < hit else (dice.choice(OTHERS),)
        if number // districts % 10 == 0:
            isps = (*isps, next(isp for isp in (*OTHERS, FAILS) if isp not in isps and isp != FAILS))
        schools.append(School(f"TH-{number:04}", f"Quận {place + 1}", isps, dice.uniform(0, PUSH_SECONDS)))
    return schools


def strike(schools: Sequence[School], at: float, within: float, *, hit_districts: int, seed: int = 2) -> list[School]:
    """FAILS fails in the first districts from `at` on, for one school after another; those it hits, the first first."""
    dice, places = Random(seed), {f"Quận {place + 1}" for place in range(hit_districts)}
    hit = [school for school in schools if school.district in places and FAILS in school.isps]
    for school in hit:
        school.cut = at + dice.uniform(0, within)
    return sorted(hit, key=lambda school: school.cut)


@dataclass
class StormyCity:
    schools: list[School]
    people: People
    store: Prometheus

    def told(self, status: str = "firing") -> list[tuple[float, dict[str, str]]]:
        """When the webhook first heard each time that an alert fired or ended, and its labels; the earliest first."""
        first: dict[tuple[str, tuple[tuple[str, str], ...]], float] = {}
        for notification in list(self.people.notifications):
            for alert in notification["alerts"]:
                if alert["status"] == status:
                    key = (alert["startsAt"], tuple(sorted(alert["labels"].items())))
                    first.setdefault(key, notification["received"])
        return sorted(((at, dict(labels)) for (_, labels), at in first.items()), key=lambda each: each[0])

    def all_dark(self) -> bool:
        """Whether the rules have known for five seconds that all who are cut off have no Internet."""
        dark = sum(school.offline(time.time()) for school in self.schools)
        return bool(self.store.query(f"count(unit:school_internet_up offset 5s == 0) == {dark}"))

    def named(self, alertname: str, status: str = "firing") -> list[tuple[float, dict[str, str]]]:
        return [(at, labels) for at, labels in self.told(status) if labels["alertname"] == alertname]


@contextmanager
def stormy_city(
    folder: Path, schools: list[School], *, group_interval: str, collector: str = ""
) -> Iterator[StormyCity]:
    """Begins when every school's lines are known by the rules. A `collector` at that address is told of everything."""
    facts = ThreadingHTTPServer(("127.0.0.1", 0), _exporter(schools, time.time()))
    thread = threading.Thread(target=facts.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        with listening_people(folder, group_interval=group_interval, collector=collector) as people:
            more = PROMETHEUS_MORE.format(
                port=facts.server_port, rules=ALERTS / "rules", alertmanager=people.alertmanager.removeprefix("http://")
            )
            with prometheus(folder, more=more) as store:
                known = f"count(count by (unit) (unit:school_isp:known)) == {len(schools)}"
                eventually("every line is known", lambda: store.query(known), seconds=SETTLED_SECONDS)
                eventually("what is normal is known", lambda: store.query(NORMAL), seconds=SETTLED_SECONDS)
                yield StormyCity(schools, people, store)
    finally:
        facts.shutdown()
        thread.join()
        facts.server_close()


def _exporter(schools: list[School], started: float) -> type[BaseHTTPRequestHandler]:
    class Exporter(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            now = time.time()
            body = f"haidang_collector_start_timestamp_seconds {started:.3f}\n"
            body += "\n".join(school.metrics(now) for school in schools) + "\n"
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            """The test looks at what is told."""

    return Exporter
