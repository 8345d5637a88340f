"""Far more ARP than a network needs, which is neither one scanner's (arp_scan) nor copies of one frame (l2_loop)."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from haidang_agent.i18n import N_
from haidang_agent.lanwatch.bounded import Recent, Table
from haidang_agent.lanwatch.incident import Change, Detector, Evidence
from haidang_agent.lanwatch.naming import MANY, mac_text
from haidang_agent.lanwatch.protocols.arp import Arp

if TYPE_CHECKING:
    from collections.abc import Iterator

    from haidang_agent.lanwatch.frames import Frame
    from haidang_agent.lanwatch.lan import Lan, Segment

WINDOW_SECONDS = 5.0
MOST_SEGMENTS = 64
FRAMES_OF_ONE, FRAMES_OF_ALL = 250, 1000
FEW_TARGETS = 50
"""Who asks for more is a scanner."""
LOOK_EVERY = 200

OF_ONE = N_("{mac} sent {frames} ARP broadcasts in {seconds:.0f} s for only {targets} addresses")
OF_ALL = N_("{frames} ARP broadcasts in {seconds:.0f} s, from {stations} machines")


class ArpStorm(Detector):
    """A warning for one machine, critical where the whole segment is flooded."""

    kind = "arp_storm"
    severities = ("critical", "warning")
    quiet = 60.0
    takes = (Arp,)

    def __init__(self, lan: Lan) -> None:
        self._lan = lan
        super().__init__()
        self._recent: Table[Segment, Recent[tuple[bytes, bytes]]] = Table(
            MOST_SEGMENTS, lambda: Recent(WINDOW_SECONDS, 2 * FRAMES_OF_ALL)
        )
        self._fed = 0

    def feed(self, frame: Frame) -> Iterator[Change]:
        arp = frame.message
        if not isinstance(arp, Arp) or not frame.is_group or self._lan.looping[frame.segment] >= frame.time:
            return
        recent = self._recent[frame.segment]
        recent.add(frame.time, (arp.sender_mac, arp.target))
        self._fed += 1
        if len(recent) >= FRAMES_OF_ONE and self._fed % LOOK_EVERY == 0:
            yield from self._look(frame, recent)

    def _look(self, frame: Frame, recent: Recent[tuple[bytes, bytes]]) -> Iterator[Change]:
        frames: Counter[bytes] = Counter()
        targets: Counter[bytes] = Counter()
        for (mac, _target), number in recent.keys.items():
            frames[mac] += number
            targets[mac] += 1
        storming = {mac: number for mac, number in frames.items() if targets[mac] < FEW_TARGETS}
        since, seconds = frame.time - recent.span, max(recent.span, 1.0)
        if sum(storming.values()) >= FRAMES_OF_ALL and max(storming.values()) < FRAMES_OF_ALL / 2:
            evidence = Evidence(OF_ALL, {"frames": len(recent), "seconds": seconds, "stations": len(storming)})
            yield from self._cases.report(frame, "all", "critical", evidence, {"senders": MANY}, since)
            return
        for mac, number in storming.items():
            if number >= FRAMES_OF_ONE:
                values = {"mac": mac_text(mac), "frames": number, "seconds": seconds, "targets": targets[mac]}
                subject = {"mac": mac_text(mac)}
                yield from self._cases.report(frame, mac, "warning", Evidence(OF_ONE, values), subject, since)


DETECTOR = ArpStorm
