"""Which services run, as systemd or Windows says."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from haidang_agent.i18n import _
from haidang_agent.unread import UnreadError

UNIT = re.compile(r"[A-Za-z0-9:_.@\\-]{1,255}")
"""systemd.unit(5)."""
BOOTED = Path("/run/systemd/system")
"""sd_booted(3)."""
PATIENCE_SECONDS = 10
RUNNING = frozenset({"active", "reloading"})


def running(names: tuple[str, ...]) -> dict[str, bool]:
    """Whether each runs; one that does not exist does not. Raises UnreadError."""
    if sys.platform == "win32":
        return {name: _runs_on_windows(name) for name in names}
    if wrong := [name for name in names if not UNIT.fullmatch(name)]:
        raise UnreadError(_("{name} is no name of a service").format(name=repr(wrong[0])))
    told = _systemctl("--property=ActiveState", "--", *names).split("\n\n")
    states = [block.strip().removeprefix("ActiveState=") for block in told]
    if len(states) != len(names):
        raise UnreadError(
            _("systemctl told of {told} services, not of {asked}").format(told=len(told), asked=len(names))
        )
    return {name: state in RUNNING for name, state in zip(names, states, strict=True)}


def failed_units() -> int:
    """How many units systemd counts as failed. Raises UnreadError."""
    if sys.platform == "win32":
        raise UnreadError(_("Windows counts no failed services"))
    told = _systemctl("--property=NFailedUnits").strip().removeprefix("NFailedUnits=")
    if not told.isdecimal():
        raise UnreadError(_("systemctl does not tell: {why}").format(why=repr(told[:100])))
    return int(told)


def _systemctl(*arguments: str) -> str:
    program = shutil.which("systemctl")
    if program is None or not BOOTED.is_dir():
        raise UnreadError(_("this machine was not started by systemd"))
    try:
        done = subprocess.run(  # noqa: S603 - names are checked and stand behind --
            [program, "show", *arguments],
            env={**os.environ, "LC_ALL": "C"},
            capture_output=True,
            timeout=PATIENCE_SECONDS,
            check=False,
            text=True,
            errors="replace",
        )
    except (OSError, subprocess.TimeoutExpired) as failed:
        raise UnreadError(_("systemctl does not tell: {why}").format(why=failed)) from failed
    if done.returncode:
        raise UnreadError(_("systemctl does not tell: {why}").format(why=done.stderr.strip()[:200]))
    return done.stdout


if sys.platform == "win32":
    import psutil

    def _runs_on_windows(name: str) -> bool:
        try:
            return bool(psutil.win_service_get(name).status() == "running")
        except psutil.NoSuchProcess:
            return False
        except psutil.Error as refused:
            raise UnreadError(_("Windows does not tell: {why}").format(why=refused)) from refused
