"""Every dashboard opened in a simulated city of 2,500 units with a month of data: how long do its queries take?

What panels ask for this moment comes from rules that were really evaluated; what they ask over time is written back for
thirty days, at the interval of its rule, for the series that were there when everybody fell silent. As a browser does,
six queries are asked at a time, after those for the variables.
"""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, NamedTuple

import yaml
from haidang_collector.simulate.build import build, today

from benchmarks.measure import wait_for
from tests.collector.simulate.running_city import RULES, running_city
from tests.dashboards.asking import Asking
from tests.dashboards.boards import boards, fill, openings, selectors
from tests.servers import free_port, get, wait_until_ready

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.dashboards.boards import Board, Query

UNITS, SEED = 2_500, 1
TOGETHER_AT_MOST = 1.0
SETTLED_SECONDS, POLL_SECONDS = 900, 5.0
INTERVAL = "60s"
DAYS, DAY = 30, 86_400
GAP_SECONDS = 900
"""Between what is written back and what was really recorded."""
BLOCK_HOURS = 162
"""As large as a store that keeps data for three months makes its blocks."""
OPENED, WAYS = 40, 3
WIDE = 720
"""Points that a panel asks for which does not say how many: a pixel each."""
AT_A_TIME = 6
OPERATORS = {"Equal": "=", "NotEqual": "!=", "Re": "=~", "NotRe": "!~"}


class Opened(NamedTuple):
    """Seconds until all queries of a dashboard were answered, and those of the slowest, which is named.

    `found`: how many queries had data, for an empty answer is quick.
    """

    together: float
    found: int
    slowest: float
    panel: str


def main(seconds: float) -> None:
    """Rules build on one another: waits until none has recorded anything new for `seconds`."""
    with tempfile.TemporaryDirectory(prefix="haidang-bench-") as name:
        folder = Path(name)
        city = build(UNITS, seed=SEED, day=today())
        with running_city(folder, city, interval=INTERVAL) as running:
            wait_for("all rows", lambda: len(running.query("city:row_compliant:ratio")) > 1, SETTLED_SECONDS)
            _settle(Asking(running.store.url), seconds)
            at = time.time()
            running.freeze()
            store = Asking(running.store.url, at)
            ways = {board.uid: _ways(board, store) for board in boards("vi")}
            _write_back(store, ways, at, folder / "month.txt")
            running.store.kill()
            data = running.store.folder / "data"
            _make_blocks(folder / "month.txt", data)
            with _store(data, folder) as url:
                _open_all(Asking(url, at), ways)


def _settle(store: Asking, seconds: float) -> None:
    names, grown = 0, time.monotonic()
    while time.monotonic() - grown < seconds:
        if (known := len(store.label_values('{__name__=~".+:.+"}', "__name__"))) > names:
            names, grown = known, time.monotonic()
        time.sleep(POLL_SECONDS)


def _ways(board: Board, store: Asking) -> list[dict[str, str]]:
    """Some ways to open it, by other districts and units."""
    dice = Random(board.uid)
    return [next(openings(board, store, pick=lambda values: [dice.choice(values)])) for _ in range(WAYS)]


def _write_back(store: Asking, ways: dict[str, list[dict[str, str]]], at: float, file: Path) -> None:
    intervals, samples = _intervals(), 0
    asked = {
        selector
        for board in boards("vi")
        for query in board.queries()
        for way in ways[board.uid]
        if not query.instant
        for selector in map(_as_text, selectors(fill(query.expression, way)))
    }
    series = {
        json.dumps(each["metric"], sort_keys=True): (each["metric"], float(each["value"][1]))
        for selector in asked
        for each in store.now(f"last_over_time({selector}[1h])")
    }
    with file.open("w") as out:
        for metric, value in series.values():
            step = intervals.get(metric["__name__"], 15)
            labels = ",".join(
                f"{key}={json.dumps(text, ensure_ascii=False)}" for key, text in metric.items() if key != "__name__"
            )
            head = f"{metric['__name__']}{{{labels}}}"
            times = range(int(at) - DAYS * DAY, int(at) - GAP_SECONDS, step)
            out.writelines(f"{head} {value + place * 7919 % 11} {when}\n" for place, when in enumerate(times))
            samples += len(times)
        out.write("# EOF\n")
    print(f"{UNITS} units; written back for {DAYS} days: {samples:,} samples of {len(series):,} series")


