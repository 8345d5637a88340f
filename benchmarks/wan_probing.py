"""What probing two lines, two targets each, once a second costs beside `fping -l` sending the same echoes by them.

Ours is a whole agent, role router, with the probe `wan` alone; nothing is subtracted. An agent that measures nothing
stands beside it. fping is one process, does without output, and finds the lines by the routes.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from benchmarks.measure import fetch, wait_for
from tests.agent.namespaces import Namespace
from tests.lab import Node
from tests.servers import free_port

AGENT = Path(sys.executable).parent / "haidang-agent"
GATEWAYS = {"wan1": 1, "wan2": 17}
TARGETS = {"wan1": ("198.51.100.1", "198.51.100.2"), "wan2": ("198.51.100.3", "198.51.100.4")}
WARM_UP_SECONDS = 20
MOST = 2.0


def main(seconds: float) -> None:
    if shutil.which("fping") is None:
        raise SystemExit("fping is missing: `make bench` installs it")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="haidang-bench-")))
        router, internet = (stack.enter_context(Namespace()) for _ in range(2))
        _connect(router, internet)
        targets = [target for each in TARGETS.values() for target in each]
        pids = {
            "agent, probe wan": _agent(stack, router, folder / "wan", "wan"),
            "agent, no probe": _agent(stack, router, folder / "none", "throughput"),
            "fping -l": _start(stack, router, folder / "fping.log", "fping", "-l", "-q", "-p", "1000", *targets),
        }
        print(f"warming up {WARM_UP_SECONDS} s, then measuring {seconds:.0f} s", flush=True)
        time.sleep(WARM_UP_SECONDS)
        began, echoes = {name: cpu_seconds(pid) for name, pid in pids.items()}, _echoes(internet)
        time.sleep(seconds)
        spent = {name: (cpu_seconds(pid) - began[name]) * 60 / seconds for name, pid in pids.items()}
        answered = (_echoes(internet) - echoes) * 60 / seconds
    print(f"echoes answered: {answered:.0f} a minute, for the agent and fping together (480 are asked)")
    for name, each in spent.items():
        print(f"{name:18} {each * 1000:6.1f} ms of CPU in 60 s")
    whole, rest, peer = spent["agent, probe wan"], spent["agent, no probe"], spent["fping -l"]
    print(f"\nprobing / fping: {(whole - rest) / peer:.2f} (at most {MOST:g}); whole agent / fping: {whole / peer:.2f}")


def cpu_seconds(pid: int) -> float:
    """Of all threads, ended ones too, in nanosecond steps: /proc counts in hundredths, which is fping in 15 s."""
    return time.clock_gettime((~pid << 3) | 2)  # clock_getcpuclockid(3), as the C library makes it


def _connect(router: Namespace, internet: Namespace) -> None:
    """Two lines, at whose other end one machine answers for all targets."""
    for wan, gateway in GATEWAYS.items():
        router.ip("link", "add", wan, "type", "veth", "peer", wan, "netns", internet.name)
        for machine, host in ((router, gateway + 1), (internet, gateway)):
            machine.ip("address", "add", f"203.0.113.{host}/28", "dev", wan)
            machine.ip("link", "set", wan, "up")
        for target in TARGETS[wan]:
            internet.ip("address", "add", f"{target}/32", "dev", "lo")
            router.ip("route", "add", target, "via", f"203.0.113.{gateway}")
    router.ip("route", "add", "default", "via", f"203.0.113.{GATEWAYS['wan1']}")
    router.sysctl("net.ipv4.ping_group_range", "0 2147483647")


def _agent(stack: ExitStack, router: Namespace, folder: Path, probe: str) -> int:
    """Its process id, when it serves /metrics and the lines, if it probes them, are up."""
    folder.mkdir()
    port = free_port()
    lines = "".join(
        f'[[wan]]\nname = "{wan}"\nisp = "{wan}"\ninterface = "{wan}"\ngateway = "203.0.113.{GATEWAYS[wan]}"\n'
        f"targets = {list(TARGETS[wan])}\n"
        for wan in GATEWAYS
    )
    config = folder / "agent.toml"
    config.write_text(
        f'[agent]\nroles = ["router"]\nprobes = ["{probe}"]\nstate_dir = "{folder}"\n'
        f'listen = "127.0.0.1:{port}"\n{lines}'
    )
    pid = _start(stack, router, folder / "log", AGENT, "run", "--config", config)
    up = len(GATEWAYS) if probe == "wan" else 0

    def ready() -> bool:
        with Node(router.name).inside():
            metrics = fetch(f"http://127.0.0.1:{port}/metrics")
        return len(re.findall(rb"\nschool_wan_up\{[^}]*\} 1", metrics)) == up

    wait_for(f"the agent with the probe {probe}", ready)
    return pid


def _start(stack: ExitStack, router: Namespace, log: Path, *command: str | Path) -> int:
    """`ip netns exec` becomes the command: their process id is the same."""
    with log.open("wb") as out:
        process = subprocess.Popen(router.command(*map(str, command)), stdout=out, stderr=out)
    stack.callback(process.wait)
    stack.callback(process.terminate)
    return process.pid


def _echoes(internet: Namespace) -> int:
    """How many echo requests the far end has answered (`Icmp: OutEchoReps` of /proc/net/snmp)."""
    names, values = (
        line.split() for line in internet.run("cat", "/proc/net/snmp").splitlines() if line.startswith("Icmp:")
    )
    return int(values[names.index("OutEchoReps")])
