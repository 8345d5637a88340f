"""The pages of a simulated city of 2,500 units, with 30 days of history behind each unit that is asked for.

Rule groups that run every four minutes run every minute here, so that the figures are there soon; pages are measured
when nobody speaks any more, for what speaks for 3,000 agents here is no part of a centre.
"""

from __future__ import annotations

import random
import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import httpx
import psutil
from haidang_collector.simulate.build import build, today

from benchmarks.measure import cpu_seconds, fetch, wait_for
from tests.collector import remote_write as rw
from tests.collector.simulate.running_city import running_city

if TYPE_CHECKING:
    from collections.abc import Iterator

    from haidang_collector.simulate.model import City, SimUnit

    from tests.collector.simulate.running_city import RunningCity

UNITS, SEED = 2_500, 1
INTERVAL, SCRAPE_SECONDS = "60s", 15
SETTLED_SECONDS = 600
RUNS = 40
DOWN_EVERY = 100
DAYS, STEP_SECONDS = 30, 1800
QUIET_SECONDS = 20
"""After the last write: the store still sorts in what came for 30 days."""
UNANSWERED = b"store of measurements"
MS_AT_MOST, UNIT_KB_AT_MOST = 300, 100
ROWS = ("R1", "R4", "R8", "R16")
CAUSES = {"carrier": 0.004, "isp": 0.002, "router": 0.002, "service": 0.01}
"""How often an outage begins, in a step."""
LOST_SECONDS = (120, 900, 4000, 20_000)


def main(_: float) -> None:
    city = build(UNITS, seed=SEED, day=today())
    with (
        tempfile.TemporaryDirectory(prefix="haidang-bench-") as folder,
        running_city(Path(folder), city, interval=INTERVAL, scrape_seconds=SCRAPE_SECONDS) as running,
    ):
        asked = [unit for unit in city.units if unit.presence == "heard"][:RUNS]
        wait_for("judged rows", lambda: running.query('unit:school_rows:count{state="met"} > 0'), SETTLED_SECONDS, 2)
        wait_for("books of lines", lambda: len(_books(running, asked[-1])) > 0, SETTLED_SECONDS, 2)
        for unit in asked:
            _remember(running, unit)
        running.freeze()
        time.sleep(QUIET_SECONDS)
        print(f"{UNITS} units, {running.agents} agents heard; at most {MS_AT_MOST} ms (95th percentile):")
        for name, addresses in _pages(city, asked).items():
            _tell_states(running, city)
            _measure(running, name, addresses)


def _pages(city: City, asked: list[SimUnit]) -> dict[str, list[str]]:
    districts = sorted({unit.district for unit in city.units})
    return {
        "city": ["/"],
        "district": [f"/districts/{quote(name)}" for name in districts],
        "units": ["/units", "/units?state=up&page=20", "/units?q=truong+tieu+hoc"],
        "units by requirement": [f"/units?row={row}&judged={state}" for row in ROWS for state in ("unmet", "unknown")],
        f"unit (at most {UNIT_KB_AT_MOST} KB)": [f"/units/{unit.code}" for unit in asked],
    }


def _tell_states(running: RunningCity, city: City) -> None:
    """As the rule said before it fell silent, so that pages still believe it: one unit in a hundred is down."""
    now = time.time()
    told = [
        rw.simple(
            "unit:school_internet_up", float(number % DOWN_EVERY > 0), now, unit=unit.code, district=unit.district
        )
        for number, unit in enumerate(city.units)
        if unit.presence == "heard"
    ]
    _write(running, told)


def _measure(running: RunningCity, name: str, addresses: list[str]) -> None:
    fetch(running.url + addresses[0])
    times, sizes, unknown = [], [], 0
    collector, store = _pids()
    used = [cpu_seconds(pid) for pid in (collector, store)]
    for run in range(RUNS):
        began = time.perf_counter()
        address = addresses[run % len(addresses)]
        body = fetch(f"{running.url}{address}{'&' if '?' in address else '?'}lang=en")
        times.append((time.perf_counter() - began) * 1000)
        sizes.append(len(body))
        unknown += UNANSWERED in body
    p95 = statistics.quantiles(times, n=20)[-1]
    cpu = [(cpu_seconds(pid) - before) * 1000 / RUNS for pid, before in zip((collector, store), used, strict=True)]
    print(
        f"  {name:<26} median {statistics.median(times):4.0f} ms, p95 {p95:4.0f} ms, worst {max(times):4.0f} ms "
        f"of {RUNS}; CPU {cpu[0]:.0f} ms of the collector, {cpu[1]:.0f} ms of Prometheus; "
        f"largest {max(sizes) / 1000:.0f} KB; {unknown} with a part that the store did not answer for in time",
        flush=True,
    )


def _pids() -> list[int]:
    """Of the collector and of Prometheus."""
    children = {" ".join(child.cmdline()): child.pid for child in psutil.Process().children()}
    return [next(pid for line, pid in children.items() if word in line) for word in (" serve", "prometheus.yml")]


def _books(running: RunningCity, unit: SimUnit) -> list[dict[str, str]]:
    """Labels of the books that the unit's agents keep."""
    found = running.query(f'last_over_time(agent:school_wan_observed_seconds:total{{unit="{unit.code}"}}[1h])')
    return [{name: value for name, value in each["metric"].items() if name != "__name__"} for each in found]


def _remember(running: RunningCity, unit: SimUnit) -> None:
    """30 days of half-hourly entries, as the rules would have kept them: lines are watched, and fail now and then."""
    begin = time.time() - DAYS * 86400 + STEP_SECONDS
    moments = [begin + STEP_SECONDS * step for step in range(DAYS * 86400 // STEP_SECONDS - 2)]
    for number, book in enumerate(_books(running, unit)):
        dice = random.Random(f"{unit.code} {number}")
        parts = [_series("agent:school_wan_observed_seconds:sparse", book, ((at - begin, at) for at in moments))]
        line = {name: value for name, value in book.items() if name != "isp"}
        for cause, often in CAUSES.items():
            lost = _outages(dice, moments, often)
            parts.append(_series("agent:school_outage_seconds:sparse", line | {"cause": cause}, lost))
        _write(running, parts)


def _write(running: RunningCity, series: list[bytes]) -> None:
    body = rw.snappy(b"".join(series))
    httpx.post(running.store.write_url, content=body, headers=rw.HEADERS, timeout=30).raise_for_status()


def _outages(dice: random.Random, moments: list[float], often: float) -> Iterator[tuple[float, float]]:
    counted, left = 0.0, 0.0
    for at in moments:
        if dice.random() < often:
            left += dice.choice(LOST_SECONDS)
        counted, left = counted + min(left, STEP_SECONDS), max(0.0, left - STEP_SECONDS)
        yield counted, at


def _series(name: str, labels: dict[str, str], samples: Iterator[tuple[float, float]]) -> bytes:
    return rw.series(sorted([("__name__", name), *labels.items()]), list(samples))
