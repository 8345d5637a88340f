"""The evaluation of a simulated city of 2,500 units: is it right, and how long do rules, spreadsheet and page take?

Rule groups that run every four minutes run every minute here, so that the figures are there soon; what a single
evaluation costs is the same. The store is minutes old: what looks back over weeks is cheaper here than in earnest.
"""

from __future__ import annotations

import statistics
import subprocess
import tempfile
import time
import urllib.parse
from collections import Counter, defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from haidang_collector.simulate.build import build, today

from benchmarks.centre import BIN
from benchmarks.measure import fetch, wait_for
from tests.collector.simulate.running_city import RULES, differences, running_city
from tests.servers import get

if TYPE_CHECKING:
    from haidang_collector.simulate.model import City

    from tests.collector.simulate.running_city import RunningCity
    from tests.servers import Prometheus

UNITS, SEED = 2_500, 1
RULES_AT_MOST, XLSX_AT_MOST, PAGE_AT_MOST = 5.0, 20.0, 0.3
SETTLED_SECONDS = 420
POLL_SECONDS = 5.0
INTERVAL = "60s"
PASSES, PAGES = 3, 20
SHOWN = 15
TOLD = ("row", "state", "check", "part", "window")


def main(seconds: float) -> None:
    city = build(UNITS, seed=SEED, day=today())
    with (
        tempfile.TemporaryDirectory(prefix="haidang-bench-") as folder,
        running_city(Path(folder), city, interval=INTERVAL) as running,
    ):
        _settle(running, city)
        _as_evaluated(running, seconds)
        groups, at = running.groups(), time.time()
        running.freeze()
        _spreadsheet(running, Path(folder) / "city.xlsx")
        _page(running, city)
        _one_by_one(running.store, groups, at)


def _settle(running: RunningCity, city: City) -> None:
    wait_for("as many rows as the city has", lambda: running.query("city:row_compliant:ratio"), SETTLED_SECONDS)
    deadline = time.monotonic() + SETTLED_SECONDS
    while (wrong := differences(running, city)) and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
    print(
        f"{UNITS} units, {running.agents} agents heard: {len(wrong)} judgements differ from what the city was built as"
    )
    for row, number in sorted(Counter(line.partition(": ")[0].rpartition(" ")[2] for line in wrong).items()):
        example = next(line for line in wrong if f" {row}: " in line)
        print(f"  {row}: {number}, as {example}")


def _as_evaluated(running: RunningCity, seconds: float) -> None:
    """Median seconds of an evaluation of each group, by Prometheus' own word, while everybody reports."""
    groups: dict[str, dict[str, float]] = defaultdict(dict)
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        for group in running.groups():
            groups[group["name"]][group["lastEvaluation"]] = group["evaluationTime"]
        time.sleep(POLL_SECONDS)
    medians = {name: statistics.median(times.values()) for name, times in groups.items()}
    print(
        f"all rule groups once, as evaluated beside all else: {sum(medians.values()):.2f} s (at most {RULES_AT_MOST:g})"
    )


def _one_by_one(store: Prometheus, groups: list[dict[str, Any]], at: float) -> None:
    """Each rule's expression asked of a store where nothing else goes on.

    Of several passes the median of the CPU, which other work here changes little, and the best time on the clock.
    """
    intervals = _intervals()
    cpu: dict[str, list[float]] = defaultdict(list)
    clock: dict[str, list[float]] = defaultdict(list)
    for _ in range(PASSES):
        for group in groups:
            began = _cpu_seconds(store)
            for rule in group["rules"]:
                clock[f"{group['name']}: {_rule(rule)}"].append(_ask(store, rule["query"], at))
            cpu[group["name"]].append(_cpu_seconds(store) - began)
    medians = {name: statistics.median(each) for name, each in cpu.items()}
    best = {name: min(each) for name, each in clock.items()}
    load = sum(seconds / intervals[name] for name, seconds in medians.items())
    print(
        f"all rules once, one after another: {sum(best.values()):.2f} s (at most {RULES_AT_MOST:g}), "
        f"{sum(medians.values()):.2f} s of CPU; at their own intervals they keep {load:.2f} of a core busy"
    )
    for name, seconds in sorted(medians.items(), key=lambda item: -item[1]):
        print(f"  {name:<16} {seconds:6.2f} s of CPU, every {intervals[name]:g} s")
    print("the slowest rules:")
    for name, took in sorted(best.items(), key=lambda item: -item[1])[:SHOWN]:
        print(f"  {took:6.3f} s {name}")


def _rule(rule: dict[str, Any]) -> str:
    return " ".join(
        [rule["name"], *(f"{name}={value}" for name, value in rule.get("labels", {}).items() if name in TOLD)]
    )


def _ask(store: Prometheus, expression: str, at: float) -> float:
    began = time.perf_counter()
    get(f"{store.url}/api/v1/query?{urllib.parse.urlencode({'query': expression, 'time': at})}", seconds=120)
    return time.perf_counter() - began


def _cpu_seconds(store: Prometheus) -> float:
    metrics = get(f"{store.url}/metrics").decode()
    return float(metrics.partition("\nprocess_cpu_seconds_total ")[2].partition("\n")[0])


def _intervals() -> dict[str, float]:
    """By group, as the repository has them."""
    seconds = {"s": 1, "m": 60}
    return {
        group["name"]: float(group["interval"][:-1]) * seconds[group["interval"][-1]]
        for file in RULES.glob("*.yml")
        for group in yaml.safe_load(file.read_text())["groups"]
    }


def _spreadsheet(running: RunningCity, file: Path) -> None:
    command = [str(BIN / "haidang"), "evaluate", "--format", "xlsx", "--output", str(file)]
    began = time.perf_counter()
    subprocess.run(command, env=running.environment, check=True, stderr=subprocess.DEVNULL)
    took = time.perf_counter() - began
    print(f"the city's spreadsheet: {took:.1f} s (at most {XLSX_AT_MOST:g}), {file.stat().st_size / 1e6:.1f} MB")


def _page(running: RunningCity, city: City) -> None:
    times = []
    for unit in city.units[:PAGES]:
        began = time.perf_counter()
        body = fetch(f"{running.url}/evaluation?unit={unit.code}")
        times.append(time.perf_counter() - began)
        if unit.code.encode() not in body:
            raise RuntimeError(f"the page does not name {unit.code}")
    print(
        f"a unit's evaluation as a page: median {statistics.median(times) * 1000:.0f} ms, "
        f"worst {max(times) * 1000:.0f} ms of {PAGES} (at most {PAGE_AT_MOST * 1000:g})"
    )
