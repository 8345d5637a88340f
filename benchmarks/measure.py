"""What a process costs: resident memory and processor time, read from /proc (proc(5))."""

from __future__ import annotations

import os
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Cost:
    """`rss_mib` at the end, and `cpu_seconds_per_minute` (user + system) over the time measured."""

    rss_mib: float
    cpu_seconds_per_minute: float

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.rss_mib + other.rss_mib, self.cpu_seconds_per_minute + other.cpu_seconds_per_minute)


def rss_mib(pid: int) -> float:
    """Resident memory as the kernel counts it (`Rss` of smaps_rollup, shared pages included)."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Rss:"):
            return int(line.split()[1]) * 1024 / MIB
    message = f"/proc/{pid}/smaps_rollup has no Rss line"
    raise RuntimeError(message)


def cpu_seconds(pid: int) -> float:
    """User and system time of all threads, and of children already waited for."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return sum(int(ticks) for ticks in fields[11:15]) / TICKS_PER_SECOND


def costs(pids: dict[str, int], seconds: float) -> dict[str, Cost]:
    """What each named process costs during the next `seconds`."""
    began = {name: cpu_seconds(pid) for name, pid in pids.items()}
    time.sleep(seconds)
    return {name: Cost(rss_mib(pid), (cpu_seconds(pid) - began[name]) * 60 / seconds) for name, pid in pids.items()}


def wait_for(what: str, ready: Callable[[], object], seconds: float = 30.0, every: float = 0.02) -> float:
    """Wait until `ready` says so; returns how long it took. OSError counts as not yet."""
    began = time.monotonic()
    while time.monotonic() - began < seconds:
        try:
            if ready():
                return time.monotonic() - began
        except OSError:
            pass
        time.sleep(every)
    message = f"waited {seconds:.0f} s in vain for {what}"
    raise TimeoutError(message)


def fetch(url: str, seconds: float = 10.0) -> bytes:
    """Body of a loopback URL; raises OSError where nothing answers in time or the status is an error."""
    with urllib.request.urlopen(url, timeout=seconds) as answer:
        body: bytes = answer.read()
    return body


def scaled(number: int) -> int:
    """`number`, or as much of it as HAIDANG_BENCH_SHARE says (0.1: a tenth), to try a benchmark out."""
    return max(1, round(number * float(os.environ.get("HAIDANG_BENCH_SHARE", "1"))))
