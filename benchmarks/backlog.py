"""A day offline: 5,760 snapshots of 400 series drain through the collector into Prometheus.

Beside it, in the same run, the store alone: requests of ten snapshots, encoded beforehand, posted straight to an
empty Prometheus by a bare client.
"""

from __future__ import annotations

import http.client
import random
import subprocess
import tempfile
import time
from array import array
from contextlib import ExitStack
from pathlib import Path

from haidang_agent.outbox import Outbox
from haidang_agent.snapshot import Layout, Snapshot
from haidang_agent.stamp import Stamp
from haidang_agent.wire import encode

from benchmarks import centre
from benchmarks.measure import wait_for
from tests.servers import Prometheus, prometheus

SERIES, SNAPSHOTS, EVERY_MS = 400, 5_760, 15_000
LAYOUT: Layout = tuple(
    (("__name__", f"bench_metric_{number // 8}_total"), ("instance_label", f"value-{number}"), ("kind", "bench"))
    for number in range(SERIES)
)
"""Label sets of the size the machine probe makes."""


def main(_: float) -> None:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="haidang-bench-")))
        ours = _through_the_collector(stack, folder / "ours")
        store = _store_alone(stack, folder / "store")
    print(f"the store alone, ten snapshots a request: {store:.2f} s")
    print(f"outbox → shipper → collector → store:     {ours:.2f} s (at most 6), {ours / store:.2f} of the store alone")


def _day() -> list[tuple[int, array[float]]]:
    """A day that ended a minute ago: (milliseconds, values), a fifth of the values moving as measurements do."""
    noise = random.Random(1)
    end = int(time.time() * 1000) - 60_000
    values = array("d", (noise.random() * 1e6 for _ in range(SERIES)))
    day = []
    for number in range(SNAPSHOTS):
        for moved in noise.sample(range(SERIES), SERIES // 5):
            values[moved] += noise.random()
        day.append((end - (SNAPSHOTS - number) * EVERY_MS, array("d", values)))
    return day


def _through_the_collector(stack: ExitStack, folder: Path) -> float:
    running = centre.start(stack, folder)
    command = running.enrolled_agent(folder / "agent", 'roles = ["host"]\nprobes = ["machine"]\n')
    outbox = Outbox(folder / "agent" / "outbox.db")
    began = time.perf_counter()
    for milliseconds, values in _day():
        outbox.append(Snapshot(LAYOUT, values), Stamp(milliseconds), {})
    took = time.perf_counter() - began
    print(f"outbox: {SNAPSHOTS / took:.0f} appends/s, {outbox.stats().bytes / 1e6:.1f} MB for the day")
    outbox.close()
    with (folder / "agent.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    stack.callback(process.wait)
    stack.callback(process.terminate)
    last = f"bench_metric_{SERIES // 8 - 1}_total"
    first = wait_for("the first backlog sample", lambda: _stored(running.store, last) > 0, seconds=60)
    drained = wait_for("the drain", lambda: _stored(running.store, last) == 8 * SNAPSHOTS, seconds=120)
    total = _stored(running.store, '{kind="bench"}')
    if total != SERIES * SNAPSHOTS:
        raise RuntimeError(f"stored {total} samples of {SERIES * SNAPSHOTS}")
    print(f"first backlog sample {first:.2f} s after the agent's start, nothing refused, {total} samples stored")
    return drained


def _stored(store: Prometheus, selector: str) -> int:
    result = store.query(f"sum(count_over_time({selector}[2d]))")
    return int(result[0]["value"][1]) if result else 0


def _store_alone(stack: ExitStack, folder: Path) -> float:
    store = stack.enter_context(prometheus(folder))
    day = _day()
    live, backlog = day[-1:], day[:-1]
    groups = [live] + [backlog[start : start + 10] for start in range(0, len(backlog), 10)]
    bodies = [encode(LAYOUT, [when for when, _ in group], [values for _, values in group]) for group in groups]
    headers = {
        "Content-Encoding": "snappy",
        "Content-Type": "application/x-protobuf",
        "X-Prometheus-Remote-Write-Version": "0.1.0",
    }
    connection = http.client.HTTPConnection("127.0.0.1", store.port)
    began = time.perf_counter()
    for body in bodies:
        connection.request("POST", "/api/v1/write", body, headers)
        answer = connection.getresponse()
        if answer.status >= 300:
            raise RuntimeError(f"the store said {answer.status}: {answer.read()!r}")
        answer.read()
    return time.perf_counter() - began
