"""What the sound agents of a city notice while an agent of another unit does its worst, with a key that is right.

A hundred agents push as much as 2,500 schools do; beside them the other one sends, as fast as it is answered, on eight
connections. Told are their p99 alone and beside it, and what the collector counts against it: the operator's page shows
that. Into a sink that only answers, and into Prometheus.
"""

from __future__ import annotations

import re
import tempfile
import time
from array import array
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from haidang_agent.wire import encode

from benchmarks import senders
from benchmarks.ingest import AGENTS, SERIES, behind_prometheus, collector, enrolled, layout, must_be_stored, plan, sink
from benchmarks.measure import fetch, scaled
from tests.collector import remote_write as rw

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

CITY = 67_000
"""Samples per second of 2,500 schools at 15 s."""
SECONDS = 20
CONNECTIONS, BODIES, TIMES = 8, 100, 400
AIM = 2.0
HOUR, MONTH_AND_MORE = 3600, 40 * 86_400


def _pushed(times: Iterable[float]) -> Iterator[bytes]:
    """Bodies of usual series, one for each time."""
    series = layout()
    values = [array("d", range(SERIES))]
    return (encode(series, [int(at * 1000)], values) for at in times)


def _with_label(name: str, value: Callable[[int], str]) -> Iterator[bytes]:
    """Bodies in which each series has this label, of the body's number."""
    names = [f"school_bench_{number}" for number in range(SERIES)]
    for number in range(BODIES):
        yield rw.snappy(b"".join(rw.simple(each, 1, time.time(), **{name: value(number)}) for each in names))


def _broken() -> bytes:
    """The last byte is missing, so that all but the last series is looked at for nothing."""
    return rw.snappy(b"".join(rw.simple(f"school_bench_{n}", 1, time.time()) for n in range(SERIES))[:-1])


def _million_series() -> bytes:
    return rw.snappy(rw.HOSTILE["a million series"](rw.sample(1, int(time.time() * 1000))))


KINDS: dict[str, Callable[[], Iterable[bytes]]] = {
    "flood": lambda: _pushed(time.time() - number / 1000 for number in range(BODIES)),
    "reserved label": lambda: _with_label("unit", lambda _: "U-0"),
    "the future": lambda: _pushed(time.time() + HOUR + number for number in range(BODIES)),
    "the far past": lambda: _pushed(time.time() - MONTH_AND_MORE + number for number in range(BODIES)),
    "ever new series": lambda: _with_label("wan", str),
    "an old body again": lambda: _pushed([time.time() - HOUR]),
    "broken": lambda: [_broken()],
    "a million series": lambda: [_million_series()],
}


def main(_: float) -> None:
    for behind in (sink, behind_prometheus):
        with tempfile.TemporaryDirectory(prefix="haidang-bench-") as text, behind(Path(text)) as store:
            folder = Path(text)
            with collector(folder, store) as (port, _process):
                agents = [enrolled(folder, f"U-{number}") for number in range(AGENTS)]
                senders.send(port, plan(agents, 2, past=3 * HOUR), folder / "warm")
                print(f"into {store.name}, {CITY:,} samples/s of sound agents (aim: {AIM:g} times)", flush=True)
                _all_kinds(port, agents, folder)


def _all_kinds(port: int, agents: list[str], folder: Path) -> None:
    for kind, bodies in KINDS.items():
        evil = enrolled(folder, f"U-{kind}")
        alone = _city(port, agents, folder)
        row = [senders.request(evil, body) for body in bodies()]
        attack = senders.start(port, [row * (BODIES * TIMES // len(row))] * CONNECTIONS, folder / "attack")
        try:
            beside = _city(port, agents, folder)
        finally:
            attack.terminate()
            attack.communicate()
        print(
            f"  {kind:18} p99 {alone.p99_ms:.1f} ms alone, {beside.p99_ms:.1f} ms beside it: "
            f"{beside.p99_ms / alone.p99_ms:.1f} times; counted against it: {dict(_counted(port, evil)) or 'nothing'}",
            flush=True,
        )


def _city(port: int, agents: list[str], folder: Path) -> senders.Outcome:
    """What the sound agents meet with, who push the present; all of it is stored."""
    rate, seconds = CITY / SERIES, scaled(SECONDS)
    rounds = max(1, int(rate * seconds / len(agents)))
    bodies = plan(agents, rounds, past=seconds, every_ms=1000 * seconds // rounds)
    outcome = senders.send(port, bodies, folder / "plan", rate)
    must_be_stored(outcome)
    return outcome


def _counted(port: int, authorization: str) -> Counter[str]:
    """Requests of this agent that were refused, by reason."""
    agent = authorization.removeprefix("Bearer ").partition(".")[0]
    counted: Counter[str] = Counter()
    for line in fetch(f"http://127.0.0.1:{port}/metrics").decode().splitlines():
        if line.startswith("haidang_ingest_agent_refused_total{") and f'agent="{agent}"' in line:
            reason = re.findall(r'reason="(\w+)"', line)[0]
            counted[reason] += int(float(line.rpartition(" ")[2]))
    return counted
