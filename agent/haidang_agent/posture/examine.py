"""All checks of this machine's platform, each with what it found."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from haidang_agent.credentials import FILE, PENDING_FILE
from haidang_agent.posture.catalogue import CHECKS
from haidang_agent.posture.check import Ledger, judged
from haidang_agent.posture.limits import Limits
from haidang_agent.posture.telling import worst_first
from haidang_agent.tables import CONFIG_DIR, STATE_DIR

if TYPE_CHECKING:
    from haidang_agent.posture.check import Finding
    from haidang_agent.posture.linux.machine import Machine
    from haidang_agent.powershell.answer import Answer


@dataclass(frozen=True, slots=True)
class Place:
    """Where to look: /proc and /sys (their parent is the root folder), and the agent's configuration and state."""

    now: float
    proc: Path = Path("/proc")
    sys: Path = Path("/sys")
    config: Path = Path(CONFIG_DIR, "agent.toml")
    state: Path = Path(STATE_DIR)
    limits: Limits = field(default_factory=Limits)

    @property
    def own_files(self) -> tuple[Path, ...]:
        return (self.config, self.state / FILE, self.state / PENDING_FILE)


def examine(place: Place, ledger: Ledger) -> list[Finding]:
    """Look once, the worst first. Raises UnreadError where nothing at all could be asked."""
    if sys.platform == "win32":
        from haidang_agent.posture.windows import SCRIPT  # noqa: PLC0415 - each system loads its own half
        from haidang_agent.powershell.asking import ask  # noqa: PLC0415 - as above

        return of_windows(ask(SCRIPT, *place.own_files), place)
    from haidang_agent.posture.linux.machine import Machine  # noqa: PLC0415 - as above

    here = Machine(place.now, place.proc.parent, place.proc, place.sys, place.own_files, place.limits, ledger)
    return of_linux(here)


def of_linux(machine: Machine) -> list[Finding]:
    from haidang_agent.posture.linux import READERS  # noqa: PLC0415 - as above

    return worst_first(
        [judged(check, partial(READERS[check.id], machine)) for check in CHECKS if "linux" in check.platforms]
    )


def of_windows(answer: Answer, place: Place) -> list[Finding]:
    from haidang_agent.posture.windows.judging import READERS, Question  # noqa: PLC0415 - as above

    asked = Question(answer, place.now, place.limits)
    return worst_first(
        [judged(check, partial(READERS[check.id], asked)) for check in CHECKS if "win32" in check.platforms]
    )
