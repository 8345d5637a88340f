"""What the probe `intrusion` costs: 20,000 packets a second of ordinary traffic, a million of hosts met never again.

Ordinary, as a PC gets it: full-size TCP segments to this machine, in a thousand of them a DNS answer, one ARP question
and one other broadcast. As a router gets it: one packet in fifty is DNS. Sent from the other end of a veth pair.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from benchmarks.measure import cpu_seconds, rss_mib
from tests.agent.lanwatch.building import asks, datagram, dns, ethernet, ipv4
from tests.agent.lanwatch.strangers import MAKERS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CHILD = str(Path(__file__).parents[1] / "tests/agent/intrusion/child.py")
RATE = 20_000
BATCHES = 100
"""A second."""
STRANGERS = 1_000_000
ROUTER = "3c:52:82:00:00:01"
GIVEN = {"frames": "haidang_intrusion_frames_total", "lost": "haidang_intrusion_frames_lost_total"}


def main(seconds: float) -> None:
    mac = next(each.address for each in psutil.net_if_addrs()["lan0"] if each.family == psutil.AF_LINK)
    seconds = min(seconds, 30.0)
    print("| traffic | packets a second | of one core | looked into a second | lost |")
    print("|---|---|---|---|---|")
    for name, frames in (("a PC's", _ordinary(mac, 1000)), ("a router's", _ordinary(mac, 50))):
        with _watching() as (pid, ask), _sender() as out:
            _send(out, frames, 3.0)
            before, began, spent = ask(), time.monotonic(), cpu_seconds(pid)
            sent = _send(out, frames, seconds)
            took, share = time.monotonic() - began, cpu_seconds(pid) - spent
            after = ask()
            looked, lost = (after[key] - before[key] for key in ("frames", "lost"))
        print(
            f"| {name} | {sent / took:,.0f} | {share / took:.2%} (at most 3 %) | {looked / took:,.0f} | {lost:,.0f} |"
        )
    _strangers()


def _strangers() -> None:
    with _watching() as (pid, ask), _sender() as out:
        figures = []
        for part in range(4):
            for count in range(STRANGERS // 4):
                out.send(MAKERS[count % len(MAKERS)](part * STRANGERS + count))
            figures.append((rss_mib(pid), ask()))
    told = ", ".join(f"{rss:.1f}" for rss, _given in figures)
    last = figures[-1][1]
    print(f"\nMemory after each quarter of a million packets of strangers, MiB: {told}")
    print(f"({last['frames']:,.0f} looked into, {last['lost']:,.0f} came too fast and are counted)")


def _ordinary(mac: str, dns_every: int) -> list[bytes]:
    """A round of a thousand."""
    card = "3c:52:82:01:00:07"
    frames = [
        ethernet(mac, ROUTER, 0x0800, ipv4(f"203.0.113.{count % 200}", "10.20.0.1", 6, bytes(1460)))
        for count in range(998)
    ]
    for at in range(0, len(frames), dns_every):
        answer = dns(at, "a.vn", [f"203.0.113.{at % 200}"], response=True)
        frames[at] = datagram((ROUTER, "10.20.0.254", 53), (mac, "10.20.0.1", 30_000 + at), answer)
    name = datagram((card, "10.20.0.7", 137), ("ff:ff:ff:ff:ff:ff", "10.20.0.255", 137), bytes(50))
    return [*frames, asks(card, "10.20.0.7", "10.20.0.254"), name]


def _send(out: socket.socket, frames: list[bytes], seconds: float) -> int:
    """In a hundred portions a second."""
    began, sent, portion = time.monotonic(), 0, RATE // BATCHES
    while (passed := time.monotonic() - began) < seconds:
        while sent < passed * RATE:
            for frame in frames[sent % len(frames) :][:portion]:
                out.send(frame)
            sent += portion
        time.sleep(1 / BATCHES)
    return sent


@contextmanager
def _sender() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as out:
        out.bind(("lan1", 0))
        yield out


@contextmanager
def _watching() -> Iterator[tuple[int, Callable[[], dict[str, float]]]]:
    """The probe in a process of its own, and what it has counted."""
    with tempfile.TemporaryDirectory(prefix="haidang-bench-") as folder:
        settings = json.dumps({"interfaces": ["lan0"], "dhcp_ask_every_seconds": 0.0})
        command = [sys.executable, CHILD, folder, settings]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as probe:
            if probe.stdin is None or probe.stdout is None:
                raise RuntimeError("the probe has no pipes")
            into, out = probe.stdin, probe.stdout

            def ask() -> dict[str, float]:
                into.write("look\n")
                into.flush()
                values = {name: value for name, _labels, value in json.loads(out.readline())["samples"]}
                return {key: values[name] for key, name in GIVEN.items()}

            ask()
            yield probe.pid, ask
            into.close()
