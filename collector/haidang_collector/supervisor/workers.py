"""The processes of `haidang serve --workers N`: started, started again when they die, and stopped together.

They are forked from one that has everything loaded and nothing opened, so one that died is back within a second or
two. That one serves nobody: it waits for signals, its children's among them, and never has two things to do at once.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import shutil
import signal
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from haidang_collector.supervisor.child import Pauses
from haidang_collector.supervisor.leash import is_held
from haidang_collector.worker import Worker, note

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.context import ForkProcess

READY = signal.SIGUSR1
"""What a worker that listens sends its parent."""
ASKED_TO_STOP = (signal.SIGINT, signal.SIGTERM)
WATCHED = (*ASKED_TO_STOP, signal.SIGCHLD, READY)
STOP_SECONDS = 25.0
"""For what is under way; less than the 30 s that systemd gives all of us."""
MEMORY = Path("/dev/shm")  # noqa: S108 - the folder made in it has a random name and is this user's only

_FORK = multiprocessing.get_context("fork")


@dataclass
class _Place:
    """Of one worker: `process` while there is one, otherwise when the next is due, on the monotonic clock."""

    number: int
    process: ForkProcess | None = None
    due: float = 0.0
    started: float = 0.0
    note: Path | None = None
    pauses: Pauses = field(default_factory=Pauses)


class Workers:
    """`serve` runs in each, and calls what it is given when it listens. `say` is told what people are to know."""

    def __init__(
        self, count: int, serve: Callable[[Worker, Callable[[], None]], None], say: Callable[[str], None]
    ) -> None:
        self._places = [_Place(number) for number in range(1, count + 1)]
        self._serve = serve
        self._say = say
        self._parent = os.getpid()
        self._started = time.time()

    def run(self, listening: Callable[[], None]) -> int:
        """Until SIGTERM or SIGINT; exit status. `listening` is called as soon as somebody answers.

        When one ends before that, so do all, with its status: the next would fare no better.
        """
        gc.freeze()  # so that workers share the memory of what was loaded, as nobody writes to it
        signal.pthread_sigmask(signal.SIG_BLOCK, WATCHED)
        memory = MEMORY if os.access(MEMORY, os.W_OK) else None
        with tempfile.TemporaryDirectory(prefix="haidang-", dir=memory) as folder:
            try:
                return self._watch(Path(folder), listening)
            finally:
                self._stop()

    def _watch(self, folder: Path, listening: Callable[[], None]) -> int:
        answered = False
        while True:
            for place in self._places:
                if place.process is None and place.due <= time.monotonic():
                    self._start(place, folder)
            came = signal.sigtimedwait(WATCHED, self._until_next())
            if came is not None and came.si_signo in ASKED_TO_STOP:
                return 0
            if came is not None and came.si_signo == READY and not answered:
                answered = True
                listening()
            for place in self._places:
                if place.process is not None and place.process.exitcode is not None:
                    status = place.process.exitcode
                    if not answered:
                        return status if status > 0 else 1
                    self._mourn(place, status)

    def _until_next(self) -> float:
        """Seconds until somebody is to be started; what comes sooner is a signal."""
        due = [place.due - time.monotonic() for place in self._places if place.process is None]
        return max(0.0, min(due, default=60.0))

    def _start(self, place: _Place, folder: Path) -> None:
        """Where there is no memory for a process now, those that serve go on, and it is tried again."""
        worker = Worker(place.number, self._started, folder)
        place.started = time.monotonic()
        folder.mkdir(0o700, exist_ok=True)  # systemd-logind removes it when the user who started us logs out
        process = _FORK.Process(target=self._become, args=(worker,), name=f"worker {place.number}")
        try:
            process.start()
        except OSError as failed:
            pause = place.pauses.after(0.0)
            place.due = time.monotonic() + pause
            self._say(f"worker {place.number} cannot be started ({failed.strerror}); it is tried again in {pause:g} s")
            return
        place.process = process
        place.note = note(folder, place.number, process.pid or 0)

    def _become(self, worker: Worker) -> None:
        """In the new process."""
        if not is_held(self._parent):
            sys.exit(1)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, WATCHED)
        try:
            self._serve(worker, lambda: os.kill(self._parent, READY))
        finally:
            if worker.counts is not None and os.getppid() != self._parent:
                shutil.rmtree(worker.counts, ignore_errors=True)  # the parent was killed; others of us do the same

    def _mourn(self, place: _Place, status: int) -> None:
        pid = place.process.pid if place.process else 0
        pause = place.pauses.after(time.monotonic() - place.started)
        how = f"ended with status {status}" if status >= 0 else f"was ended by {signal.Signals(-status).name}"
        self._say(f"worker {place.number} (process {pid}) {how}; it starts again in {pause:g} s")
        if place.note is not None:
            place.note.unlink(missing_ok=True)
        place.process, place.note, place.due = None, None, time.monotonic() + pause

    def _stop(self) -> None:
        """SIGTERM to all, and SIGKILL to whom that does not help in time."""
        processes = [place.process for place in self._places if place.process is not None]
        for process in processes:
            process.terminate()
        deadline = time.monotonic() + STOP_SECONDS
        for process in processes:
            process.join(max(0.0, deadline - time.monotonic()))
            if process.exitcode is None:
                process.kill()
                process.join()
