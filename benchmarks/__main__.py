"""`python -m benchmarks [NAME…]`: run the benchmarks in a network namespace without any way out, and one of mounts."""

from __future__ import annotations

import argparse
import importlib
import os
import subprocess
import sys
from pathlib import Path

NAMES = (
    "agent", "backlog", "capture", "chaos", "comeback", "dashboards", "evaluation", "first_metric", "fuzz",
    "hostile", "ingest", "kills", "many", "month_offline", "mutations", "overload", "page", "portals", "services",
    "snmp", "storm", "sweep", "wan_probing", "webhook", "workers",
)  # fmt: skip
INSIDE = "HAIDANG_BENCH_NAMESPACE"


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Ours beside the peers', ratio in one run. Needs root (network namespace).",
        epilog="Example: python -m benchmarks agent --seconds 120",
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"which of {', '.join(NAMES)} (default: all)")
    parser.add_argument("--seconds", type=float, default=120.0, help="how long steady state is measured (agent)")
    options = parser.parse_args()
    if unknown := sorted(set(options.names) - set(NAMES)):
        parser.error(f"unknown {unknown}; known are {', '.join(NAMES)}")
    if not os.environ.get(INSIDE):
        _enter_namespace()
    for name in options.names or NAMES:
        print(f"\n## {name}\n", flush=True)
        importlib.import_module(f"benchmarks.{name}").main(options.seconds)


def _enter_namespace() -> None:
    """Start again where only loopback and a small empty LAN exist, so that no packet leaves this machine."""
    if os.geteuid() != 0:
        raise SystemExit("The benchmarks need root: they build a network namespace.")
    script = (
        "ip link set lo up && ip link add lan0 type veth peer name lan1 && ip link set lan1 up && "
        "ip addr add 10.20.0.1/24 brd + dev lan0 && ip link set lan0 up && "
        "echo 0 2147483647 > /proc/sys/net/ipv4/ping_group_range && "
        'exec "$@"'
    )
    inside = ["sh", "-c", script, "sh", sys.executable, "-m", "benchmarks", *sys.argv[1:]]
    command = ["unshare", "--net", "--mount", "--", *inside]
    root = Path(__file__).parents[1]
    raise SystemExit(subprocess.call(command, cwd=root, env={**os.environ, INSIDE: "1"}))


if __name__ == "__main__":
    main()
