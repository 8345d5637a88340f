"""Moves a router's default route to a line that works, as mwan3 or a home-made script does; knows nothing of ours.

`python failover_daemon.py [--carrier-only] INTERFACE=GATEWAY=TARGET…`, the preferred line first; runs in the router's
network. Every second it pings each line's target once by that interface; two lost in a row are a line that is down,
two answered one that is up. A lost carrier counts at once. For its own pings it keeps a routing table for each line.
With `--carrier-only` it pings nothing, as many cheap routers do. Prints `SECONDS INTERFACE` (monotonic) for each move.
"""

from __future__ import annotations

import argparse
import socket
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

EVERY_SECONDS = 1.0
WAIT_SECONDS = 1
IN_A_ROW = 2
FIRST_TABLE = 201
RTMGRP_LINK = 1


@dataclass
class Line:
    interface: str
    gateway: str
    target: str
    carrier: bool = True
    up: bool = True
    row: int = 0
    """How many pings in a row said the contrary of `up`."""

    @property
    def usable(self) -> bool:
        return self.carrier and self.up

    def heard(self, answered: bool) -> None:
        self.row = 0 if answered == self.up else self.row + 1
        if self.row >= IN_A_ROW:
            self.up, self.row = answered, 0


@dataclass
class Router:
    """The lines in the order of preference; `active` is the one that carries the default route."""

    lines: list[Line]
    active: str = ""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def choose(self) -> None:
        """The first usable line; where none is, nothing is moved."""
        with self.lock:
            best = next((line for line in self.lines if line.usable), None)
            if best is None or best.interface == self.active:
                return
            ip("route", "replace", "default", "via", best.gateway, "dev", best.interface)
            self.active = best.interface
            print(f"{time.monotonic():.3f} {best.interface}", flush=True)

    def look_at_carriers(self) -> None:
        for line in self.lines:
            line.carrier = Path("/sys/class/net", line.interface, "carrier").read_text(encoding="ascii") == "1\n"
        self.choose()

    def follow_carriers(self) -> None:
        """For ever; looks at each once, and at all again whenever the kernel tells of any link (rtnetlink(7))."""
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as events:
            events.bind((0, RTMGRP_LINK))
            while True:
                self.look_at_carriers()
                events.recv(1 << 16)

    def ping_all(self) -> None:
        command = ["ping", "-q", "-c1", f"-W{WAIT_SECONDS}"]
        running = [
            (line, subprocess.Popen([*command, "-I", line.interface, line.target], stdout=subprocess.DEVNULL))
            for line in self.lines
        ]
        for line, process in running:
            line.heard(process.wait() == 0)
        self.choose()


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)


def main(words: list[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--carrier-only", action="store_true")
    parser.add_argument("lines", nargs="+", metavar="INTERFACE=GATEWAY=TARGET")
    options = parser.parse_args(words)
    router = Router([Line(*line.split("=")) for line in options.lines])
    for table, line in enumerate(router.lines, FIRST_TABLE):
        ip("route", "replace", "default", "via", line.gateway, "dev", line.interface, "table", str(table))
        ip("rule", "add", "oif", line.interface, "lookup", str(table), "priority", str(table))
    following = threading.Thread(target=router.follow_carriers, daemon=True)
    following.start()
    due = time.monotonic()
    while not options.carrier_only:
        router.ping_all()
        due = max(due + EVERY_SECONDS, time.monotonic())
        time.sleep(max(0.0, due - time.monotonic()))
    following.join()


if __name__ == "__main__":
    main(sys.argv[1:])
