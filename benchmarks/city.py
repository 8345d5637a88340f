"""A whole city on this machine: `haidang up` and `haidang simulate`, for so long; what it costs and whether it holds.

    python -m benchmarks.city --units 500 1000 2500 --for 5 --store prometheus victoriametrics

Held means: every push was stored at once, no report was late, no rule was left out. The fleet runs on the same cores as
the centre, at a lower priority; its share is told apart. Its outboxes lie in memory: the schools have a disk each.
"""

from __future__ import annotations

import argparse
import json
import re
import signal
import subprocess
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from benchmarks.centre import BIN
from benchmarks.measure import MIB, fetch, wait_for
from tests.servers import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

WARM_SECONDS, WARM_UNITS_A_SECOND = 60.0, 10
"""All have enrolled and pushed some times by then; what comes later is measured."""
LOOKED_EVERY_SECONDS = 60.0
RULES_SECONDS = 20.0
"""vmalert 1.79 does not tell its figures while it words alerts (it asks the store for names then)."""
PARTS = {"haidang": "collector", "prometheus": "store", "victoria-metrics": "store", "vmalert": "rules"}
MISSED = re.compile(
    rb"^(?:prometheus_rule_group_iterations_missed_total|vmalert_iteration_missed_total)\{.*\} (\S+)$", re.MULTILINE
)


@dataclass(frozen=True, slots=True)
class Look:
    """At one moment: CPU seconds and resident MiB of each part, MiB on disk, and rule evaluations left out."""

    at: float
    cpu: dict[str, float]
    rss: dict[str, float]
    disk: float
    missed: float | None


@dataclass(frozen=True, slots=True)
class Centre:
    """`haidang up`, and where its parts answer."""

    process: subprocess.Popen[bytes]
    folder: Path
    url: str
    rules_url: str

    def look(self, fleet: psutil.Process) -> Look:
        parts = {"fleet": [fleet], "collector": [], "store": [], "rules": []}
        for child in psutil.Process(self.process.pid).children(recursive=True):
            if part := PARTS.get(child.name()):
                parts[part].append(child)
        cpu = {part: sum(sum(each.cpu_times()[:2]) for each in all_of) for part, all_of in parts.items() if all_of}
        rss = {part: sum(each.memory_info().rss for each in all_of) / MIB for part, all_of in parts.items() if all_of}
        try:
            missed: float | None = sum(map(float, MISSED.findall(fetch(f"{self.rules_url}/metrics", RULES_SECONDS))))
        except TimeoutError:
            missed = None
        disk = subprocess.run(["du", "-sk", self.folder], capture_output=True, text=True, check=False).stdout
        return Look(time.monotonic(), cpu, rss, float(disk.split()[0]) / 1024, missed)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.city", description=__doc__)
    parser.add_argument("--units", type=int, nargs="+", default=[500, 1_000, 2_500])
    parser.add_argument("--for", dest="minutes", type=float, default=5.0, help="minutes, once all have begun")
    parser.add_argument("--interval", default="15s", help="between two reports of an agent")
    parser.add_argument("--store", nargs="+", choices=["prometheus", "victoriametrics"], default=["prometheus"])
    options = parser.parse_args()
    for store in options.store:
        for units in options.units:
            with tempfile.TemporaryDirectory(prefix="haidang-city-") as folder:
                _run(Path(folder), store, units, 60 * options.minutes, options.interval)


def _run(folder: Path, store: str, units: int, seconds: float, interval: str) -> None:
    warm = WARM_SECONDS + units / WARM_UNITS_A_SECOND
    with _up(folder, store) as centre, tempfile.TemporaryDirectory(prefix="haidang-fleet-", dir="/dev/shm") as state:
        words = ["--units", str(units), "--interval", interval, "--for", f"{int(warm + seconds)}s"]
        where: list[str | Path] = ["--data", centre.folder, "--state", state, "--server", centre.url]
        command: list[str | Path] = ["nice", BIN / "haidang", "simulate", "--steady", "--json", *words, *where]
        with (folder / "fleet.log").open("wb") as log:
            fleet = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log)
        wait_for("the fleet", lambda: b" snapshots, " in (folder / "fleet.log").read_bytes(), 900, every=0.5)
        time.sleep(warm)
        looks = [centre.look(psutil.Process(fleet.pid))]
        until = looks[0].at + seconds
        while time.monotonic() < until - LOOKED_EVERY_SECONDS:
            time.sleep(LOOKED_EVERY_SECONDS)
            looks.append(centre.look(psutil.Process(fleet.pid)))
        said, _ = fleet.communicate()
    _tell(store, units, looks, json.loads(said)["reports"])


def _tell(store: str, units: int, looks: list[Look], said: dict[str, Any]) -> None:
    first, last = looks[0], looks[-1]
    took = last.at - first.at
    cores = {part: (last.cpu[part] - first.cpu[part]) / took for part in last.cpu}
    centre = sum(used for part, used in cores.items() if part != "fleet")
    known = [look.missed for look in looks if look.missed is not None]
    missed = f"{known[-1] - known[0]:.0f} (told in {len(known)} of {len(looks)} looks)" if known else "not told"
    print(
        f"{store}, {units} units: {said['agents']} agents, {said['samples'] / said['seconds']:,.0f} samples/s for "
        f"{said['seconds'] / 60:.0f} min; answers {said['answers']}, late {said['late']}, unsent {said['unsent']}, "
        f"rule evaluations left out: {missed}"
    )
    print(f"  cores: {', '.join(f'{part} {used:.2f}' for part, used in cores.items())}")
    print(f"  of the centre a school {1e6 * centre / units:.0f} µs of CPU a second")
    for look in (first, looks[len(looks) // 2], last):
        told = ", ".join(f"{part} {mib:.0f} MiB" for part, mib in look.rss.items())
        print(f"  after {(look.at - first.at) / 60:4.1f} min: {told}, on disk {look.disk:.0f} MiB", flush=True)


@contextmanager
def _up(folder: Path, store: str) -> Iterator[Centre]:
    ports = {name: free_port() for name in ("port", "prometheus-port", "alertmanager-port", "vmalert-port")}
    words = [word for name, port in ports.items() for word in (f"--{name}", str(port))]
    data = folder / "city"
    with (folder / "up.log").open("wb") as log:
        process = subprocess.Popen(
            [BIN / "haidang", "up", "--no-agent", "--data", data, "--store", store, *words], stdout=log, stderr=log
        )
    url = f"http://127.0.0.1:{ports['port']}"
    rules = ports["prometheus-port" if store == "prometheus" else "vmalert-port"]
    try:
        wait_for("the centre", lambda: fetch(f"{url}/readyz"), 60, every=0.2)
        yield Centre(process, data, url, f"http://127.0.0.1:{rules}")
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(60)


if __name__ == "__main__":
    main()
