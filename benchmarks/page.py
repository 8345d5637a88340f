"""The start page at 2,500 units, each with an agent and a known Internet state."""

from __future__ import annotations

import statistics
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from benchmarks import centre
from benchmarks.measure import fetch

UNITS = 2_500
RUNS = 20


def main(_: float) -> None:
    rows = "".join(f"U-{number:04d},School {number},D{number % 24:02d},primary\n" for number in range(UNITS))
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="haidang-bench-")))
        running = centre.start(
            stack, folder, units=f"code,name,district,level\n{centre.UNIT},Bench,D00,primary\n{rows}", states=UNITS
        )
        fetch(running.url)
        times = [_timed(running.url) for _ in range(RUNS)]
    print(
        f"start page at {UNITS} units: median {statistics.median(times) * 1000:.0f} ms, "
        f"worst {max(times) * 1000:.0f} ms of {RUNS} (at most 100)"
    )


def _timed(url: str) -> float:
    began = time.perf_counter()
    body = fetch(url)
    took = time.perf_counter() - began
    if b"U-00" not in body:
        raise RuntimeError("the start page shows no unit")
    return took
