"""What ingest costs beside the stores behind it: CPU seconds per million samples, in one run.

Agents of a school's size push through the collector, whole requests over HTTP: into Prometheus, into VictoriaMetrics
(Debian packages), and into a sink that only answers. Beside it the latency at half the load that one core is to carry.
"""

from __future__ import annotations

import contextlib
import os
import random
import subprocess
import sys
import tempfile
import time
from array import array
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from haidang_agent.wire import encode

from benchmarks import senders
from benchmarks.measure import cpu_seconds, fetch, rss_mib, wait_for
from tests.collector.running import add_agent
from tests.servers import free_port, prometheus

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from haidang_agent.snapshot import Layout

AGENTS, SERIES, ROUNDS = 100, 400, 25
EVERY_MS = 15_000
AIM = 400_000
"""Samples per second and core."""
HALF_LOAD_SECONDS = 20
MILLION = 1e6
UNHURRIED = {"HAIDANG_AGENT_PUSHES_PER_SECOND": "100000"}
"""A hundred agents do what thousands do, so each pushes more often than one may."""
BIN = Path(sys.executable).parent


@dataclass(frozen=True, slots=True)
class Behind:
    """What stands behind the collector: where it takes remote write, and the process whose time counts."""

    name: str
    write_url: str
    pid: int


def main(_: float) -> None:
    samples = AGENTS * SERIES * ROUNDS
    for behind in (behind_prometheus, _victoria_metrics, sink):
        with tempfile.TemporaryDirectory(prefix="haidang-bench-") as text, behind(Path(text)) as store:
            folder = Path(text)
            with collector(folder, store, UNHURRIED) as (port, process):
                agents = [enrolled(folder, f"U-{number}") for number in range(AGENTS)]
                senders.send(port, plan(agents, 2, past=3600), folder / "warm")
                before = cpu_seconds(process.pid), cpu_seconds(store.pid)
                outcome = senders.send(port, plan(agents, ROUNDS, past=1800), folder / "plan")
                ours, theirs = cpu_seconds(process.pid) - before[0], cpu_seconds(store.pid) - before[1]
                must_be_stored(outcome)
                millions = samples / MILLION
                print(
                    f"{store.name:16} collector {ours / millions:.2f} CPU s per million samples "
                    f"({samples / ours:,.0f} per core and second; aim {AIM:,}), the store {theirs / millions:.2f}, "
                    f"ratio {ours / theirs:.2f}; {samples / outcome.seconds:,.0f} samples/s, "
                    f"collector {rss_mib(process.pid):.0f} MiB",
                    flush=True,
                )
                _half_load(port, agents, folder)


def _half_load(port: int, agents: list[str], folder: Path) -> None:
    rate = AIM / 2 / SERIES
    rounds = int(rate * HALF_LOAD_SECONDS / len(agents))
    outcome = senders.send(port, plan(agents, rounds, past=900, every_ms=200), folder / "plan", rate)
    must_be_stored(outcome)
    print(
        f"{'':16} at {AIM // 2:,} samples/s: p50 {outcome.p50_ms:.1f} ms, p99 {outcome.p99_ms:.1f} ms (aim 50), "
        f"worst {outcome.worst_ms:.0f} ms",
        flush=True,
    )


def must_be_stored(outcome: senders.Outcome) -> None:
    if outcome.answers.keys() != {"204"}:
        raise RuntimeError(f"not all was stored: {outcome.answers}")


def layout(series: int = SERIES) -> Layout:
    """Label sets of the size that a school's site agent has."""
    return tuple(
        (("__name__", f"school_bench_{number // 8}_total"), ("device", f"device-{number}"), ("wan", "wan1"))
        for number in range(series)
    )


def plan(agents: list[str], rounds: int, past: float, every_ms: int = EVERY_MS) -> list[list[bytes]]:
    """`rounds` requests of each agent, one snapshot each, that begin `past` seconds ago."""
    noise, series = random.Random(1), layout()
    first = int((time.time() - past) * 1000)
    bodies = [
        encode(series, [first + number * every_ms], [array("d", (noise.random() for _ in series))])
        for number in range(rounds)
    ]
    return [[senders.request(agent, body) for body in bodies] for agent in agents]


def enrolled(folder: Path, unit: str) -> str:
    """Its Authorization header."""
    return add_agent(_database(folder), unit=unit)[1]


def _database(folder: Path) -> str:
    return f"sqlite:///{folder}/haidang.db"


@contextlib.contextmanager
def collector(
    folder: Path, store: Behind, settings: Mapping[str, str] = MappingProxyType({})
) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    port = free_port()
    environment = {
        **os.environ,
        **settings,
        "HAIDANG_DATABASE_URL": _database(folder),
        "HAIDANG_LISTEN": f"127.0.0.1:{port}",
        "HAIDANG_STORE_WRITE_URL": store.write_url,
    }
    with running(folder, "collector", [BIN / "haidang", "serve", "--upgrade"], environment) as process:
        wait_for("the collector", lambda: bool(fetch(f"http://127.0.0.1:{port}/healthz")))
        yield port, process


@contextlib.contextmanager
def behind_prometheus(folder: Path) -> Iterator[Behind]:
    with prometheus(folder) as store:
        yield Behind("Prometheus", store.write_url, store.pid)


@contextlib.contextmanager
def _victoria_metrics(folder: Path) -> Iterator[Behind]:
    port = free_port()
    command = [
        "victoria-metrics", f"-storageDataPath={folder / 'vm'}", f"-httpListenAddr=127.0.0.1:{port}",
        "-retentionPeriod=100y",
    ]  # fmt: skip
    with running(folder, "victoria-metrics", command) as process:
        wait_for("VictoriaMetrics", lambda: bool(fetch(f"http://127.0.0.1:{port}/health")))
        yield Behind("VictoriaMetrics", f"http://127.0.0.1:{port}/api/v1/write", process.pid)


@contextlib.contextmanager
def sink(folder: Path) -> Iterator[Behind]:
    """Answers, and keeps nothing."""
    port = free_port()
    with running(folder, "sink", [sys.executable, "-m", "benchmarks.sink", str(port)]) as process:
        wait_for("the sink", lambda: bool(fetch(f"http://127.0.0.1:{port}/")))
        yield Behind("a sink", f"http://127.0.0.1:{port}/api/v1/write", process.pid)


@contextlib.contextmanager
def running(
    folder: Path, name: str, command: Sequence[str | Path], environment: dict[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    with (folder / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    try:
        yield process
    finally:
        process.terminate()
        process.wait()
