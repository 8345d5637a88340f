"""Real servers on loopback, for tests: started on a free port, gone when the test is."""

from __future__ import annotations

import contextlib
import json
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PROMETHEUS_YML = """\
global:
  scrape_interval: 5s
  evaluation_interval: 5s
storage:
  tsdb:
    out_of_order_time_window: {window}
"""


def free_port() -> int:
    """A TCP port of loopback that nobody listened on a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def get(url: str, *, seconds: float = 15) -> bytes:
    with urllib.request.urlopen(url, timeout=seconds) as answer:
        body: bytes = answer.read()
        return body


def wait_until_ready(url: str, process: subprocess.Popen[bytes], *, seconds: float = 60) -> None:
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
            self._process.wait(timeout=10)
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
