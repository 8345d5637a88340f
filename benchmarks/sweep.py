"""How long until all of a network's machines are found: ours beside Debian's arp-scan at its defaults, in one run.

254 addresses of a /24 are in use (253 machines and this one), then 254 of a /22; one process stands in for all of them.
Measured is the whole command, with its start; and the memory of a process with the `lan` probe, sweep by sweep.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.measure import rss_mib
from tests.lab.lan import Wire, pcs

AGENT = str(Path(sys.executable).parent / "haidang-agent")
CHILD = str(Path(__file__).parents[1] / "tests/agent/probes/child.py")
ROUNDS = 3
LIMITS = {24: 0.5, 22: 0.3}
"""Of arp-scan's time."""


def main(seconds: float) -> None:
    print("| network | ours | arp-scan | ratio | wanted | found | frames in the busiest second |")
    print("|---|---|---|---|---|---|---|")
    for prefix, limit in LIMITS.items():
        with Wire(pcs(253), [f"10.9.0.1/{prefix}"]) as wire:
            ours, theirs, found = [], [], 0
            for _ in range(ROUNDS):
                took, out = _timed(wire, AGENT, "sweep", f"10.9.0.0/{prefix}", "--json")
                ours.append(took)
                found = len(json.loads(out)["devices"])
                busiest = wire.stand_in.busiest_second
                wire.stand_in.times.clear()
                theirs.append(_timed(wire, "arp-scan", "--interface=lan0", f"10.9.0.0/{prefix}")[0])
                wire.stand_in.times.clear()
        mine, peer = sorted(ours)[ROUNDS // 2], sorted(theirs)[ROUNDS // 2]
        print(f"| /{prefix} | {mine:.2f} s | {peer:.2f} s | {mine / peer:.2f} | {limit} | {found} of 254 | {busiest} |")
    _memory(min(seconds, 60.0))


def _timed(wire: Wire, *command: str) -> tuple[float, str]:
    began = time.monotonic()
    out = wire.command(*command).stdout
    return time.monotonic() - began, out


def _memory(seconds: float) -> None:
    with Wire(pcs(253), ["10.9.0.1/22"]) as wire:
        command = wire.agent.command(sys.executable, CHILD, "lan", '{"packets_per_second": 1000}', "False", "None")
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as probe:
            if probe.stdin is None or probe.stdout is None:
                raise RuntimeError("the probe has no pipes")
            figures = []
            for _ in range(4):
                probe.stdin.write("\n")
                probe.stdin.flush()
                probe.stdout.readline()
                figures.append(rss_mib(probe.pid))
            time.sleep(seconds)
            later = rss_mib(probe.pid)
            probe.stdin.close()
    told = ", ".join(f"{figure:.1f}" for figure in figures)
    print(f"\nMemory of a process with the lan probe, MiB, after each sweep of a /22: {told}")
    print(f"and {seconds:.0f} s later: {later:.1f}")
