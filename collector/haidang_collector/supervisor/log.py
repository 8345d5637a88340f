"""The log of a child: a file of bounded size, written line by line with the time, and its last words."""

from __future__ import annotations

import contextlib
import logging
import logging.handlers
import threading
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

FILE_BYTES = 2 << 20
"""One older file of this size is kept beside it."""
LINE_BYTES = 16 << 10
DRAIN_SECONDS = 1.0


class ChildLog:
    """Takes in what a child writes, in a thread of its own, until the child closes its end."""

    def __init__(self, path: Path, output: IO[bytes]) -> None:
        self._path = path
        self._output = output
        self._last_words = ""
        self._thread = threading.Thread(target=self._keep, name=f"log of {path.stem}", daemon=True)
        self._thread.start()

    def last_words(self) -> str:
        """The last line it wrote. After the child's end this waits for what is still on the way."""
        self._thread.join(DRAIN_SECONDS)
        return self._last_words

    def _keep(self) -> None:
        file = _File(self._path, maxBytes=FILE_BYTES, backupCount=1, encoding="utf-8", delay=True)
        file.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
        with self._output:
            while line := self._output.readline(LINE_BYTES):
                text = line.decode(errors="replace").rstrip()
                if text:
                    self._last_words = text
                    file.handle(logging.makeLogRecord({"msg": text}))
        with contextlib.suppress(OSError):  # the disk is full: as `_File.handleError`
            file.close()


class _File(logging.handlers.RotatingFileHandler):
    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        """The disk is full or away: the line is lost, but the child is read on, or it would stop at a full pipe."""
