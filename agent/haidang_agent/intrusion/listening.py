"""Sockets of the watched interfaces: opened, read in batches, closed when an interface goes; and what may be spent.

A thread that reads everything a broken network sends would take a whole core. It may take a tenth; what comes faster is
lost in the kernel, and counted.
"""

from __future__ import annotations

import logging
import select
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from haidang_agent.intrusion.selection import selection
from haidang_agent.platform.capture import Capture
from haidang_agent.platform.subnets import own_subnets

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterable, Iterator

    from haidang_agent.platform.capture import Captured

log = logging.getLogger(__name__)

BATCH_SECONDS = 0.05
BATCH_FRAMES = 256
SPENT_AT_MOST = 0.1
"""Processor seconds within a second."""
NETWORK_FOLDER = Path("/sys/class/net")


class Listening:
    """The interfaces named, or all that hold an IPv4 subnet but those `outside`. Used by one thread."""

    def __init__(self, interfaces: tuple[str, ...], outside: frozenset[str], ending: threading.Event) -> None:
        self._interfaces, self._outside, self._ending = interfaces, outside, ending
        self._captures: dict[str, Capture] = {}
        self._refused: set[str] = set()
        self._spent = 0.0
        self._udp = False

    @property
    def interfaces(self) -> dict[int, str]:
        """Those that are watched now, by index. Any thread may ask."""
        return {capture.index: capture.interface for capture in tuple(self._captures.values())}

    def look_around(self) -> None:
        """Open what came, close what went. Raises PermissionError, LookupError for an interface that is not here."""
        names = {subnet.interface for subnet in own_subnets(self._interfaces, self._outside)}
        for gone in self._captures.keys() - names:
            self._captures.pop(gone).close()
        for name in sorted(names - self._captures.keys()):
            try:
                self._captures[name] = Capture(name, self._program(name, names))
            except PermissionError:
                raise
            except OSError as failed:
                if name not in self._refused:
                    log.warning("%s is not watched: %s", name, failed.strerror or failed)
                self._refused.add(name)

    def include_udp(self, udp: bool) -> None:
        """Heads of all unicast UDP too, from now on."""
        self._udp = udp
        for name, capture in self._captures.items():
            capture.select(self._program(name, self._captures.keys()))

    def listen(self, until: float, take: Callable[[Capture, Captured], None]) -> None:
        """Hand over what comes, up to the monotonic time `until` or the end."""
        self._spent = time.thread_time()
        while not self._ending.is_set() and (left := until - time.monotonic()) > 0:
            if time.thread_time() - self._spent > SPENT_AT_MOST:
                self._ending.wait(left)
                return
            for capture in self._ready(left):
                self._read(capture, take)
            self._ending.wait(min(BATCH_SECONDS, max(until - time.monotonic(), 0.0)))

    def statistics(self) -> tuple[int, int]:
        """Frames looked into since the last call, and lost."""
        figures = [capture.statistics() for capture in self._captures.values()]
        lost = sum(each[1] for each in figures)
        return sum(each[0] for each in figures) - lost, lost

    def close(self) -> None:
        for capture in self._captures.values():
            capture.close()
        self._captures.clear()

    def _ready(self, seconds: float) -> Iterable[Capture]:
        if not self._captures:
            self._ending.wait(seconds)
            return ()
        poll = select.poll()
        by_number = {capture.fileno(): capture for capture in self._captures.values()}
        for number in by_number:
            poll.register(number, select.POLLIN)
        return [by_number[number] for number, _events in poll.poll(seconds * 1000)]

    def _read(self, capture: Capture, take: Callable[[Capture, Captured], None]) -> None:
        try:
            for captured in self._bounded(capture):
                take(capture, captured)
        except OSError as failed:
            log.info("%s is no longer watched: %s", capture.interface, failed.strerror)
            self._captures.pop(capture.interface).close()

    def _bounded(self, capture: Capture) -> Iterator[Captured]:
        """All that waits, as long as there is time to spend."""
        while time.thread_time() - self._spent <= SPENT_AT_MOST:
            batch = list(capture.read(BATCH_FRAMES))
            yield from batch
            if len(batch) < BATCH_FRAMES:
                return

    def _program(self, name: str, watched: Iterable[str]) -> bytes:
        """Frames of a VLAN whose sub-interface is watched as well are seen there."""
        has_upper = any((NETWORK_FOLDER / name / f"upper_{other}").exists() for other in watched)
        return selection(udp=self._udp, tagged=not has_upper)


def own_macs() -> frozenset[bytes]:
    """Of all interfaces of this machine."""
    held = [address for addresses in psutil.net_if_addrs().values() for address in addresses]
    texts = {each.address.replace("-", ":") for each in held if each.family == psutil.AF_LINK}
    return frozenset(mac for mac in (bytes.fromhex(text.replace(":", "")) for text in texts) if any(mac))
