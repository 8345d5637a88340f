"""From starting the agent to its first measured value on /metrics."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.measure import fetch, wait_for
from tests.servers import free_port

BIN = Path(sys.executable).parent
RUNS = 5


def main(_: float) -> None:
    times = [_once() for _ in range(RUNS)]
    print(f"first metric after {statistics.median(times):.2f} s (median of {RUNS}, worst {max(times):.2f}; at most 1)")


def _once() -> float:
    with tempfile.TemporaryDirectory(prefix="haidang-bench-") as folder:
        port = free_port()
        config = Path(folder, "agent.toml")
        config.write_text(
            f'[agent]\nstate_dir = "{folder}"\nlisten = "127.0.0.1:{port}"\nprobes = ["machine", "internet"]\n'
            '[probes.internet]\ntargets = ["127.0.0.1"]\n'
        )
        process = subprocess.Popen([BIN / "haidang-agent", "run", "--config", config], stderr=subprocess.DEVNULL)
        try:
            return wait_for(
                "the first metric",
                lambda: b"\nnode_memory_MemTotal_bytes " in fetch(f"http://127.0.0.1:{port}/metrics"),
                seconds=10,
                every=0.01,
            )
        finally:
            process.terminate()
            process.wait()
