"""When the newest backup of a folder, or of a pattern such as `/srv/backup/*.gz`, was written."""

from __future__ import annotations

import glob
import os
import stat
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from haidang_agent.i18n import _
from haidang_agent.unread import UnreadError

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_FILES = 100_000
AHEAD_SECONDS = 3600.0
"""A file written later than so long from now was dated by a wrong clock."""


def newest(place: str, now: float) -> float | None:
    """By this machine's clock, as is `now`: Unix seconds. Empty files are no backups; None where there is none.

    Raises UnreadError where what is there can't be looked at, or is dated in the future.
    """
    times, unreadable = [], ""
    for number, path in enumerate(_files(place)):
        if number == MOST_FILES:
            raise UnreadError(_("{place} holds more than {most} files").format(place=place, most=MOST_FILES))
        try:
            told = os.stat(path)  # noqa: PTH116 - a hundred thousand files
        except FileNotFoundError:
            continue
        except OSError as failed:
            unreadable = str(failed)
            continue
        if stat.S_ISREG(told.st_mode) and told.st_size > 0:
            times.append(told.st_mtime)
    past = [written for written in times if written <= now + AHEAD_SECONDS]
    if not past and unreadable:
        raise UnreadError(_("{place} is not read: {why}").format(place=place, why=unreadable))
    if not past and times:
        raise UnreadError(_("{place} holds only files dated in the future").format(place=place))
    return max(past, default=None)


def _files(place: str) -> Iterator[str]:
    """Of a folder what lies directly in it; nothing of one that is not there. Raises UnreadError."""
    try:
        if glob.has_magic(place) and not Path(place).exists():
            yield from _matching(place)
            return
        with os.scandir(place) as entries:
            yield from (entry.path for entry in entries)
    except NotADirectoryError:
        yield place
    except FileNotFoundError:
        return
    except OSError as failed:
        raise UnreadError(_("{place} is not read: {why}").format(place=place, why=failed)) from failed


def _matching(pattern: str) -> Iterator[str]:
    """Raises PermissionError where nothing matches, and a folder on the way could not be looked into."""
    found = False
    for path in glob.iglob(pattern):  # noqa: PTH207 - pathlib takes no absolute pattern
        found = True
        yield path
    if found:
        return
    for level in Path(pattern).parents:
        for folder in islice(glob.iglob(f"{level}/"), MOST_FILES):  # noqa: PTH207 - as above
            os.scandir(folder).close()
