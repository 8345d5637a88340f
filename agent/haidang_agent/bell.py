"""What the main thread waits for: rung by other threads, by signal handlers, and by every signal itself."""

from __future__ import annotations

import signal
import socket
from contextlib import suppress

MANY = 4096


class Bell:
    """Rings before `wait` are heard by it, all at once.

    A thread that waits for a lock may miss a signal: one that comes just before, or that the system gives to another
    thread, is handled only when the main thread does something next. Python writes to a wakeup descriptor in any case
    (signal.set_wakeup_fd), and so a wait for that ends.
    """

    def __init__(self) -> None:
        self._ear, self._rope = socket.socketpair()
        self._rope.setblocking(False)

    def ring(self) -> None:
        """A signal handler may: nothing is waited for."""
        with suppress(BlockingIOError):  # it rings already
            self._rope.send(b"\0")

    def ring_at_signals(self) -> None:
        """For the main thread only; those with a handler in Python."""
        signal.set_wakeup_fd(self._rope.fileno(), warn_on_full_buffer=False)

    def wait(self) -> None:
        """Until it rings."""
        self._ear.recv(MANY)
