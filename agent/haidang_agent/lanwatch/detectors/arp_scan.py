"""One machine asks by ARP for address after address: it looks who is there, as malware does before it spreads."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING

from haidang_agent.i18n import N_
from haidang_agent.lanwatch.bounded import Table
from haidang_agent.lanwatch.incident import Change, Detector, Evidence, Severity
from haidang_agent.lanwatch.naming import ip_text, mac_text
from haidang_agent.lanwatch.protocols.arp import Arp

if TYPE_CHECKING:
    from collections.abc import Iterator

    from haidang_agent.lanwatch.frames import Frame
    from haidang_agent.lanwatch.lan import Lan, Segment

MOST_STATIONS = 512
MOST_TARGETS = 256
SCANS = ((50, 60.0), (200, 600.0))
"""Different addresses, and the seconds in which nobody but a scanner asks for so many.

A teacher's PC that calls a whole computer room asks for some 40."""

ASKS = N_("{mac} asked for {targets} different addresses in {seconds:.0f} s, {requests} times in all")
ROUTER_ASKS = N_("{mac}, which serves this network, asked for {targets} different addresses in {seconds:.0f} s")


@dataclass(slots=True)
class _Asker:
    """`targets`: when each address was last asked for, the latest last."""

    targets: dict[bytes, float] = field(default_factory=dict)
    requests: int = 0
    since: float = 0.0
    seen: int = 0

    def ask(self, target: bytes, now: float) -> None:
        self.requests += 1
        if self.targets.pop(target, None) is None:
            self.seen += 1
        self.targets[target] = now
        if len(self.targets) > MOST_TARGETS:
            del self.targets[next(iter(self.targets))]

    def is_scanning(self, now: float) -> bool:
        for number, seconds in SCANS:
            if len(self.targets) >= number:
                oldest = next(islice(reversed(self.targets.values()), number - 1, None))
                if oldest >= now - seconds:
                    return True
        return False


class ArpScan(Detector):
    """A warning; information only where a router or server of the network looks after its own clients."""

    kind = "arp_scan"
    severities = ("warning", "info")
    takes = (Arp,)

    def __init__(self, lan: Lan) -> None:
        self._lan = lan
        super().__init__()
        self._askers: Table[tuple[Segment, bytes], _Asker] = Table(MOST_STATIONS, _Asker)

    def feed(self, frame: Frame) -> Iterator[Change]:
        arp = frame.message
        if not isinstance(arp, Arp) or arp.is_reply or arp.is_announcement:
            return
        if arp.sender_mac in self._lan.own or arp.sender_mac in self._lan.scanners:
            return
        asker = self._askers[frame.segment, arp.sender_mac]
        is_new = not asker.requests or frame.time - asker.since > SCANS[-1][1]
        if is_new and not self._cases.has(frame.segment, arp.sender_mac):
            asker.since, asker.requests, asker.seen = frame.time, 0, 0
        asker.ask(arp.target, frame.time)
        if asker.is_scanning(frame.time):
            yield from self._report(frame, arp, asker)

    def _report(self, frame: Frame, arp: Arp, asker: _Asker) -> Iterator[Change]:
        is_router = self._lan.is_infrastructure(frame.segment, arp.sender_mac)
        evidence = Evidence(ROUTER_ASKS if is_router else ASKS, {
            "mac": mac_text(arp.sender_mac), "targets": asker.seen,
            "seconds": max(frame.time - asker.since, 0.0), "requests": asker.requests,
        })  # fmt: skip
        subject = {"mac": mac_text(arp.sender_mac), "ip": ip_text(arp.sender)}
        severity: Severity = "info" if is_router else "warning"
        yield from self._cases.report(frame, arp.sender_mac, severity, evidence, subject, asker.since)


DETECTOR = ArpScan
