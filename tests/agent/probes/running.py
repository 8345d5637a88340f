"""A probe running inside a namespace, asked for one run at a time."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Self, cast

if TYPE_CHECKING:
    from tests.agent.namespaces import Namespace

CHILD = Path(__file__).with_name("child.py")


@dataclass(frozen=True)
class Run:
    """What a run gave: `values` by metric and label values, or why there are none."""

    seconds: float
    files: int = 0
    values: dict[tuple[str, ...], float] = field(default_factory=dict)
    absent: str | None = None
    reason: str | None = None
    detail: str | None = None


class Running:
    """Context manager; `nobody` runs the probe without root and capabilities, `max_files` limits open files."""

    def __init__(
        self,
        namespace: Namespace,
        probe: str,
        *,
        nobody: bool = False,
        max_files: int | None = None,
        **settings: object,
    ) -> None:
        arguments = (str(CHILD), probe, json.dumps(settings), str(nobody), str(max_files))
        self._command = namespace.command(sys.executable, "-W", "error", *arguments)

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        return self

    def __exit__(self, *_: object) -> None:
        self.log = self._process.communicate(timeout=120)[1]

    def collect(self) -> Run:
        stdin, stdout = cast("IO[str]", self._process.stdin), cast("IO[str]", self._process.stdout)
        stdin.write("\n")
        stdin.flush()
        line = stdout.readline()
        if not line:
            raise RuntimeError(f"the probe crashed: {self._process.communicate()[1]}")
        answer = json.loads(line)
        samples = answer.pop("samples", [])
        undeclared = [name for name, _, _, declared in samples if not declared]
        if undeclared:
            raise RuntimeError(f"samples of metrics that the probe does not declare: {undeclared}")
        return Run(values={(name, *labels): value for name, labels, value, _ in samples}, **answer)
