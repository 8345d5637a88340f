"""What everybody may send, by the million: the agents' doors and the importers, generated, mutated, cut off.

Nothing is answered 5xx, raises what it has not said, imports a half, or makes the process grow. The first input that
does is written to a file, with which it can be tried again. Not a race: it ends with status 1 at a fault.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import ctypes
import gc
import itertools
import json
import logging
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from haidang_collector.serving import GARBAGE

from benchmarks import fuzz_doors, fuzz_files
from benchmarks.fuzz_city import city
from benchmarks.fuzz_noise import FaultError, Input
from benchmarks.measure import rss_mib, scaled

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping, Sequence

    from benchmarks.fuzz_city import City
    from benchmarks.fuzz_noise import Target

INPUTS = 100_000
SHARES = {
    "write": 500, "relay": 100, "enrol": 120, "config": 100, "stick": 40, "key": 20, "doctor": 20, "alerts": 20,
    "upload": 5, "tables": 60, "toml": 10, "sheets": 5, "xlsx": 0.1, "backups": 0.1,
}  # fmt: skip
"""Of all inputs; the last two take some ms and a process each."""
WARM = 0.3
"""Of the inputs, until what is remembered on purpose is remembered."""
MOST_GROWTH_MIB = 96.0
"""After that. Of ten million inputs it is 14 bytes each; below it are memories that fill slowly (labels of 65,536
kinds, 100,000 frames, 65,536 wrong keys) and what the allocator keeps of the largest input."""
MOST_FILES = 45
"""SQLAlchemy's pool opens up to 15 connections when as many threads ask at once; SQLite has three files for each."""
M_ARENA_MAX = -8
"""Of malloc.h (mallopt(3))."""
AT_ONCE = 8
TOLD_SECONDS = 30.0


@dataclass
class Tried:
    """What came of the inputs of one target."""

    outcomes: Counter[str] = field(default_factory=Counter)
    slowest: tuple[float, int] = (0.0, 0)
    """Seconds, and the input's number."""


@dataclass
class Run:
    """Inputs are numbered, and made of seed, target and number alone."""

    seed: int
    inputs: int
    targets: Mapping[str, Target]
    folder: Path
    tried: dict[str, Tried] = field(default_factory=lambda: defaultdict(Tried))
    faults: dict[str, str] = field(default_factory=dict)
    """What is wrong, each kind once, and the file that shows it."""
    warm: Held | None = None
    began: float = field(default_factory=time.monotonic)
    began_cpu: float = field(default_factory=time.process_time)
    told: float = field(default_factory=time.monotonic)

    async def all(self) -> None:
        """Some at a time, so that none waits for another's thread."""
        chooser = random.Random(self.seed)
        names = list(self.targets)
        weights = [SHARES[name] for name in names]
        chosen = ((number, chooser.choices(names, weights)[0]) for number in range(self.inputs))
        await self._some(itertools.islice(chosen, int(self.inputs * WARM)))
        self.warm = held()
        await self._some(chosen)

    async def _some(self, chosen: Iterator[tuple[int, str]]) -> None:
        async def worker() -> None:
            for number, name in chosen:
                await self.one(name, number)
                self._tell(number)

        async with asyncio.TaskGroup() as workers:
            for _ in range(AT_ONCE):
                workers.create_task(worker())

    async def one(self, name: str, number: int) -> None:
        made = self.targets[name].make(noise_of(self.seed, name, number))
        tried, began = self.tried[name], time.perf_counter()
        try:
            outcome = await self.targets[name].give(made)
        except Exception as fault:  # noqa: BLE001 - whatever it is, it is what is looked for
            outcome = "FAULT"
            self._note(fault, name, number, made)
        tried.outcomes[outcome] += 1
        tried.slowest = max(tried.slowest, (time.perf_counter() - began, number))

    def _tell(self, number: int) -> None:
        now = time.monotonic()
        if now - self.told > TOLD_SECONDS:
            self.told = now
            _say(f"{number + 1:,} inputs, {(number + 1) / (now - self.began):,.0f}/s, {held()}")

    def _note(self, fault: Exception, name: str, number: int, made: Input) -> None:
        """A fault is told from others by where it was raised, and by its words where we raised it."""
        where = traceback.extract_tb(fault.__traceback__)[-1]
        words = str(fault)[:80] if isinstance(fault, FaultError) else ""
        kind = f"{name}: {type(fault).__name__} at {Path(where.filename).name}:{where.lineno} {words}".rstrip()
        if kind not in self.faults:
            file = self.folder / f"fuzz-{name}-{self.seed}-{number}.json"
            file.write_text(made.written(target=name, seed=self.seed, number=number, fault=repr(fault)[:1000]))
            self.faults[kind] = f"python -m benchmarks.fuzz --replay {file}"
            _say(f"FAULT of {kind} (seed {self.seed}, input {number}): {self.faults[kind]}")

    def compare(self, asked: City) -> None:
        """What is held and kept now with what was, and may be."""
        warm, end = self.warm, held()
        if warm is not None:
            print(f"held after {WARM:.0%} of the inputs: {warm}; at the end: {end}")
            if end.rss_mib - warm.rss_mib > MOST_GROWTH_MIB:
                self.faults["memory"] = f"it grew by more than {MOST_GROWTH_MIB:.0f} MiB"
            if end.files - warm.files > MOST_FILES or end.tasks > warm.tasks:
                self.faults["files or tasks"] = "they became more"
        try:
            asked.check_growth()
        except FaultError as grown:
            self.faults["tables"] = str(grown)

    def report(self) -> bool:
        """Whether nothing was wrong."""
        tried = sum(each.outcomes.total() for each in self.tried.values())
        for name, of in sorted(self.tried.items()):
            took, number = of.slowest
            outcomes = ", ".join(f"{outcome} {count:,}" for outcome, count in sorted(of.outcomes.items()))
            slowest = f"slowest {took * 1000:,.0f} ms (input {number})"
            print(f"{name:8} {of.outcomes.total():9,} inputs: {outcomes}; {slowest}")
        took, cpu = time.monotonic() - self.began, time.process_time() - self.began_cpu
        print(f"{tried:,} inputs, {tried / took:,.0f}/s; {tried / cpu:,.0f} per CPU second")
        for kind, shown in self.faults.items():
            print(f"FAULT: {kind}; {shown}")
        return not self.faults


