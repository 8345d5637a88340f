"""What an agent costs its host in steady state, beside the peers doing the same work at the same time."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import centre, peers
from benchmarks.measure import Cost, costs

if TYPE_CHECKING:
    from collections.abc import Iterable

TARGETS = ("127.0.0.1", "127.0.0.2", "127.0.0.3")
WARM_UP_SECONDS = 60
ALL = f'[probes.internet]\ntargets = {list(TARGETS)}\n[probes.lan]\ninterfaces = ["lan0"]\n'.replace("'", '"')
SITE = f'probes = ["internet", "machine", "lan"]\n{ALL}'
"""The peers' work."""
HOST = 'roles = ["host"]\nprobes = ["machine"]\n'
AGENTS = {"site agent": SITE, "host agent": HOST, "all-probes agent": ALL}
ENVIRONMENT = {**os.environ, "MALLOC_ARENA_MAX": "1"}
"""As in packaging/linux/haidang-agent.service."""


def main(seconds: float) -> None:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="haidang-bench-")))
        running = centre.start(stack, folder / "centre")
        pids = peers.start(stack, folder / "peers", TARGETS, running.store.write_url)
        for name, config in AGENTS.items():
            command = running.enrolled_agent(folder / name.replace(" ", "-"), config)
            with (folder / f"{name}.log").open("wb") as log:
                process = subprocess.Popen(command, stdout=log, stderr=log, env=ENVIRONMENT)
            stack.callback(process.wait)
            stack.callback(process.terminate)
            pids[name] = process.pid
        print(f"warming up {WARM_UP_SECONDS} s, then measuring {seconds:.0f} s", flush=True)
        time.sleep(WARM_UP_SECONDS)
        _report(costs(pids, seconds))


def _report(measured: dict[str, Cost]) -> None:
    site, host, node = measured["site agent"], measured["host agent"], measured["node_exporter"]
    together = _sum(cost for name, cost in measured.items() if not name.endswith("agent"))
    print(f"{'process':22} {'RSS MiB':>8} {'CPU s/min':>10}")
    for name, cost in {**measured, "the four peers": together}.items():
        print(f"{name:22} {cost.rss_mib:8.1f} {cost.cpu_seconds_per_minute:10.3f}")
    print(
        f"\nsite agent / four peers: memory {site.rss_mib / together.rss_mib:.2f} (at most 0.70, aim 0.60), "
        f"CPU {site.cpu_seconds_per_minute / together.cpu_seconds_per_minute:.2f} (at most 0.35)"
    )
    print(
        f"host agent: {host.rss_mib:.1f} MiB (at most 36), "
        f"CPU / node_exporter {host.cpu_seconds_per_minute / node.cpu_seconds_per_minute:.2f} (at most 1)"
    )


def _sum(parts: Iterable[Cost]) -> Cost:
    return sum(parts, start=Cost(0.0, 0.0))
