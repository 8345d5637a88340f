"""More agents than the collector has time for: what of its work is still of use, and whether it ends by itself.

12,000 agents of 400 series want to push every 6 s for a minute, then every minute. Each waits 15 s for an answer, as a
real one does; then it connects anew and pushes again. What it is told to wait (`Retry-After`) it waits.
"""

from __future__ import annotations

import asyncio
import random
import resource
import tempfile
import time
from array import array
from collections import Counter
from contextlib import ExitStack
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from haidang_agent.wire import encode

from benchmarks import senders, workers
from benchmarks.ingest import layout, sink
from benchmarks.measure import cpu_seconds, scaled

if TYPE_CHECKING:
    from collections.abc import Sequence

AGENTS, SERIES = 12_000, 400
CROWDED_EVERY, USUAL_EVERY = 6.0, 60.0
CROWDED_SECONDS, AFTER_SECONDS = 60.0, 90.0
PATIENCE = 15.0
TOLD_SECONDS = 10.0
STORED = "204"


def main(_: float) -> None:
    """A line every ten seconds."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="haidang-bench-")))
        store = stack.enter_context(sink(folder))
        keys = workers.enrol(workers.database(folder), scaled(AGENTS))
        port, parent = stack.enter_context(workers.collector(folder, store, 1))
        asyncio.run(_city(port, keys, parent.pid))


class _Agents:
    """All of them, and what they were answered since it was last told."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.every = CROWDED_EVERY
        self.answers: Counter[str] = Counter()
        self.worst = 0.0

    async def run(self, key: str) -> None:
        await asyncio.sleep(random.random() * self.every)
        made = time.monotonic()
        connection: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        while True:
            asked = time.monotonic()
            try:
                async with asyncio.timeout(PATIENCE):
                    connection = connection or await asyncio.open_connection("127.0.0.1", self.port)
                    status, wait = await _push(*connection, key)
            except (OSError, EOFError, TimeoutError) as failed:
                status, wait = ("late" if isinstance(failed, TimeoutError) else "hung up"), 1.0
                if connection is not None:
                    connection[1].close()
                connection = None
            self.answers[status] += 1
            if status == STORED:
                self.worst = max(self.worst, time.monotonic() - made)
                wait = max(0.0, asked + self.every - time.monotonic())
                made = time.monotonic() + wait
            await asyncio.sleep(wait)

    def tell(self, phase: str, seconds: float, busy: float) -> None:
        told = ", ".join(f"{status} {number:,}" for status, number in sorted(self.answers.items()))
        stored = self.answers[STORED] / seconds
        print(
            f"{phase}: {stored:,.0f} stored a second, the longest after {self.worst:.1f} s; answers: {told}; "
            f"collector {busy:.2f} of a core",
            flush=True,
        )
        self.answers.clear()
        self.worst = 0.0


async def _city(port: int, keys: Sequence[str], pid: int) -> None:
    agents = _Agents(port)
    running = [asyncio.create_task(agents.run(key)) for key in keys]
    for every, lasts in ((CROWDED_EVERY, CROWDED_SECONDS), (USUAL_EVERY, AFTER_SECONDS)):
        agents.every = every
        for _ in range(round(lasts / TOLD_SECONDS)):
            began, spent = time.monotonic(), cpu_seconds(pid)
            await asyncio.sleep(TOLD_SECONDS)
            seconds = time.monotonic() - began
            agents.tell(f"{len(keys) / every:,.0f} wanted a second", seconds, (cpu_seconds(pid) - spent) / seconds)
    for each in running:
        each.cancel()
    await asyncio.gather(*running, return_exceptions=True)


async def _push(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, key: str) -> tuple[str, float]:
    """Status, and the seconds that it is told to wait."""
    writer.write(senders.request(key, _body(int(time.time()))))
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:])}
    await reader.readexactly(int(headers.get("content-length", 0)))
    return head[0].split()[1], float(headers.get("retry-after", 0))


@lru_cache(maxsize=1)
def _body(now: int) -> bytes:
    """Everybody's, so that the senders leave the time to the collector."""
    return encode(layout(SERIES), [now * 1000], [array("d", range(SERIES))])
