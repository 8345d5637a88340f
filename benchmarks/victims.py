"""What `chaos` kills: programs, and the machines that they run on."""

from __future__ import annotations

import os
import signal
import subprocess
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from haidang_collector.supervisor.head_chunks import move_aside

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from benchmarks.power import Machine
    from tests.servers import Prometheus

LONGEST_SHOWN = 4000


class Program:
    """A process that can be killed and started again; its log is appended to."""

    def __init__(self, name: str, command: Sequence[str | Path], environment: dict[str, str], log: Path) -> None:
        self.name = name
        self._command, self._environment, self._log = command, environment, log
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, env=self._environment, stdout=log, stderr=log, start_new_session=True
            )

    def kill(self) -> None:
        """With what it has started, which would go on holding the machine's files."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def _end(self, number: signal.Signals) -> None:
        if self._process is not None:
            os.killpg(self._process.pid, number)
            self._process.wait(60)
            self._process = None


class Store:
    """Prometheus, by the same words."""

    name = "store"

    def __init__(self, running: Prometheus) -> None:
        self._running = running
        self.mended = 0
        """How often a power cut had left files that it does not start with."""

    def start(self) -> None:
        """As `haidang up` does. Raises RuntimeError with the end of its log where it does not come up."""
        self.mended += bool(move_aside(self._running.folder / "data"))
        try:
            self._running.start()
        except RuntimeError as ended:
            ended.add_note(self._running.log()[-LONGEST_SHOWN:])
            raise

    def kill(self) -> None:
        self._running.kill()


@dataclass
class Site:
    """One machine and what runs on it, in the order of starting."""

    machine: Machine
    programs: list[Program | Store] = field(default_factory=list)

    def kill(self) -> None:
        for program in self.programs:
            program.kill()

    def start(self) -> None:
        for program in self.programs:
            program.start()
