"""A whole country's schools at one centre: how long do the start page, search, and lists of units and agents take?

Beside each figure stands what must not be passed. Nobody pushes meanwhile, and no rule runs: at this size both belong
to other machines.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import tempfile
import time
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from haidang_collector.registry.database import Database
from haidang_collector.registry.unit_words import plain

from benchmarks.centre import BIN
from benchmarks.country import AGENTS, DISTRICTS, SCHOOLS, UNITS, fill, hear, tell_internet, tell_rows
from benchmarks.measure import cpu_seconds, wait_for
from tests.postgresql import PostgreSQL
from tests.servers import free_port, get, prometheus

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.servers import Prometheus

MS_AT_MOST = 300
RUNS = 40
READY_SECONDS = 60.0
ASKED = [school for school in SCHOOLS if school.presence != "waiting"][:: max(1, UNITS // RUNS)][:RUNS]


def main(_: float) -> None:
    """On SQLite, then on PostgreSQL."""
    print(
        f"{UNITS:,} units in {DISTRICTS} districts, {AGENTS:,} agents; at most {MS_AT_MOST} ms (95th percentile), "
        f"load average {os.getloadavg()[0]:.1f}"
    )
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="haidang-bench-")))
        store = stack.enter_context(prometheus(folder))
        server = PostgreSQL()
        stack.callback(server.stop)
        for name, url in (("SQLite", f"sqlite:///{folder}/haidang.db"), ("PostgreSQL", server.create())):
            _measure(name, url, store, folder)


def _measure(name: str, url: str, store: Prometheus, folder: Path) -> None:
    database = Database(url)
    database.upgrade()
    agents, series = fill(database), tell_rows(store)
    print(f"{name}: {agents:,} agents; what rules say is {series:,} series")
    environment = {**os.environ, "HAIDANG_DATABASE_URL": url, "HAIDANG_PROMETHEUS_URL": store.url}
    for title, arguments in _commands().items():
        _tell(title, [partial(_run, environment, ["agents", "list", *arguments])] * RUNS)
    with ExitStack() as stack:
        address, pid = _serve(stack, environment, folder)
        for title, pages in _pages().items():
            hear(database)
            tell_internet(store)
            _tell(title, [partial(get, address + page) for page in pages], pid)
    database.close()


def _commands() -> dict[str, list[str]]:
    """Of `haidang agents list`."""
    return {
        "agents list": [],
        "agents list --unit": ["--unit", ASKED[0].code],
        "agents list --district": ["--district", ASKED[0].district],
    }


def _pages() -> dict[str, list[str]]:
    """Each by the ways it is asked for."""
    words = [" ".join(school.name.split()[1:5]) for school in ASKED]
    return {
        "start page": ["/"] * RUNS,
        "units": ["/units", "/units?state=silent", "/units?state=up&page=20"] * (RUNS // 3),
        "units, words without diacritics": [f"/units?{urlencode({'q': plain(each)})}" for each in words],
        "units, by code": [f"/units?q={school.code}" for school in ASKED],
        "district": [f"/districts/{quote(school.district)}" for school in ASKED],
        "unit": [f"/units/{school.code}" for school in ASKED],
        "agents": ["/agents", "/agents?state=silent", "/agents?version=behind&page=9"] * (RUNS // 3),
        "agents, by unit": [f"/agents?q={school.code}" for school in ASKED],
    }


def _serve(stack: ExitStack, environment: dict[str, str], folder: Path) -> tuple[str, int]:
    port = free_port()
    with (folder / "collector.log").open("ab") as log:
        command = [str(BIN / "haidang"), "serve"]
        serving = environment | {"HAIDANG_LISTEN": f"127.0.0.1:{port}"}
        process = subprocess.Popen(command, env=serving, stdout=log, stderr=log)
    stack.callback(process.wait)
    stack.callback(process.terminate)
    address = f"http://127.0.0.1:{port}"
    wait_for("the collector", lambda: bool(get(f"{address}/healthz")), READY_SECONDS)
    return address, process.pid


def _tell(title: str, ways: Sequence[Callable[[], bytes]], pid: int | None = None) -> None:
    """The first time apart: of a look at all there is, it is the one that waits for it."""
    first, _ = _timed(ways[0])
    used = cpu_seconds(pid) if pid else _children()
    times, sizes = zip(*map(_timed, ways), strict=True)
    cpu = ((cpu_seconds(pid) if pid else _children()) - used) * 1000 / len(ways)
    p95 = statistics.quantiles(times, n=20)[-1]
    print(
        f"  {title:<32} p50 {statistics.median(times):5.0f} ms, p95 {p95:5.0f} ms of {MS_AT_MOST}, "
        f"worst {max(times):5.0f} ms, first {first:5.0f} ms; CPU {cpu:4.0f} ms; largest {max(sizes) / 1000:.0f} KB",
        flush=True,
    )


def _timed(way: Callable[[], bytes]) -> tuple[float, int]:
    began = time.perf_counter()
    answer = way()
    return (time.perf_counter() - began) * 1000, len(answer)


def _run(environment: dict[str, str], arguments: Sequence[str]) -> bytes:
    command = [str(BIN / "haidang"), *arguments]
    return subprocess.run(
        command, env=environment, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ).stdout


def _children() -> float:
    """CPU seconds of commands that have ended."""
    spent = os.times()
    return spent.children_user + spent.children_system
