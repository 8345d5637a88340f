"""Real servers on loopback, for tests: started on a free port, gone when the test is."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

PROMETHEUS_YML = """\
global:
  scrape_interval: 5s
  evaluation_interval: 5s
storage:
  tsdb:
    out_of_order_time_window: {window}
"""


_PORTS = iter(secrets.SystemRandom().sample(range(20_000, 32_768), 12_768))


def free_port() -> int:
    """A port of loopback, for TCP and UDP, that nobody uses, and that no test is given, here or in another process.

    None of those from 32768 on, which Linux gives away by itself: until somebody listens there, such a port may
    become another's, and who asks whether somebody does may be connected with themselves.
    """
    return next(port for port in _PORTS if _is_claimed(port) and _is_unused(port))


def _is_claimed(port: int) -> bool:
    """For as long as this process lives; False: another has it."""
    try:
        fcntl.lockf(_claims(), fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
    except BlockingIOError:
        return False
    return True


@cache
def _claims() -> int:
    """A file with a byte for each port, of which a process locks its own; never closed, which would free them."""
    return os.open(Path(tempfile.gettempdir(), f"haidang-test-ports-{os.getuid()}"), os.O_RDWR | os.O_CREAT, 0o600)


def _is_unused(port: int) -> bool:
    with socket.socket() as stream, socket.socket(type=socket.SOCK_DGRAM) as datagram:
        try:
            stream.bind(("127.0.0.1", port))
            datagram.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def get(url: str, *, seconds: float = 60) -> bytes:
    with urllib.request.urlopen(url, timeout=seconds) as answer:
        body: bytes = answer.read()
        return body


def wait_until_ready(url: str, process: subprocess.Popen[bytes], *, seconds: float = 120) -> None:
    """Polls `url` until it answers 200; raises when the process ends first or the time is over."""
    deadline = time.monotonic() + seconds
    while True:
        with contextlib.suppress(OSError):
            get(url, seconds=1)
            return
        if process.poll() is not None:
            raise RuntimeError(f"{process.args!r} ended with status {process.returncode} before it was ready")
        if time.monotonic() > deadline:
            raise TimeoutError(f"{url} was not ready after {seconds} s")
        time.sleep(0.02)


@dataclass
class Prometheus:
    """A Prometheus with the remote-write receiver on. `kill()` and `start()` keep port and data."""

    folder: Path
    port: int
    config: str
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)
    _log: IO[bytes] | None = field(default=None, repr=False)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def write_url(self) -> str:
        return f"{self.url}/api/v1/write"

    @property
    def pid(self) -> int:
        """Of the running process."""
        if self._process is None:
            raise RuntimeError("it was not started")
        return self._process.pid

    def start(self) -> None:
        binary = shutil.which("prometheus")
        if binary is None:
            raise FileNotFoundError("no prometheus on PATH; run: apt-get install prometheus")
        self.folder.mkdir(parents=True, exist_ok=True)
        settings = self.folder / "prometheus.yml"
        settings.write_text(self.config)
        self._log = (self.folder / "prometheus.log").open("ab")
        command = [
            binary,
            f"--config.file={settings}",
            f"--storage.tsdb.path={self.folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{self.port}",
            "--web.enable-remote-write-receiver",
        ]
        self._process = subprocess.Popen(command, stdout=self._log, stderr=self._log)
        wait_until_ready(f"{self.url}/-/ready", self._process)

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(timeout=60)
        if self._log is not None:
            self._log.close()

    def query(self, expression: str, *, at: float | None = None) -> list[dict[str, Any]]:
        """The `result` list of an instant query: `{"metric": {…}, "value": [seconds, "text"]}` or `values`."""
        asked = urllib.parse.urlencode({"query": expression} | ({} if at is None else {"time": f"{at:.3f}"}))
        answer = json.loads(get(f"{self.url}/api/v1/query?{asked}"))
        result: list[dict[str, Any]] = answer["data"]["result"]
        return result

    def log(self) -> str:
        return (self.folder / "prometheus.log").read_text(errors="replace")


@contextlib.contextmanager
def prometheus(tmp_path: Path, *, window: str = "31d", more: str = "") -> Iterator[Prometheus]:
    """
    A running Prometheus (Debian's binary) in `tmp_path/prometheus`.

    `window` is how late a sample may come; `more` is appended to the configuration (scrape_configs, rule_files…).
    """
    server = Prometheus(tmp_path / "prometheus", free_port(), PROMETHEUS_YML.format(window=window) + more)
    try:
        server.start()
        yield server
    finally:
        server.kill()
