"""Runs a script by the PowerShell that every Windows has, within its time, without a profile and without a window."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from haidang_agent.i18n import _
from haidang_agent.powershell.answer import parse
from haidang_agent.unread import UnreadError

if TYPE_CHECKING:
    from haidang_agent.powershell.answer import Answer

SECONDS = 90.0
"""Windows Update's own list alone takes half a minute on an old PC."""


def ask(script: Path, *arguments: Path) -> Answer:
    """What the script tells by `telling.ps1`. Raises UnreadError."""
    powershell = Path(os.environ.get("SYSTEMROOT", r"C:\Windows"), "System32/WindowsPowerShell/v1.0/powershell.exe")
    options = ("-NoLogo", "-NoProfile", "-NonInteractive", "-ExecutionPolicy", "Bypass", "-File", str(script))
    try:
        done = subprocess.run(  # noqa: S603 - our own script
            (str(powershell), *options, *map(str, arguments)),
            capture_output=True,
            timeout=SECONDS,
            check=False,
            stdin=subprocess.DEVNULL,
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
    except subprocess.TimeoutExpired:
        raise UnreadError(_("{command} did not answer in time").format(command="PowerShell")) from None
    except OSError as failed:
        why = failed.strerror or str(failed)
        raise UnreadError(_("{command} failed: {why}").format(command="PowerShell", why=why)) from None
    return parse(done.stdout.decode("utf-8", errors="replace"))