def _as_text(selector: object) -> str:
    matchers = ",".join(
        f"{each.name}{OPERATORS[str(each.op).rpartition('.')[2]]}{json.dumps(each.value, ensure_ascii=False)}"
        for each in selector.matchers.matchers  # type: ignore[attr-defined]  # of promql_parser, which has no types
    )
    return f"{selector.name or ''}{{{matchers}}}"  # type: ignore[attr-defined]  # as above


def _intervals() -> dict[str, int]:
    """Seconds between two samples, by recorded name."""
    unit = {"s": 1, "m": 60}
    return {
        rule["record"]: int(group["interval"][:-1]) * unit[group["interval"][-1]]
        for file in RULES.glob("*.yml")
        for group in yaml.safe_load(file.read_text())["groups"]
        for rule in group["rules"]
        if "record" in rule
    }


def _make_blocks(text: Path, data: Path) -> None:
    command = [
        "promtool",
        "tsdb",
        "create-blocks-from",
        "openmetrics",
        "--quiet",
        f"--max-block-duration={BLOCK_HOURS}h",
    ]
    subprocess.run([*command, str(text), str(data)], check=True)
    text.unlink()


@contextmanager
def _store(data: Path, folder: Path) -> Iterator[str]:
    """A Prometheus on this data, which does nothing but answer."""
    port, settings = free_port(), folder / "quiet.yml"
    settings.write_text("global: {}\n")
    command = [
        shutil.which("prometheus") or "prometheus",
        f"--config.file={settings}",
        f"--storage.tsdb.path={data}",
        "--storage.tsdb.retention.time=1y",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    with (folder / "quiet.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        wait_until_ready(f"http://127.0.0.1:{port}/-/ready", process, seconds=120)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def _open_all(store: Asking, ways: dict[str, list[dict[str, str]]]) -> None:
    print(f"all queries of a dashboard together, p95 at most {TOGETHER_AT_MOST:g} s:")
    print(f"{'dashboard':<14}{'queries':>8}{'with data':>11}{'p50':>9}{'p95':>9}{'CPU':>9}  slowest query, p95")
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        for board in boards("vi"):
            queries = list(board.queries())
            _open(board, queries, ways[board.uid][0], store, pool)
            before = _cpu_seconds(store)
            opened = [_open(board, queries, ways[board.uid][number % WAYS], store, pool) for number in range(OPENED)]
            cpu = (_cpu_seconds(store) - before) / OPENED
            _tell(board, len(queries), opened, cpu)


def _open(board: Board, queries: list[Query], way: dict[str, str], store: Asking, pool: ThreadPoolExecutor) -> Opened:
    began = time.perf_counter()
    next(openings(board, store, pick=lambda values: [next(value for value in way.values() if value in values)]))

    def ask(query: Query) -> tuple[float, str, bool]:
        step = max(DAYS * DAY // (query.points or WIDE), query.apart)
        asked, started = fill(query.expression, way | {"__interval": f"{step}s"}), time.perf_counter()
        found = store.now(asked) if query.instant else store.over(asked, DAYS * DAY, points=DAYS * DAY // step)
        return time.perf_counter() - started, query.panel, bool(found)

    asked = list(pool.map(ask, queries))
    took, panel, _ = max(asked)
    return Opened(time.perf_counter() - began, sum(found for *_, found in asked), took, panel)


def _tell(board: Board, queries: int, opened: list[Opened], cpu: float) -> None:
    together = sorted(each.together for each in opened)
    slowest = sorted(opened, key=lambda each: each.slowest)[-max(1, len(opened) // 20) - 1]
    p50, p95 = statistics.median(together), statistics.quantiles(together, n=20)[-1]
    found = max(each.found for each in opened)
    print(
        f"{board.uid:<14}{queries:>8}{found:>11}{p50:>8.3f}s{p95:>8.3f}s{cpu:>8.3f}s"
        f"  {slowest.slowest:.3f} s {slowest.panel}"
    )


def _cpu_seconds(store: Asking) -> float:
    metrics = get(f"{store.url}/metrics").decode()
    return float(metrics.partition("\nprocess_cpu_seconds_total ")[2].partition("\n")[0])
