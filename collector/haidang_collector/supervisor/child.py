"""A program that is kept running: its death noticed, its restarts spaced out, and never left behind."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.request
from http.client import HTTPException
from pathlib import Path
from typing import TYPE_CHECKING

from haidang_collector.supervisor.log import ChildLog

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0
STEADY_SECONDS = 60.0
"""A program that ran for so long begins again with the shortest pause."""
STOP_SECONDS = 15.0
ASK_SECONDS = 2.0
LEASH = (sys.executable, "-IS", str(Path(__file__).with_name("leash.py")))

_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Pauses:
    """Before the next start of what ended: 1, 2, 4 … 30 s, and 1 again after a minute of good health."""

    def __init__(self) -> None:
        self._next = FIRST_PAUSE

    def after(self, seconds: float) -> float:
        """How long to wait, when it ran for so long."""
        if seconds > STEADY_SECONDS:
            self._next = FIRST_PAUSE
        pause, self._next = self._next, min(self._next * 2, LONGEST_PAUSE)
        return pause


class Child:
    """One program. `ready_url` answers 2xx when it is of use; empty: it is so while it runs."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        log: Path,
        ready_url: str,
        environment: Mapping[str, str],
        niceness: int = 0,
    ) -> None:
        self.name = name
        self.log = log
        self.restart_at: float | None = None
        """On the monotonic clock, while it is dead and waits for its next start."""
        self._command = command
        self._environment = environment
        self._ready_url = ready_url
        self._niceness = niceness
        self._process: subprocess.Popen[bytes] | None = None
        self._output: ChildLog | None = None
        self._pauses = Pauses()
        self._started = 0.0

    def start(self) -> None:
        """In a session of its own, so that a terminal's Ctrl-C reaches the supervisor alone."""
        self._started = time.monotonic()
        self.restart_at = None
        self._process = subprocess.Popen(  # noqa: S603 - programs found by us
            [*LEASH, str(os.getpid()), str(self._niceness), *self._command],
            env=dict(self._environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        if self._process.stdout is not None:
            self._output = ChildLog(self.log, self._process.stdout)

    def restart(self) -> str:
        """Empty; or why it cannot be started now, as where there is no memory for it: `restart_at` says when again."""
        try:
            self.start()
        except OSError as failed:
            self.plan_restart()
            return failed.strerror or str(failed)
        return ""

    @property
    def status(self) -> int | None:
        """Exit status, negative for a signal; None while it runs."""
        return None if self._process is None else self._process.poll()

    @property
    def last_words(self) -> str:
        """Of a child that ended: the last line it wrote."""
        return "" if self._output is None else self._output.last_words()

    def ready(self) -> bool:
        if not self._ready_url:
            return self.status is None
        try:
            with _DIRECT.open(self._ready_url, timeout=ASK_SECONDS):
                return True
        except (OSError, HTTPException):
            return False

    def plan_restart(self) -> float:
        """Seconds until the next start; see Pauses."""
        now = time.monotonic()
        pause = self._pauses.after(now - self._started)
        self.restart_at = now + pause
        return pause

    def stop(self) -> None:
        """SIGTERM, and SIGKILL where that does not help in time."""
        if self._process is None or self._process.poll() is not None:
            return
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
