"""The centre of `comeback`, which last heard its city when that was cut off, and the door that the city knocks at."""

from __future__ import annotations

import os
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import yaml
from haidang_collector.registry.store import Registry, Sighting
from haidang_collector.simulate.build import build, today
from haidang_collector.simulate.centre import look
from haidang_collector.simulate.fleet import enrol_here
from haidang_collector.simulate.member import berths
from haidang_collector.simulate.registry import fill as fill_registry
from haidang_collector.supervisor.files import prometheus_config
from haidang_collector.supervisor.plan import Plan

from benchmarks.centre import BIN
from benchmarks.comeback_fleet import BACK, WAITING, Part
from benchmarks.measure import fetch, wait_for
from tests.alerts.people import listening_people
from tests.servers import free_port, prometheus

if TYPE_CHECKING:
    from contextlib import ExitStack
    from pathlib import Path

    from haidang_collector.simulate.member import Berth

    from tests.alerts.people import People
    from tests.servers import Prometheus

UNITS = int(os.environ.get("HAIDANG_BENCH_UNITS", "200"))
HOURS = float(os.environ.get("HAIDANG_BENCH_HOURS", "6"))
SEED, PROCESSES = 1, 2
"""The fleet's processes; the agents of a process share its threads' one lock, which real ones do not."""


@dataclass
class City:
    """It stands in `folder`; agents knock at `door`, the collector listens at `port`."""

    folder: Path
    found: list[Berth]
    part: Part
    door: int
    port: int
    store: Prometheus
    collector_pid: int

    @property
    def fleet(self) -> Path:
        return self.folder / "fleet"

    def waiting(self) -> int:
        """Agents that have yet to tell what was before the return."""
        return sum(int((self.fleet / f"{WAITING}{number}").read_text() or "1") for number in range(PROCESSES))

    def present(self, since: float) -> int:
        """Agents of which the store has a sample that is newer."""
        result = self.store.query(f'count(timestamp(haidang_agent_info{{job=""}}) > {since})')
        return int(result[0]["value"][1]) if result else 0


def start(stack: ExitStack, folder: Path) -> City:
    """A centre that last heard its city when it was cut off."""
    fleet = folder / "fleet"
    fleet.mkdir(parents=True)
    day, cut = today(), time.time() - HOURS * 3600
    door, port = free_port(), free_port()
    city = build(UNITS, seed=SEED, day=day)
    people = stack.enter_context(listening_people(folder, collector=f"http://127.0.0.1:{port}", group_interval="30s"))
    store = stack.enter_context(prometheus(folder, more=_reads(Plan(folder, port, alertmanager_port=_port(people)))))
    environment = {
        **os.environ,
        "HAIDANG_DATABASE_URL": f"sqlite:///{folder}/haidang.db",
        "HAIDANG_LISTEN": f"127.0.0.1:{port}",
        "HAIDANG_STORE_WRITE_URL": store.write_url,
        "HAIDANG_PROMETHEUS_URL": store.url,
    }
    registry = Registry(environment["HAIDANG_DATABASE_URL"])
    stack.callback(registry.close)
    fill_registry(registry.database, city)
    look(registry.database, city, time.time())
    found = berths(city, fleet)
    enrol_here(registry.database, found)
    heard = [berth for berth in found if berth.unit.presence == "heard"]
    registry.record_seen({berth.agent: Sighting(cut, stopped=False) for berth in heard})
    with (folder / "collector.log").open("wb") as log:
        process = subprocess.Popen([BIN / "haidang", "serve"], env=environment, stdout=log, stderr=log)
    stack.callback(process.wait)
    stack.callback(process.terminate)
    wait_for("the collector", lambda: bool(fetch(f"http://127.0.0.1:{port}/readyz")), 60)
    part = Part(fleet, UNITS, SEED, day, 0, PROCESSES, cut, f"http://127.0.0.1:{door}")
    return City(folder, heard, part, door, port, store, process.pid)


def _reads(plan: Plan) -> str:
    """What the store reads, as of `haidang up`; of itself nothing, for its port is not known yet."""
    told = prometheus_config(plan)
    jobs = [job for job in told["scrape_configs"] if job["job_name"] != "prometheus"]
    return yaml.safe_dump({**{part: told[part] for part in ("rule_files", "alerting")}, "scrape_configs": jobs})


def _port(people: People) -> int:
    return int(people.alertmanager.rpartition(":")[2])


def open_door(city: City) -> float:
    """Who knocks at the door gets to the collector from now on; Unix seconds."""
    (city.fleet / BACK).write_text(str(back := time.time()))
    for command in (
        "add table ip comeback",
        "add chain ip comeback out { type nat hook output priority -100 ; }",
        "flush chain ip comeback out",
        f"add rule ip comeback out ip daddr 127.0.0.1 tcp dport {city.door} redirect to :{city.port}",
    ):
        subprocess.run(["nft", command], check=True)
    return back
