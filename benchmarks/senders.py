"""Agents that only send: kept connections of one process, each with prepared requests.

As fast as they are answered, or at a given pace. Run as `python -m benchmarks.senders PORT FILE [REQUESTS_PER_SECOND]`;
the outcome is JSON on stdout.
"""

from __future__ import annotations

import asyncio
import json
import pickle
import subprocess
import sys
import time
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

ANSWER_SECONDS = 30.0
OPENED_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Outcome:
    """`seconds` from the first request to the last answer; milliseconds from when a request was due to its answer."""

    answers: Mapping[str, int]
    seconds: float
    p50_ms: float
    p99_ms: float
    worst_ms: float


def request(authorization: str, body: bytes) -> bytes:
    """A push with the headers that an agent sends."""
    head = (
        "POST /api/v1/write HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept-Encoding: identity\r\n"
        f"Content-Length: {len(body)}\r\nContent-Encoding: snappy\r\nContent-Type: application/x-protobuf\r\n"
        "X-Prometheus-Remote-Write-Version: 0.1.0\r\n"
        f"Authorization: {authorization}\r\nUser-Agent: haidang-agent\r\n\r\n"
    )
    return head.encode() + body


def send(port: int, plan: Sequence[Sequence[bytes]], file: Path, rate: float | None = None) -> Outcome:
    """One connection for each row of `plan`, in a process of its own; waits for the last answer."""
    return collect(start(port, plan, file, rate))


def start(port: int, plan: Sequence[Sequence[bytes]], file: Path, rate: float | None = None) -> subprocess.Popen[bytes]:
    file.write_bytes(pickle.dumps(plan))
    paced = [] if rate is None else [str(rate)]
    command = [sys.executable, "-m", "benchmarks.senders", str(port), str(file), *paced]
    return subprocess.Popen(command, stdout=subprocess.PIPE)


def collect(process: subprocess.Popen[bytes]) -> Outcome:
    written, _ = process.communicate()
    if process.returncode:
        raise RuntimeError(f"the senders ended with status {process.returncode}")
    return Outcome(**json.loads(written))


class _Sender:
    def __init__(self, requests: Sequence[bytes], answers: Counter[str], latencies: list[float]) -> None:
        self._requests = requests
        self._answers = answers
        self._latencies = latencies

    async def open(self, port: int, turn: asyncio.Semaphore) -> None:
        async with turn:
            self._connection = await asyncio.open_connection("127.0.0.1", port)

    async def run(self, port: int, due: Iterator[float] | None) -> None:
        reader, writer = self._connection
        for each in self._requests:
            began = time.monotonic() if due is None else next(due)
            await asyncio.sleep(max(0.0, began - time.monotonic()) if due else 0)
            writer.write(each)
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), ANSWER_SECONDS)
            await reader.readexactly(_length(head))
            self._answers[head[9:12].decode()] += 1
            self._latencies.append(time.monotonic() - began)
            if b"\r\nconnection: close" in head.lower():
                writer.close()
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.close()


def _length(head: bytes) -> int:
    _, found, rest = head.lower().partition(b"content-length:")
    return int(rest.partition(b"\r\n")[0]) if found else 0


async def _run(port: int, plan: Sequence[Sequence[bytes]], rate: float | None) -> Outcome:
    answers: Counter[str] = Counter()
    latencies: list[float] = []
    senders = [_Sender(requests, answers, latencies) for requests in plan]
    turn = asyncio.Semaphore(OPENED_AT_ONCE)
    await asyncio.gather(*(sender.open(port, turn) for sender in senders))
    began = time.monotonic()
    running = []
    for number, sender in enumerate(senders):
        due = None if rate is None else _times(began + 0.2 + number / rate, len(plan) / rate)
        running.append(sender.run(port, due))
    await asyncio.gather(*running)
    ordered = sorted(latencies)
    at = [1000 * ordered[int(len(ordered) * share)] for share in (0.5, 0.99)]
    return Outcome(dict(answers), time.monotonic() - began, at[0], at[1], 1000 * ordered[-1])


def _times(first: float, every: float) -> Iterator[float]:
    while True:
        yield first
        first += every


def main() -> None:
    port, file = int(sys.argv[1]), Path(sys.argv[2])
    rate = float(sys.argv[3]) if sys.argv[3:] else None
    plan = pickle.loads(file.read_bytes())
    print(json.dumps(asdict(asyncio.run(_run(port, plan, rate)))))


if __name__ == "__main__":
    main()
