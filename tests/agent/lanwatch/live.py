"""A live watch without a socket: its machine has a MAC address, and its detectors remember."""

from __future__ import annotations

from typing import TYPE_CHECKING

from haidang_agent.lanwatch.frames import dissect
from haidang_agent.lanwatch.pcap import Packet
from haidang_agent.lanwatch.remembering import Remembering
from haidang_agent.lanwatch.watch import Watch
from haidang_agent.probe import Memory

from tests.agent.lanwatch.building import START, ip, mac

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from haidang_agent.lanwatch.incident import Change

    from tests.agent.lanwatch.building import Timed

AGENT = "00:1f:16:00:99:99"


def watching(memory: Memory | None = None, routers: Iterable[str] = ()) -> Watch:
    watch = Watch()
    watch.lan.own = frozenset((mac(AGENT),))
    watch.lan.dhcp_servers.routers = frozenset(map(ip, routers))
    memory = memory or Memory()
    for detector in watch.kinds.values():
        if isinstance(detector, Remembering):
            detector.memory = memory
    return watch


def changes(watch: Watch, frames: Iterable[Timed], until: float | None = None) -> Iterator[Change]:
    """Of these frames, in the order of their times; then time passes `until` so many seconds after the start."""
    when = 0.0
    for when, data in sorted(frames):
        frame = dissect(Packet(1, START + when, 0, 1, len(data), data))
        assert frame is not None
        yield from watch.feed(frame)
    for later in range(int(when) + 1, int(until or when) + 1):
        yield from watch.tick(START + later)


def told(
    watch: Watch, frames: Iterable[Timed], until: float | None = None, kinds: Iterable[str] = ()
) -> list[tuple[str, str, str]]:
    """State, kind and severity, changes of what is open left out; of these kinds alone where some are named."""
    return [
        (change.state, change.incident.kind, change.incident.severity)
        for change in changes(watch, frames, until)
        if change.state != "changed" and (not kinds or change.incident.kind in kinds)
    ]