@dataclass(frozen=True, slots=True)
class Held:
    """What the process holds."""

    rss_mib: float
    files: int
    tasks: int

    def __str__(self) -> str:
        return f"{self.rss_mib:.0f} MiB, {self.files} files, {self.tasks} tasks"


def held() -> Held:
    gc.collect()
    return Held(rss_mib(os.getpid()), len(list(Path("/proc/self/fd").iterdir())), len(asyncio.all_tasks()))


def noise_of(seed: int, name: str, number: int) -> random.Random:
    return random.Random(f"{seed} {name} {number}")


@contextlib.asynccontextmanager
async def everything() -> AsyncIterator[tuple[City, dict[str, Target]]]:
    """All targets, over registries in memory."""
    with tempfile.TemporaryDirectory(prefix="haidang-fuzz-", dir="/dev/shm") as text, contextlib.ExitStack() as stack:
        folder = Path(text)
        async with city(folder) as asked:
            yield asked, fuzz_doors.targets(asked) | fuzz_files.targets(folder, stack)


async def fuzz(seed: int, inputs: int, names: Sequence[str], folder: Path) -> bool:
    """Whether nothing was wrong. An input of each kind of fault is written into `folder`. Ctrl-C ends it early."""
    async with everything() as (asked, targets):
        run = Run(seed, inputs, {name: targets[name] for name in names or SHARES}, folder)
        with contextlib.suppress(asyncio.CancelledError):
            await run.all()
        run.compare(asked)
        return run.report()


async def replay(text: str) -> None:
    """Raises what it raised."""
    async with everything() as (_, targets):
        print(await targets[json.loads(text)["target"]].give(Input.read(text)))


def main(_: float) -> None:
    command(["--inputs", str(scaled(INPUTS))])


def command(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fuzz", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="TARGET", help=f"which of {', '.join(SHARES)} (default: all)")
    parser.add_argument("--inputs", type=int, default=INPUTS, help="how many in all")
    parser.add_argument("--processes", type=int, default=1, help="each with its share of them, and a seed of its own")
    parser.add_argument("--seed", type=int, default=time.time_ns() % 2**32)
    parser.add_argument(
        "--faults",
        type=Path,
        default=Path(tempfile.gettempdir()),
        metavar="FOLDER",
        help="where inputs go that show a fault",
    )
    parser.add_argument("--replay", type=Path, metavar="FILE", help="try such an input again")
    options = parser.parse_args(arguments)
    if unknown := sorted(set(options.names) - SHARES.keys()):
        parser.error(f"unknown {unknown}; known are {', '.join(SHARES)}")
    logging.disable(logging.CRITICAL)
    ctypes.CDLL(None).mallopt(M_ARENA_MAX, 1)  # else what threads gave back lies in arenas, and looks like growth
    gc.set_threshold(*GARBAGE)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # which a shell takes from what it runs in the background
    if options.replay:
        asyncio.run(replay(options.replay.read_text()))
    elif options.processes > 1:
        _in_processes(options)
    else:
        print(f"seed {options.seed}", flush=True)
        if not asyncio.run(fuzz(options.seed, options.inputs, options.names, options.faults)):
            raise SystemExit(1)


def _in_processes(options: argparse.Namespace) -> None:
    share = ["--inputs", str(options.inputs // options.processes), "--faults", str(options.faults)]
    begin = [sys.executable, "-m", "benchmarks.fuzz", *options.names, *share]
    started = [subprocess.Popen([*begin, "--seed", str(options.seed + number)]) for number in range(options.processes)]
    statuses = [each.wait() for each in started]
    if any(statuses):
        raise SystemExit(1)


def _say(words: str) -> None:
    print(words, file=sys.stderr, flush=True)


if __name__ == "__main__":
    command()
