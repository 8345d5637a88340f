"""The doctor's checks of what starts the agent with the machine: systemd's service, or a task of Windows."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from haidang_agent.finding import Finding
from haidang_agent.i18n import _
from haidang_agent.platform.windows_service import TASK

if TYPE_CHECKING:
    from collections.abc import Iterator

UNIT = "haidang-agent"
PROPERTIES = ("LoadState", "ActiveState", "UnitFileState")
NOT_AT_BOOT = ("", "disabled", "enabled-runtime", "linked", "linked-runtime", "masked", "masked-runtime")
"""`is-enabled` of systemctl(1); empty of a unit without a file, as systemd-run makes them."""
ASK_SECONDS = 10.0
SYSTEMD_RUNS = Path("/run/systemd/system")
"""sd_booted(3)."""
SWITCHED_OFF = "<Enabled>false</Enabled>"
"""[MS-TSCH] 2.3.7; of a task's settings, as its triggers have none here."""


def service() -> Iterator[Finding]:
    """Nothing where neither runs the machine."""
    if sys.platform == "win32":
        command = ["schtasks", "/Query", "/TN", TASK, "/XML"]
    elif SYSTEMD_RUNS.is_dir():
        command = ["systemctl", "show", UNIT, *(f"--property={name}" for name in PROPERTIES)]
    else:
        return
    try:
        done = subprocess.run(  # noqa: S603 - literals of our own
            command, capture_output=True, timeout=ASK_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as failed:
        yield Finding("service", "warn", " ".join(command), str(failed), "no_service")
        return
    told = done.stdout.decode(errors="replace")
    yield judge_task(told, found=not done.returncode) if sys.platform == "win32" else judge_service(told)


def judge_service(told: str) -> Finding:
    """By what `systemctl show` prints of `PROPERTIES` (systemctl(1))."""
    shown = dict(line.split("=", 1) for line in told.splitlines() if "=" in line)
    load, active, at_boot = (shown.get(name, "") for name in PROPERTIES)
    check, tried = "service", _("asking systemd for {unit}").format(unit=UNIT)
    if load != "loaded":
        return Finding(check, "warn", tried, _("there is no such service ({state})").format(state=load), "no_service")
    if active in ("failed", "activating"):
        return Finding(
            check, "fail", tried, _("it ends again and again ({state})").format(state=active), "service_fails"
        )
    if active != "active":
        return Finding(check, "fail", tried, _("it does not run ({state})").format(state=active), "service_stopped")
    if at_boot in NOT_AT_BOOT:
        return Finding(check, "warn", tried, _("it runs, and will not start with the machine"), "not_at_boot")
    return Finding(check, "ok", tried, _("it runs, and starts with the machine"))


def judge_task(told: str, *, found: bool) -> Finding:
    """By what `schtasks /Query /XML` prints, and whether there was such a task; not run on Windows yet."""
    tried = _("asking Windows for the task {task}").format(task=TASK)
    if not found:
        return Finding("service", "warn", tried, _("there is none"), "no_service")
    if SWITCHED_OFF in told.replace("\0", ""):
        return Finding("service", "fail", tried, _("it is switched off"), "task_off")
    return Finding("service", "ok", tried, _("it starts with the machine"))
