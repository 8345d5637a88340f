"""A program that is kept running: its log bounded, its death noticed, and never left behind."""

from __future__ import annotations

import ctypes
import logging
import logging.handlers
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING

import httpx

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

LOG_BYTES = 2 << 20
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0
STEADY_SECONDS = 60.0
"""A program that ran for so long begins again with the shortest pause."""
STOP_SECONDS = 15.0
PR_SET_PDEATHSIG = 1


class ChildError(Exception):
    """The program did not start; the text carries its last words and where its log is."""


@dataclass
class Child:
    """`ready_url` answers 200 when the program is of use; None: running is enough."""

    name: str
    command: Sequence[str]
    log: Path
    environment: Mapping[str, str]
    ready_url: str | None = None
    last_words: str = ""
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)
    _pause: float = FIRST_PAUSE
    _started: float = 0.0
    restart_at: float | None = None

    def start(self) -> None:
        self._started = time.monotonic()
        self.restart_at = None
        self.process = subprocess.Popen(  # noqa: S603 - programs found by us
            self.command,
            env=dict(self.environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=_die_with_parent if sys.platform == "linux" else None,  # noqa: PLW1509 - no threads hold locks in it
        )
        assert self.process.stdout is not None  # noqa: S101 - PIPE was asked for
        threading.Thread(target=self._keep_log, args=(self.process.stdout,), daemon=True).start()

    def wait_until_ready(self, seconds: float = 60.0) -> None:
        """Raises ChildError where it dies or the time is over."""
        deadline = time.monotonic() + seconds
        while self.ready_url is not None and not _answers(self.ready_url):
            if self.died():
                raise ChildError(f"{self.name} ended at once: {self.last_words or 'it said nothing'} (log: {self.log})")
            if time.monotonic() > deadline:
                raise ChildError(f"{self.name} is not ready after {seconds:.0f} s (log: {self.log})")
            time.sleep(0.05)

    def died(self) -> bool:
        return self.process is not None and self.process.poll() is not None

    def plan_restart(self) -> float:
        """Seconds until the next start: 1, 2, 4 … 30, and 1 again after a minute of good health."""
        now = time.monotonic()
        if now - self._started > STEADY_SECONDS:
            self._pause = FIRST_PAUSE
        pause, self._pause = self._pause, min(self._pause * 2, LONGEST_PAUSE)
        self.restart_at = now + pause
        return pause

    def stop(self) -> None:
        """SIGTERM, and SIGKILL where that does not help in time."""
        if self.process is None or self.process.poll() is not None:
            return
        self.process.terminate()
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def _keep_log(self, output: IO[bytes]) -> None:
        keeper = logging.handlers.RotatingFileHandler(self.log, maxBytes=LOG_BYTES, backupCount=1, encoding="utf-8")
        with output:
            for line in output:
                text = line.decode(errors="replace").rstrip()
                self.last_words = text or self.last_words
                keeper.emit(logging.makeLogRecord({"msg": text}))
        keeper.close()


def _die_with_parent() -> None:
    """Linux: this process gets SIGTERM when the supervisor is gone, however it went (prctl(2))."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=2).is_success
    except httpx.HTTPError:
        return False
