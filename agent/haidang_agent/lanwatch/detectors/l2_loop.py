"""A loop of switches or cables: the same broadcast, byte by byte, comes round and round.

Sixteen bits of IP identification and most protocols' own counters make honest frames differ, and those that do not
(ARP above all) are not sent dozens of times a second.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from haidang_agent.i18n import N_
from haidang_agent.lanwatch.bounded import Recent, Table
from haidang_agent.lanwatch.frames import ETHERTYPE_ARP, ETHERTYPE_IPV4, ETHERTYPE_IPV6, Frame
from haidang_agent.lanwatch.incident import Change, Detector, Evidence
from haidang_agent.lanwatch.naming import mac_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from haidang_agent.lanwatch.lan import Lan, Segment

MOST_FRAMES = 4096
MOST_SEGMENTS = 256
WINDOW_SECONDS = 1.0
COPIES_OF_ONE = 30
COPIES_OF_SOME, COPIES_OF_ALL = 10, 60
"""Copies within a second: of one frame, or of one and of all together."""
LOOPED = frozenset({ETHERTYPE_ARP, ETHERTYPE_IPV4, ETHERTYPE_IPV6})
"""BPDUs, flow control and field buses such as EtherCAT repeat frames by design."""

CIRCLES = N_("the same frame of {mac} came {copies} times within a second, {frames} different frames did so")


class L2Loop(Detector):
    """Critical: the network is about to stand still, or does already."""

    kind = "l2_loop"
    severities = ("critical",)
    quiet = 30.0
    takes = (Frame,)

    def __init__(self, lan: Lan) -> None:
        self._lan = lan
        super().__init__()
        self._seen: Table[int, tuple[float, int]] = Table(MOST_FRAMES, lambda: (float("-inf"), 0))
        self._copies: Table[Segment, Recent[int]] = Table(MOST_SEGMENTS, lambda: Recent(WINDOW_SECONDS, MOST_FRAMES))

    def feed(self, frame: Frame) -> Iterator[Change]:
        if not frame.is_group or frame.ethertype not in LOOPED:
            return
        print_of_it = hash((frame.segment, frame.data))
        since, copies = self._seen[print_of_it]
        if not 0 <= frame.time - since <= WINDOW_SECONDS:
            since, copies = frame.time, 0
        self._seen[print_of_it] = since, copies + 1
        if not copies:
            return
        recent = self._copies[frame.segment]
        recent.add(frame.time, print_of_it)
        if copies + 1 >= COPIES_OF_ONE or (copies + 1 >= COPIES_OF_SOME and len(recent) >= COPIES_OF_ALL):
            self._lan.looping[frame.segment] = frame.time + WINDOW_SECONDS
            values = {"mac": mac_text(frame.source), "copies": copies + 1, "frames": len(recent.keys)}
            subject = {"mac": mac_text(frame.source)}
            evidence = Evidence(CIRCLES, values)
            yield from self._cases.report(frame, "loop", "critical", evidence, subject, since)


DETECTOR = L2Loop
