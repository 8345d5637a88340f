"""Two machines with one IPv4 address.

Both use it, or one tried it and the other answered (RFC 5227, section 2.1.1), or a DHCP client found it in use and
declined it (RFC 2131, section 3.1). Switches that keep track of addresses try them as well, but ask their owners alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from haidang_agent.i18n import N_
from haidang_agent.lanwatch.bounded import Table
from haidang_agent.lanwatch.incident import Change, Detector, Evidence, Severity
from haidang_agent.lanwatch.naming import ip_text, mac_text
from haidang_agent.lanwatch.protocols.arp import Arp
from haidang_agent.lanwatch.protocols.dhcp import DECLINE, Dhcp

if TYPE_CHECKING:
    from collections.abc import Iterator

    from haidang_agent.lanwatch.frames import Frame
    from haidang_agent.lanwatch.lan import Lan, Segment

MOST_STATIONS = 1024
MOST_TRIES = 3
"""Who tries so many different addresses is looking around."""
ANSWER_SECONDS = 1.0

BOTH_CLAIM = N_("{mac} and {rival} both use {ip}")
TRIED = N_("{mac} tried {ip} and {rival} answered that it has it")
DECLINED = N_("{mac} got {ip} by DHCP, found it in use, and gave it back")


class IpConflict(Detector):
    """A warning; critical where the address is the router's, for then nobody has Internet."""

    kind = "ip_conflict"
    severities = ("critical", "warning")
    takes = (Arp, Dhcp)

    def __init__(self, lan: Lan) -> None:
        self._lan = lan
        self._tries: Table[tuple[Segment, bytes], dict[bytes, float]] = Table(MOST_STATIONS, dict)
        super().__init__()

    def feed(self, frame: Frame) -> Iterator[Change]:
        message = frame.message
        if isinstance(message, Arp):
            yield from self._judge(frame, message.sender)
            yield from self._follow_try(frame, message)
        elif isinstance(message, Dhcp) and message.type == DECLINE and message.requested:
            values = {"mac": mac_text(message.client_mac), "ip": ip_text(message.requested)}
            yield from self._report(frame, message.requested, Evidence(DECLINED, values), values, frame.time)

    def _judge(self, frame: Frame, address: bytes) -> Iterator[Change]:
        verdict = self._lan.claims.judge(frame.segment, address, frame.time)
        if verdict and verdict.kind == "spoof":
            yield from self._cases.withdraw(frame.segment, address)
        elif verdict:
            values = {"ip": ip_text(address), "mac": mac_text(verdict.suspect), "rival": mac_text(verdict.rival)}
            subject = {"ip": values["ip"], "mac": values["mac"], "other_mac": values["rival"]}
            yield from self._report(frame, address, Evidence(BOTH_CLAIM, values), subject, verdict.since)

    def _follow_try(self, frame: Frame, arp: Arp) -> Iterator[Change]:
        if arp.is_probe and not arp.is_reply and frame.is_group:
            tries = self._tries[frame.segment, arp.sender_mac]
            tries[arp.target] = frame.time
            if len(tries) > MOST_TRIES:
                del tries[next(iter(tries))]
            return
        known = self._tries.get((frame.segment, arp.target_mac)) if arp.is_reply else None
        if not known or len(known) == MOST_TRIES or arp.sender_mac == arp.target_mac:
            return
        if 0 <= frame.time - known.get(arp.sender, float("-inf")) < ANSWER_SECONDS:
            values = {"ip": ip_text(arp.sender), "mac": mac_text(arp.target_mac), "rival": mac_text(arp.sender_mac)}
            subject = {"ip": values["ip"], "mac": values["mac"], "other_mac": values["rival"]}
            yield from self._report(frame, arp.sender, Evidence(TRIED, values), subject, frame.time)

    def _report(
        self, frame: Frame, address: bytes, evidence: Evidence, subject: dict[str, str], since: float
    ) -> Iterator[Change]:
        severity: Severity = "critical" if self._lan.is_gateway(frame.segment, address) else "warning"
        yield from self._cases.report(frame, address, severity, evidence, subject, since)


DETECTOR = IpConflict
