"""Takes virtual schools away, also where the program that made them cannot: SIGKILL, SIGTERM, a closed terminal.

A school's namespaces carry their maker's process id and start time in their names. Beside every school runs this file
as a program of its own, told by a pipe when the maker is gone. Where even that was killed, the next school sweeps.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

NAMESPACES = Path("/run/netns")
MADE_BY = re.compile(r"hd(\d+)\.(\d+)-")
ALL_IS_GONE = b"gone"
SECONDS_TO_DIE = 5.0
SECONDS_TO_SETTLE = 0.3
"""An `ip netns add` that the maker began may outlive it for a moment."""


def maker() -> str:
    """What this process's namespaces begin with; the start time tells it from a later one with the same id."""
    return f"hd{os.getpid()}.{_start_time(os.getpid())}-"


def namespaces() -> list[str]:
    """The names of all that exist."""
    return sorted(entry.name for entry in NAMESPACES.iterdir()) if NAMESPACES.is_dir() else []


def kill_inside(names: Collection[str]) -> None:
    """SIGKILL to every process in these namespaces, until there is none."""
    numbers = {(NAMESPACES / name).stat().st_ino for name in names if (NAMESPACES / name).exists()}
    deadline = time.monotonic() + SECONDS_TO_DIE
    while found := _processes_in(numbers):
        if time.monotonic() > deadline:
            raise TimeoutError(f"processes {found} did not die within {SECONDS_TO_DIE:.0f} s of SIGKILL")
        for process in found:
            try:
                os.kill(process, signal.SIGKILL)
            except ProcessLookupError:
                continue
        time.sleep(0.005)


def remove(names: Collection[str]) -> None:
    """The processes inside, then the namespaces with all their interfaces; those gone already are no error."""
    kill_inside(names)
    lines = "".join(f"netns del {name}\n" for name in names)
    subprocess.run(["ip", "-force", "-batch", "-"], input=lines, text=True, capture_output=True, check=False)


def sweep() -> None:
    """Remove what dead programs left."""
    remove([name for name in namespaces() if _is_left(name)])
    for folder in Path(tempfile.gettempdir()).iterdir():
        if _is_left(folder.name):
            shutil.rmtree(folder, ignore_errors=True)


def main(prefix: str, folder: str) -> None:
    """Waits for the pipe to close; without the word that all is gone, it sees to that itself."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    if sys.stdin.buffer.read() == ALL_IS_GONE:
        return
    for pause in (SECONDS_TO_SETTLE, 0):
        remove([name for name in namespaces() if name.startswith(prefix)])
        time.sleep(pause)
    shutil.rmtree(folder, ignore_errors=True)


def _is_left(name: str) -> bool:
    made = MADE_BY.match(name)
    return made is not None and _start_time(int(made[1])) != made[2]


def _start_time(process: int) -> str | None:
    """Clock ticks since boot, field 22 of proc(5)'s stat; None where there is no such process, or a dead one."""
    try:
        fields = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] in "ZX" else fields[19]


def _processes_in(namespace_numbers: Collection[int]) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and (entry / "ns/net").stat().st_ino in namespace_numbers:
                found.append(int(entry.name))
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue  # it ended meanwhile, or is about to: a zombie has no namespace
    return [process for process in found if process != os.getpid()]


if __name__ == "__main__":
    main(*sys.argv[1:])
