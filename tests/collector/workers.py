"""`haidang serve --workers`, and connections of which one can tell which worker holds them."""

from __future__ import annotations

import http.client
import os
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psutil
from haidang_collector.supervisor.programs import own

from tests.servers import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MOST_TRIES = 200
"""Each new connection is with either of two workers: that none of so many is with one does not happen."""


@dataclass
class Together:
    """A collector of several workers. What it says is in `words`."""

    port: int
    process: subprocess.Popen[bytes]
    words: Path

    @property
    def pids(self) -> list[int]:
        """Of the workers, in the order in which they were started."""
        return [child.pid for child in psutil.Process(self.process.pid).children()]

    def said(self) -> str:
        return self.words.read_text()

    def all_answer(self, count: int = 2) -> bool:
        """Whether there are so many, and each holds a connection."""
        return len(self.pids) == count and all(self.get(pid, "/healthz") for pid in self.pids)

    def get(self, pid: int, path: str) -> str:
        """What this worker answers."""
        connection = connected(self.port, pid)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            body = answer.read().decode()
        finally:
            connection.close()
        if answer.status != http.client.OK:
            raise OSError(f"{path}: {answer.status} {body}")
        return body


def connected(port: int, pid: int | None = None) -> http.client.HTTPConnection:
    """A new connection that the worker `pid` holds; None: whoever does."""
    for _ in range(MOST_TRIES):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        connection.request("GET", "/healthz")
        connection.getresponse().read()
        if pid is None or _holds(pid, connection):
            return connection
        connection.close()
    raise LookupError(f"no connection is with process {pid}")


def _holds(pid: int, connection: http.client.HTTPConnection) -> bool:
    address = connection.sock.getsockname()
    return any(each.raddr == address for each in psutil.Process(pid).net_connections("tcp"))


@contextmanager
def together(folder: Path, count: int = 2, **environment: str) -> Iterator[Together]:
    """As soon as somebody listens. `environment` without `HAIDANG_`."""
    port, words = free_port(), folder / "words"
    command = [own("haidang"), "serve", "--listen", f"127.0.0.1:{port}", "--workers", str(count)]
    given = {f"HAIDANG_{name}": value for name, value in environment.items()}
    with words.open("wb") as stderr:
        process = subprocess.Popen(command, env=os.environ | given, stderr=stderr)
    running = Together(port, process, words)
    try:
        yield running
    finally:
        process.terminate()
        process.wait(timeout=120)
