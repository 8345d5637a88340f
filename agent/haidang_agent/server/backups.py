"""When the newest backup of a folder, or of a pattern such as `/srv/backup/*.gz`, was written."""

from __future__ import annotations

import glob
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from haidang_agent.i18n import _
from haidang_agent.unread import UnreadError

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_FILES = 100_000
AHEAD_SECONDS = 3600.0
"""A file written later than so long from now was dated by a wrong clock."""


def newest(place: str, now: float) -> float:
    """By this machine's clock, as is `now`: Unix seconds. Empty files are no backups.

    Raises UnreadError where there is none, or what is there can't be looked at.
    """
    times, unreadable = [], ""
    for number, path in enumerate(_files(place)):
        if number == MOST_FILES:
            raise UnreadError(_("{place} holds more than {most} files").format(place=place, most=MOST_FILES))
        try:
            told = os.stat(path)  # noqa: PTH116 - a hundred thousand files
        except OSError as failed:
            unreadable = str(failed)
            continue
        if stat.S_ISREG(told.st_mode) and told.st_size > 0 and told.st_mtime <= now + AHEAD_SECONDS:
            times.append(told.st_mtime)
    if not times:
        raise UnreadError(
            _("{place} holds no backup: {why}").format(place=place, why=unreadable or _("no file with content"))
        )
    return max(times)


def _files(place: str) -> Iterator[str]:
    """Of a folder what lies directly in it."""
    if glob.has_magic(place) and not Path(place).exists():
        yield from glob.iglob(place)  # noqa: PTH207 - pathlib takes no absolute pattern
        return
    try:
        with os.scandir(place) as entries:
            yield from (entry.path for entry in entries)
    except NotADirectoryError:
        yield place
    except OSError as failed:
        raise UnreadError(_("{place} is not read: {why}").format(place=place, why=failed)) from failed
