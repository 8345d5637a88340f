"""What 50 online systems cost an agent, and its timings beside blackbox_exporter's for the same page and phase."""

from __future__ import annotations

import contextlib
import json
import os
import re
import ssl
import statistics
import subprocess
import tempfile
import time
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from haidang_reach.address import parse
from haidang_reach.connecting import trusting
from haidang_reach.exchange import Question, Way, exchange
from haidang_reach.resolving import Resolver
from haidang_reach.waiting import Loop

from benchmarks.centre import BIN
from benchmarks.measure import costs, fetch, wait_for
from tests.agent.intrusion.authority import Authority
from tests.agent.website.hostile import serving

if TYPE_CHECKING:
    import socket
    import threading

SERVICES = 50
PAIRS = 40
EXPORTER = 29117
WARM_UP_SECONDS = 75
PHASES = ("resolve", "connect", "tls", "processing", "transfer")
SLOW_SECONDS, PART_SECONDS = 0.05, 0.03
PAGE = b"x" * 40_000
PROBE = re.compile(rb'probe_http_duration_seconds\{phase="(\w+)"\} (\S+)')
BASE = 'roles = ["site"]\nprobes = ["machine", "services"]\n'
ENVIRONMENT = {**os.environ, "MALLOC_ARENA_MAX": "1"}
"""As in packaging/linux/haidang-agent.service."""


def main(seconds: float) -> None:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="haidang-bench-")))
        authority = Authority(folder, "bench")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(authority.issue("localhost"))
        port = stack.enter_context(serving(partial(_serve, context)))
        url = f"https://localhost:{port}/"
        _timings(stack, folder, url, authority.pem)
        _costs(stack, folder, url, authority.pem, seconds)


def _serve(context: ssl.SSLContext, connection: socket.socket, _: threading.Event) -> None:
    """Each phase takes its time: 50 ms to the first byte, 30 ms more to the last."""
    with contextlib.suppress(OSError), context.wrap_socket(connection, server_side=True) as secured:
        secured.recv(65536)
        time.sleep(SLOW_SECONDS)
        secured.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % (2 * len(PAGE)) + PAGE)
        time.sleep(PART_SECONDS)
        secured.sendall(PAGE)


def _timings(stack: ExitStack, folder: Path, url: str, ca: Path) -> None:
    _exporter(stack, folder, ca)
    resolver = stack.enter_context(contextlib.closing(Resolver()))
    way, question = Way(resolver, trusting(str(ca))), Question(parse(url), family="ipv4")
    ours: dict[str, list[float]] = {phase: [] for phase in PHASES}
    theirs: dict[str, list[float]] = {phase: [] for phase in PHASES}
    for _ in range(PAIRS):
        for phase, value in PROBE.findall(fetch(f"http://127.0.0.1:{EXPORTER}/probe?module=page&target={url}")):
            theirs[phase.decode()].append(float(value))
        with Loop() as loop:
            answer = next(iter(loop.run([(0.0, exchange(question, way))])))
        if answer.fault is not None:
            raise SystemExit(f"{answer.fault}: {answer.detail}")
        for phase, value in answer.seconds.items():
            ours[phase].append(value)
    print(f"{'phase':12} {'blackbox ms':>12} {'ours ms':>9} {'difference':>11}   (medians of {PAIRS} pairs)")
    for phase in PHASES:
        peer, own = (statistics.median(each[phase]) * 1000 for each in (theirs, ours))
        within = "within" if abs(own - peer) <= max(2.0, peer * 0.1) else "NOT WITHIN"
        print(f"{phase:12} {peer:12.2f} {own:9.2f} {own - peer:+8.2f} ms   {within} 10 % or 2 ms")


def _costs(stack: ExitStack, folder: Path, url: str, ca: Path, seconds: float) -> None:
    pids = {}
    for name, services in (("agent", 0), (f"agent, {SERVICES} services", SERVICES)):
        own = folder / str(services)
        own.mkdir()
        tables = "".join(f'[[service]]\nname = "s{number}"\nurl = "{url}{number}"\n' for number in range(services))
        (own / "agent.toml").write_text(
            f'[agent]\nstate_dir = "{own}"\nlisten = ""\n{BASE}[probes.services]\nca = "{ca}"\n{tables}'
        )
        command = [str(BIN / "haidang-agent"), "run", "--config", str(own / "agent.toml")]
        with (folder / f"{services}.log").open("wb") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log, env=ENVIRONMENT)
        stack.callback(process.wait)
        stack.callback(process.terminate)
        pids[name] = process.pid
    print(f"\nwarming up {WARM_UP_SECONDS} s, then measuring {seconds:.0f} s", flush=True)
    time.sleep(WARM_UP_SECONDS)
    measured = costs(pids, seconds)
    print(f"{'process':22} {'RSS MiB':>8} {'CPU s/min':>10}")
    for name, cost in measured.items():
        print(f"{name:22} {cost.rss_mib:8.1f} {cost.cpu_seconds_per_minute:10.3f}")
    base, full = measured.values()
    core = (full.cpu_seconds_per_minute - base.cpu_seconds_per_minute) / 60
    print(f"{SERVICES} services: {full.rss_mib - base.rss_mib:.1f} MiB (at most 8), {core:.2%} of a core (at most 1 %)")


def _exporter(stack: ExitStack, folder: Path, ca: Path) -> None:
    http = {"preferred_ip_protocol": "ip4", "tls_config": {"ca_file": str(ca)}}
    modules = {"modules": {"page": {"prober": "http", "timeout": "10s", "http": http}}}
    (folder / "blackbox.yml").write_text(json.dumps(modules))
    address = f"--web.listen-address=127.0.0.1:{EXPORTER}"
    command = ["prometheus-blackbox-exporter", f"--config.file={folder}/blackbox.yml", address, "--log.level=error"]
    process = subprocess.Popen(command)
    stack.callback(process.wait)
    stack.callback(process.terminate)
    wait_for("blackbox_exporter", partial(fetch, f"http://127.0.0.1:{EXPORTER}/metrics"))
