"""The router's address has moved to another network card.

Routers are replaced, get new cards and stand in for each other: what speaks for that passes without a word (virtual MAC
addresses, VRRP and HSRP, cards with neighbouring numbers, a card of the same vendor that announces itself while the old
one is silent). What remains is told: as a warning where the old card is still at work, or the new one belongs to a
machine that was known by another address; else for information. Two that both claim the address are `arp_spoof` or
`ip_conflict`, and not told here. What lasts is accepted, but never from who spoofed within the hour before.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from haidang_agent.i18n import N_
from haidang_agent.lanwatch.bounded import Table
from haidang_agent.lanwatch.claims import are_near, is_station
from haidang_agent.lanwatch.frames import Frame
from haidang_agent.lanwatch.incident import QUIET_SECONDS, Change, Evidence, Severity
from haidang_agent.lanwatch.naming import ip_text, mac_text
from haidang_agent.lanwatch.protocols.arp import Arp
from haidang_agent.lanwatch.remembering import Remembering

if TYPE_CHECKING:
    from collections.abc import Iterator

    from haidang_agent.lanwatch.lan import Lan, Segment

MOST_ROUTERS = 64
SETTLED_SECONDS = 10.0
"""By then two that both claim the address have shown it."""
GRACE_SECONDS = 3.0
"""What the old card still had under way."""
REPLACED_SECONDS = 60.0
ACCEPTED_SECONDS, ACCEPTED_BESIDE_SECONDS = 3600.0, 86400.0
"""Where the old card is silent; where it is still at work."""
VENDOR_BYTES = 3
LOCAL_BIT = 0x02

BESIDE = N_("the router {ip} is at {mac} now instead of {known_mac}, which is still at work in the network")
OTHERS = N_("the router {ip} is at {mac} now instead of {known_mac}; {mac} has another address as well")
REPLACED = N_("the router {ip} is at {mac} now instead of {known_mac}, which is silent: probably replaced")


@dataclass(slots=True)
class _Move:
    mac: bytes
    since: float
    announced: bool = False
    old_heard: float = float("-inf")
    disputed: float = float("-inf")


@dataclass(slots=True)
class _Router:
    mac: bytes
    move: _Move | None = None


class GatewayMacChanged(Remembering):
    """A warning, or information where the router was probably replaced."""

    kind = "gateway_mac_changed"
    severities = ("warning", "info")
    quiet = 1800.0
    takes = (Frame,)

    def __init__(self, lan: Lan) -> None:
        super().__init__(lan)
        self._routers: Table[tuple[Segment, bytes], _Router] = Table(MOST_ROUTERS, lambda: _Router(b""))
        self._left: dict[tuple[Segment, bytes], bytes] = {}
        """Cards that a router has moved away from, and the address."""

    def feed(self, frame: Frame) -> Iterator[Change]:
        said = frame.message
        if self._left and (frame.segment, frame.source) in self._left:
            yield from self._hear_old(frame, self._left[frame.segment, frame.source])
        if isinstance(said, Arp) and is_station(said.sender_mac) and self._lan.is_gateway(frame.segment, said.sender):
            yield from self._claimed(frame, said)

    def _claimed(self, frame: Frame, said: Arp) -> Iterator[Change]:
        place = frame.segment, said.sender
        router = self._routers[place]
        if self._lan.is_spoofer(frame.segment, said.sender_mac, frame.time):
            self._lan.spoofers[frame.segment, said.sender_mac] = frame.time
            router.move = None
            yield from self._cases.withdraw(*place)
            return
        if self._lan.is_spoofer(frame.segment, router.mac, frame.time):
            yield from self._settle(frame.segment, said.sender, router, said.sender_mac)
        if not router.mac:
            kept = self.recall().get(ip_text(said.sender), said.sender_mac.hex())
            router.mac = bytes.fromhex(kept)
            self._remember(said.sender, router.mac)
        if said.sender_mac == router.mac:
            yield from self._settle(frame.segment, said.sender, router, router.mac)
        elif self._is_same(frame.segment, said.sender_mac, router.mac):
            yield from self._settle(frame.segment, said.sender, router, said.sender_mac)
        else:
            if router.move is None or router.move.mac != said.sender_mac:
                yield from self._is_over(place)
                router.move = _Move(said.sender_mac, frame.time)
                self._leave(frame.segment, router.mac, said.sender)
            router.move.announced = router.move.announced or said.is_announcement
            yield from self._judge(frame, said.sender, router, router.move)

    def _is_same(self, segment: Segment, mac: bytes, before: bytes) -> bool:
        """As good as the same machine."""
        virtual = self._lan.is_redundant(segment, mac) or self._lan.is_redundant(segment, before)
        return virtual or are_near(mac, before)

    def _hear_old(self, frame: Frame, address: bytes) -> Iterator[Change]:
        router = self._routers[frame.segment, address]
        if router.move is not None and frame.time > router.move.since + GRACE_SECONDS:
            router.move.old_heard = frame.time
            yield from self._judge(frame, address, router, router.move)

    def _judge(self, frame: Frame, address: bytes, router: _Router, move: _Move) -> Iterator[Change]:
        lasted = frame.time - move.since
        if self._lan.claims.judge(frame.segment, address, frame.time) is not None:
            move.disputed = frame.time
        if move.disputed > frame.time - QUIET_SECONDS:
            yield from self._cases.withdraw(frame.segment, address)
            return
        if lasted < SETTLED_SECONDS:
            return
        is_beside = move.old_heard > frame.time - ACCEPTED_SECONDS
        is_pair = move.announced and not is_beside and _same_vendor(move.mac, router.mac)
        if lasted >= (ACCEPTED_BESIDE_SECONDS if is_beside else REPLACED_SECONDS if is_pair else ACCEPTED_SECONDS):
            yield from self._settle(frame.segment, address, router, move.mac)
        elif is_beside:
            yield from self._report(frame, address, router, "warning", BESIDE)
        elif self._has_own(frame.segment, move.mac):
            yield from self._report(frame, address, router, "warning", OTHERS)
        elif lasted >= REPLACED_SECONDS:
            yield from self._report(frame, address, router, "info", REPLACED)

    def _has_own(self, segment: Segment, mac: bytes) -> bool:
        """A machine with an address of its own, that has not shown to be a router."""
        return self._lan.claims.addresses(segment, mac) > 1 and not self._lan.is_infrastructure(segment, mac)

    def _report(
        self, frame: Frame, address: bytes, router: _Router, severity: Severity, sentence: str
    ) -> Iterator[Change]:
        if router.move is None:
            return
        subject = {"ip": ip_text(address), "mac": mac_text(router.move.mac), "known_mac": mac_text(router.mac)}
        evidence = Evidence(sentence, dict(subject))
        yield from self._cases.report(frame, address, severity, evidence, subject, router.move.since)

    def _settle(self, segment: Segment, address: bytes, router: _Router, mac: bytes) -> Iterator[Change]:
        """It is there, and nothing is wrong any more."""
        self._left.pop((segment, router.mac), None)
        router.move = None
        if router.mac != mac:
            router.mac = mac
            self._remember(address, mac)
        yield from self._is_over((segment, address))

    def _leave(self, segment: Segment, mac: bytes, address: bytes) -> None:
        if len(self._left) >= MOST_ROUTERS:
            del self._left[next(iter(self._left))]
        self._left[segment, mac] = address

    def _is_over(self, place: tuple[Segment, bytes]) -> Iterator[Change]:
        if self._cases.has(*place):
            yield from self._cases.close(place)

    def _remember(self, address: bytes, mac: bytes) -> None:
        known = self.recall() | {ip_text(address): mac.hex()}
        self.keep(dict(list(known.items())[-MOST_ROUTERS:]))


def _same_vendor(one: bytes, other: bytes) -> bool:
    return one[:VENDOR_BYTES] == other[:VENDOR_BYTES] and not one[0] & LOCAL_BIT


DETECTOR = GatewayMacChanged
