"""A month offline: 30 days of 400 series go into an outbox of 256 MB; how much is left of it, how fast it drains.

The snapshots are those of `backlog`, one in 15 s, appended by the outbox's own `append`. Then a real agent finds them
in its state folder and ships them through the collector into Prometheus.
"""

from __future__ import annotations

import random
import sqlite3
import subprocess
import tempfile
import time
from array import array
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING

from haidang_agent import outbox_confirmed
from haidang_agent.outbox import Outbox
from haidang_agent.outbox_bounds import DAY_MS
from haidang_agent.snapshot import Snapshot
from haidang_agent.stamp import Stamp

from benchmarks import centre
from benchmarks.backlog import EVERY_MS, LAYOUT, SERIES
from benchmarks.measure import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.servers import Prometheus

DAYS = 30
SNAPSHOTS = (DAYS * DAY_MS - 3_600_000) // EVERY_MS
"""An hour short of it: while it is filled and drained nothing of it grows older than the collector takes."""
BOUND_SECONDS = 60


def main(_: float) -> None:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="haidang-bench-")))
        running = centre.start(stack, folder)
        command = running.enrolled_agent(folder / "agent", 'roles = ["host"]\nprobes = ["machine"]\n')
        box = folder / "agent" / "outbox.db"
        end_ms = int(time.time() * 1000) - 60_000
        snapshots = _fill(box, end_ms)
        with (folder / "agent.log").open("wb") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log)
        stack.callback(process.wait)
        stack.callback(process.terminate)
        drained = wait_for("the drain", lambda: not _waiting(box, end_ms), seconds=1200, every=0.2)
        total = _stored(running.store)
    print(f"drained in {drained:.1f} s (at most {BOUND_SECONDS}): {total} samples stored of {SERIES * snapshots}")
    if total != SERIES * snapshots:
        raise RuntimeError("something of it is not in the store")


def _fill(box: Path, end_ms: int) -> int:
    """Append the month; say what is left of it. The number of snapshots that wait."""
    outbox = Outbox(box)
    began = time.perf_counter()
    for milliseconds, values in _month(end_ms):
        outbox.append(Snapshot(LAYOUT, values), Stamp(milliseconds), {})
    took = time.perf_counter() - began
    stats = outbox.stats()
    age = (end_ms / 1000 - (stats.oldest_timestamp or 0)) / 86_400
    print(f"{SNAPSHOTS} appended at {SNAPSHOTS / took:.0f}/s; {stats.snapshots} wait, {stats.bytes / 1e6:.0f} MB")
    print(f"lost: {dict(stats.lost)}; the oldest is {age:.2f} days old")
    outbox.close()
    return stats.snapshots


def _month(end_ms: int) -> Iterator[tuple[int, array[float]]]:
    """(milliseconds, values) until `end_ms`, a fifth of the values moving each time as measurements do."""
    noise = random.Random(1)
    values = array("d", (noise.random() * 1e6 for _ in range(SERIES)))
    for number in range(SNAPSHOTS):
        for moved in noise.sample(range(SERIES), SERIES // 5):
            values[moved] += noise.random()
        yield end_ms - (SNAPSHOTS - number) * EVERY_MS, array("d", values)


def _waiting(box: Path, end_ms: int) -> int:
    """Snapshots of the month that wait yet; what the agent measures now is not among them, nor what the centre has."""
    with closing(sqlite3.connect(f"{box.as_uri()}?mode=ro", uri=True)) as database:
        database.execute(outbox_confirmed.WAITING)
        (number,) = database.execute("SELECT count(*) FROM waiting WHERE timestamp_ms < ?", (end_ms,)).fetchone()
    return int(number)


def _stored(store: Prometheus) -> int:
    """All samples of the month, one metric after the other: a question about all at once takes minutes."""
    total = 0
    for metric in range(SERIES // 8):
        for found in store.query(f"count_over_time(bench_metric_{metric}_total[31d])"):
            total += int(found["value"][1])
    return total
