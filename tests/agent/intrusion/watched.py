"""The probe `intrusion` at work in a namespace, and asked what it tells."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Self, cast

from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.agent.namespaces import Namespace

CHILD = Path(__file__).with_name("child.py")
ACTIVE, TOTAL = "school_incident_active", "school_incidents_total"


@dataclass(frozen=True)
class Told:
    """`values` by metric and label values; `open` and `past` are the cases that are kept."""

    values: dict[tuple[str, ...], float] = field(default_factory=dict)
    open: list[dict[str, Any]] = field(default_factory=list)
    past: list[dict[str, Any]] = field(default_factory=list)
    dhcp_servers: list[str] = field(default_factory=list)
    problem: str = ""
    processor_seconds: float = 0.0
    rss_mib: float = 0.0

    def active(self) -> dict[tuple[str, str], float]:
        """Kinds and severities of what goes on."""
        return {key[1:]: value for key, value in self.values.items() if key[0] == ACTIVE and value}  # type: ignore[misc]

    def case(self, kind: str) -> dict[str, Any]:
        """The open one of this kind; LookupError where it is not kept yet."""
        return {case["kind"]: case for case in self.open}[kind]

    def counted(self) -> dict[tuple[str, str], float]:
        return {key[1:]: value for key, value in self.values.items() if key[0] == TOTAL and value}  # type: ignore[misc]


class Watched:
    """Context manager. What `folder` holds is the state folder, and outlives it."""

    def __init__(self, namespace: Namespace, folder: Path, **settings: object) -> None:
        self._command = namespace.command(sys.executable, "-W", "error", str(CHILD), str(folder), json.dumps(settings))

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.look()
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._ask("stop")
        self._process.communicate(timeout=120)

    @property
    def pid(self) -> int:
        return self._process.pid

    def kill(self) -> None:
        """As a power cut would."""
        self._process.kill()
        self._process.wait()

    def look(self) -> Told:
        return self._ask("look")

    def until(self, what: str, look: Callable[[Told], object], seconds: float = 20) -> Told:
        """What was told first of which `look` is true."""
        return eventually(what, lambda: (told := self.look()) and look(told) and told, seconds=seconds)

    def _ask(self, word: str) -> Told:
        stdin, stdout = cast("IO[str]", self._process.stdin), cast("IO[str]", self._process.stdout)
        stdin.write(word + "\n")
        stdin.flush()
        answer = json.loads(stdout.readline())
        cases = answer["memory"].get("intrusion", {})
        return Told(
            {(name, *labels): value for name, labels, value in answer.get("samples", [])},
            cases.get("open", []),
            cases.get("past", []),
            [str(IPv4Address(bytes.fromhex(one["ip"]))) for one in answer["memory"].get("intrusion_dhcp_servers", [])],
            answer.get("problem", ""),
            answer["processor_seconds"],
            answer["rss_kib"] / 1024,
        )
