"""Counts the kinds of equipment that hang on this machine."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from haidang_agent.unread import UnreadError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from haidang_agent.probe import Host

KINDS = ("webcam", "printer", "display")


@dataclass(frozen=True, slots=True)
class Found:
    """Pieces by kind; for a kind that could not be read, why, in the reader's language."""

    counts: dict[str, int]
    unread: dict[str, str]


def look(host: Host) -> Found:
    """Look once: some milliseconds on Linux, seconds of PowerShell on Windows. Raises UnreadError."""
    if sys.platform == "win32":
        from haidang_agent.equipment import windows  # noqa: PLC0415 - each system loads its own half

        return counted(windows.readers(windows.ask()))
    return on_linux(host.proc.parent, host.sys)


def on_linux(root: Path, sysfs: Path) -> Found:
    from haidang_agent.equipment import linux  # noqa: PLC0415 - as above

    return counted(linux.readers(root, sysfs))


def counted(readers: Mapping[str, Callable[[], int]]) -> Found:
    """What each reader counts; they raise UnreadError."""
    found = Found({}, {})
    for kind in KINDS:
        try:
            found.counts[kind] = readers[kind]()
        except UnreadError as why:
            found.unread[kind] = str(why)
    return found
