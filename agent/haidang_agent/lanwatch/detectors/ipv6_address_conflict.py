"""Two machines with one IPv6 address, or one that claims what is not its own (RFC 4862, RFC 4861).

Either duplicate address detection was answered by another, or two MAC addresses keep advertising the address in turn.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from haidang_agent.i18n import N_
from haidang_agent.lanwatch.bounded import Table
from haidang_agent.lanwatch.claims import are_near
from haidang_agent.lanwatch.incident import Change, Detector, Evidence, Severity
from haidang_agent.lanwatch.naming import ip_text, mac_text
from haidang_agent.lanwatch.protocols.nd import Neighbour

if TYPE_CHECKING:
    from collections.abc import Iterator

    from haidang_agent.lanwatch.frames import Frame
    from haidang_agent.lanwatch.lan import Lan, Segment

MOST_ADDRESSES = 4096
UNSPECIFIED = bytes(16)
DETECTION_SECONDS = 5.0
DISPUTE_SECONDS = 60.0
AT_ONCE_SECONDS = 2.0
RETURNS = 2
MANY_DEFENDED = 3

DEFENDED = N_("{mac} tried {ip} and {rival} answered that it has it")
BOTH_TRY = N_("{mac} and {rival} try {ip} at the same time")
IN_TURN = N_("{mac} and {rival} advertise {ip} in turn")
DENIES_ALL = N_("{rival} claims every address that others try ({number} so far), so that nobody gets one")


@dataclass(slots=True)
class _Address:
    """Who tried it when, and who advertised it when, by MAC address."""

    tried: tuple[bytes, float] = (b"", float("-inf"))
    advertised: dict[bytes, float] = field(default_factory=dict)
    returns: deque[float] = field(default_factory=lambda: deque(maxlen=8))
    last: bytes = b""


class Ipv6AddressConflict(Detector):
    """A warning; critical where one machine does so to several others."""

    kind = "ipv6_address_conflict"
    severities = ("critical", "warning")
    takes = (Neighbour,)

    def __init__(self, lan: Lan) -> None:
        self._lan = lan
        super().__init__()
        self._addresses: Table[tuple[Segment, bytes], _Address] = Table(MOST_ADDRESSES, _Address)
        self._denied: Table[tuple[Segment, bytes], set[bytes]] = Table(MOST_ADDRESSES, set)

    def feed(self, frame: Frame) -> Iterator[Change]:
        message = frame.message
        if not isinstance(message, Neighbour) or frame.ip is None or not frame.source:
            return
        address = self._addresses[frame.segment, message.target]
        if message.is_advertisement:
            yield from self._advertised(frame, message, address)
        elif frame.ip.source == UNSPECIFIED:
            mac, when = address.tried
            if mac and mac != frame.source and frame.time - when < DETECTION_SECONDS:
                yield from self._report(frame, message.target, BOTH_TRY, frame.source, mac)
            address.tried = frame.source, frame.time

    def _advertised(self, frame: Frame, message: Neighbour, address: _Address) -> Iterator[Change]:
        mac, now = message.mac or frame.source, frame.time
        tried_by, when = address.tried
        if (
            tried_by not in {b"", mac, frame.source}
            and 0 <= now - when < DETECTION_SECONDS
            and not message.is_solicited
        ):
            yield from self._report(frame, message.target, DEFENDED, tried_by, mac)
            return
        if not message.overrides or self._lan.is_redundant(frame.segment, mac):
            return
        rival = address.last
        if rival not in {b"", mac} and address.advertised.get(mac, float("-inf")) > now - DISPUTE_SECONDS:
            address.returns.append(now)
        address.last = mac
        address.advertised[mac] = now
        if len(address.advertised) > RETURNS:
            del address.advertised[min(address.advertised, key=address.advertised.__getitem__)]
        in_turn = sum(time > now - DISPUTE_SECONDS for time in address.returns) >= RETURNS
        at_once = abs(now - address.advertised.get(rival, float("-inf"))) < AT_ONCE_SECONDS
        if rival not in {b"", mac} and not are_near(rival, mac) and (in_turn or at_once):
            yield from self._report(frame, message.target, IN_TURN, mac, rival)

    def _report(self, frame: Frame, target: bytes, sentence: str, mac: bytes, rival: bytes) -> Iterator[Change]:
        severity: Severity = "warning"
        denied = self._denied[frame.segment, rival]
        if len(denied) <= MANY_DEFENDED * 8:
            denied.add(target)
        values = {"mac": mac_text(mac), "rival": mac_text(rival), "ip": ip_text(target)}
        if sentence == DEFENDED and len(denied) >= MANY_DEFENDED:
            for address in denied:
                yield from self._cases.withdraw(frame.segment, address)
            key = rival
            evidence = Evidence(DENIES_ALL, {"rival": mac_text(rival), "number": len(denied)})
            subject = {"mac": mac_text(rival)}
            severity = "critical"
        else:
            key, evidence = target, Evidence(sentence, values)
            subject = {"ip": ip_text(target), "mac": mac_text(mac), "other_mac": mac_text(rival)}
        yield from self._cases.report(frame, key, severity, evidence, subject)


DETECTOR = Ipv6AddressConflict
