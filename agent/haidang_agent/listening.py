"""TCP ports that the agent listens at, also where the machine gets the address only after the agent has started."""

from __future__ import annotations

import errno
import logging
import socket

log = logging.getLogger(__name__)

AGAIN_SECONDS = 5.0
"""Between two tries for an address that is not there yet."""
BACKLOG = 128


class Port:
    """`setting` is where `listen` (host:port) is written, for what is said about it."""

    def __init__(self, setting: str, listen: str) -> None:
        host, _, port = listen.rpartition(":")
        self._setting, self._listen = setting, listen
        self._place = host.strip("[]"), int(port)
        self._is_late = False
        self._said: int | None = errno.EADDRNOTAVAIL
        self.number: int | None = None
        """Once it listens: `listen` may leave the choice to the system, by 0."""

    def open(self) -> socket.socket | None:
        """A socket that listens there; None while this machine has no such address, which is said once: try again.

        Raises OSError at the first try where it cannot be had; later it is None then, too.
        """
        family = socket.AF_INET6 if ":" in self._place[0] else socket.AF_INET
        both = family == socket.AF_INET6 and socket.has_dualstack_ipv6()
        try:
            opened = socket.create_server(self._place, family=family, backlog=BACKLOG, dualstack_ipv6=both)
        except OSError as failed:
            if failed.errno == errno.EADDRNOTAVAIL and not self._is_late:
                log.warning("%s: this machine has no address %s now; tried again", self._setting, self._place[0])
                self._is_late = True
            if self._is_late:
                self._say_once(failed)
                return None
            why = _why(failed)
            raise OSError(f"{self._setting} = {self._listen!r}: {why}; choose another port there") from failed
        self.number = opened.getsockname()[1]
        if self._is_late:
            log.info("%s: the address %s is there now", self._setting, self._place[0])
        return opened

    def _say_once(self, failed: OSError) -> None:
        if failed.errno != self._said:
            self._said = failed.errno
            log.warning("%s = %s: %s; tried again", self._setting, self._listen, _why(failed))


def _why(failed: OSError) -> str:
    """Without the address that Python puts behind it."""
    return (failed.strerror or "").partition(" (while")[0]
