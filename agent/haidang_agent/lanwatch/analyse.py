"""A capture file from the first packet to the last, and what was found in it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, BinaryIO

from haidang_agent.i18n import N_
from haidang_agent.lanwatch.frames import dissect
from haidang_agent.lanwatch.incident import SEVERITIES, Change, Incident
from haidang_agent.lanwatch.pcap import read_packets
from haidang_agent.lanwatch.problems import Problems
from haidang_agent.lanwatch.watch import Watch

if TYPE_CHECKING:
    from collections.abc import Callable

MOST_INCIDENTS = 1000
TELL_EVERY = 10_000

OTHER_LINK = N_("{number} packets of link type {link_type} ({name}) were not looked into (first: packet {frame})")
MALFORMED = N_(
    "{number} packets whose {protocol} is malformed or cut short were not looked into (first: packet {frame})"
)
MANY_INCIDENTS = N_("{number} changes of further incidents are not listed: there are more than 1000")
LINK_NAMES = {
    9: "PPP", 105: "IEEE 802.11", 119: "IEEE 802.11 Prism", 127: "IEEE 802.11 radiotap", 163: "IEEE 802.11 AVS",
    189: "USB", 192: "PPI", 195: "IEEE 802.15.4", 220: "USB", 239: "NFLOG",
}  # fmt: skip


@dataclass(slots=True)
class Analysis:
    """`packets` counts all that the file holds, looked into or not."""

    packets: int = 0
    incidents: list[Incident] = field(default_factory=list)
    dhcp_servers: list[dict[str, Any]] = field(default_factory=list)
    problems: Problems = field(default_factory=Problems)


class _Findings:
    """Incidents by kind and subject: one that closed and came again is one."""

    def __init__(self, problems: Problems) -> None:
        self._problems = problems
        self._found: dict[tuple[str, tuple[tuple[str, str], ...]], Incident] = {}

    def take(self, change: Change) -> None:
        incident = change.incident
        key = incident.kind, tuple((name, str(value)) for name, value in incident.subject.items())
        known = self._found.get(key)
        if change.state == "withdrawn":
            self._found.pop(key, None)
        elif known:
            self._found[key] = replace(incident, first_seen=min(known.first_seen, incident.first_seen))
        elif len(self._found) < MOST_INCIDENTS:
            self._found[key] = incident
        else:
            self._problems.note(MANY_INCIDENTS)

    def sorted(self) -> list[Incident]:
        """The worst first, then the earliest."""
        return sorted(self._found.values(), key=lambda one: (SEVERITIES.index(one.severity), one.first_seen))


def analyse(stream: BinaryIO, tell: Callable[[int], None] = lambda _packets: None) -> Analysis:
    """Read a capture to its end. `tell` hears of every 10,000th packet. Raises NotACaptureError, OSError."""
    result = Analysis()
    watch, findings = Watch(), _Findings(result.problems)
    for packet in read_packets(stream, result.problems):
        result.packets += 1
        if result.packets % TELL_EVERY == 0:
            tell(result.packets)
        frame = dissect(packet)
        if frame is None:
            name = LINK_NAMES.get(packet.link_type, "?")
            result.problems.note(OTHER_LINK, packet.number, link_type=packet.link_type, name=name)
            continue
        if frame.malformed:
            result.problems.note(MALFORMED, packet.number, protocol=frame.malformed)
        for change in watch.feed(frame):
            findings.take(change)
    result.incidents = findings.sorted()
    result.dhcp_servers = watch.lan.dhcp_servers.told()
    return result
