"""ARP spoofing: a machine tells others that an address which is not its own is at its MAC address.

Seen in three ways: by two claims to one address, one of them pressed by replies that nobody asked for, or by endless
questions in the router's name (`claims`); by a machine with an address of its own that never tires of telling one
station of another; or by the effect: a station's way to the Internet moves to the MAC address whose unasked reply it
has just got.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from haidang_agent.i18n import N_
from haidang_agent.lanwatch.bounded import Table
from haidang_agent.lanwatch.claimant import Verdict
from haidang_agent.lanwatch.claims import is_station
from haidang_agent.lanwatch.frames import Frame
from haidang_agent.lanwatch.incident import Change, Detector, Evidence
from haidang_agent.lanwatch.lan import is_public
from haidang_agent.lanwatch.naming import ip_text, mac_text
from haidang_agent.lanwatch.protocols.arp import Arp

if TYPE_CHECKING:
    from collections.abc import Iterator

    from haidang_agent.lanwatch.lan import Lan, Segment

MOST_STATIONS = 4096
MOST_VICTIMS = 8
"""One attacker's further addresses are told as one incident."""
ESTABLISHED_PACKETS = 3
SOON_SECONDS = 30.0
INSISTS = 5
"""Within a minute, to one station: some telephones tell their router where they are every half minute."""

TWO_CLAIMS = N_(
    "{mac} keeps telling others that {ip} is there ({unasked} replies in the last minute that nobody asked for), "
    "while {rival} has that address"
)
ASKS_ON = N_(
    "{mac}, which has another address as well, asks again and again in the name of {ip}, while {rival} has that address"
)
INSISTING = N_(
    "{mac}, which has another address as well, told {victim} {unasked} times within a minute, unasked, "
    "that {ip} is there"
)
MOVED_WAY = N_(
    "after an ARP reply that nobody asked for, {victim} sends its Internet traffic to {mac} instead of {rival}"
)
MANY = N_("{mac} claims {number} addresses, many of which others have")


class _Hop(NamedTuple):
    mac: bytes = b""
    packets: int = 0


class ArpSpoof(Detector):
    """Critical: whoever does this reads and changes others' traffic."""

    kind = "arp_spoof"
    severities = ("critical",)
    takes = (Frame,)

    def __init__(self, lan: Lan) -> None:
        self._lan = lan
        super().__init__()
        self._hops: Table[tuple[Segment, bytes], _Hop] = Table(MOST_STATIONS, _Hop)
        self._victims: Table[tuple[Segment, bytes], set[bytes]] = Table(MOST_STATIONS, set)

    def feed(self, frame: Frame) -> Iterator[Change]:
        if isinstance(frame.message, Arp):
            yield from self._judge(frame, frame.message)
        elif frame.ip is not None and len(frame.ip.destination) == 4 and is_public(frame.ip.destination):  # noqa: PLR2004
            yield from self._follow(frame, frame.ip.source)

    def _judge(self, frame: Frame, arp: Arp) -> Iterator[Change]:
        verdict = self._lan.claims.judge(frame.segment, arp.sender, frame.time)
        if verdict and verdict.kind == "spoof":
            evidence = Evidence(ASKS_ON if verdict.asks_on else TWO_CLAIMS, {
                "mac": mac_text(verdict.suspect), "ip": ip_text(arp.sender),
                "rival": mac_text(verdict.rival), "unasked": verdict.unasked,
            })  # fmt: skip
            yield from self._report(frame, arp.sender, verdict, evidence)
            return
        times = self._lan.claims.repeats(frame.segment, arp, frame.time)
        if times >= INSISTS and self._lan.claims.addresses(frame.segment, arp.sender_mac) > 1:
            values = {"mac": mac_text(arp.sender_mac), "ip": ip_text(arp.sender), "unasked": times}
            evidence = Evidence(INSISTING, values | {"victim": ip_text(arp.target)})
            verdict = Verdict("spoof", arp.sender_mac, b"", times, frame.time)
            yield from self._report(frame, arp.sender, verdict, evidence)

    def _follow(self, frame: Frame, source: bytes) -> Iterator[Change]:
        """Which MAC address a station sends Internet traffic to."""
        if not is_station(frame.destination) or not is_station(frame.source):
            return
        station = frame.segment, frame.source
        hop = self._hops[station]
        self._hops[station] = _Hop(frame.destination, hop.packets + 1 if hop.mac == frame.destination else 1)
        if hop.mac == frame.destination or hop.packets < ESTABLISHED_PACKETS:
            return
        if self._lan.is_redundant(frame.segment, frame.destination):
            return
        claimed = self._lan.claims.unasked(frame.segment, frame.destination, frame.time - SOON_SECONDS)
        for address in claimed:
            evidence = Evidence(MOVED_WAY, {
                "victim": ip_text(source), "mac": mac_text(frame.destination), "rival": mac_text(hop.mac),
            })  # fmt: skip
            verdict = Verdict("spoof", frame.destination, hop.mac, 1, frame.time)
            yield from self._report(frame, address, verdict, evidence)

    def _report(self, frame: Frame, address: bytes, verdict: Verdict, evidence: Evidence) -> Iterator[Change]:
        mac = verdict.suspect
        self._lan.spoofers[frame.segment, mac] = frame.time
        victims = self._victims[frame.segment, mac]
        if address in victims or len(victims) < MOST_VICTIMS:
            victims.add(address)
            key = address
            subject = {"ip": ip_text(address), "mac": mac_text(mac)}
            if verdict.rival:
                subject["true_mac"] = mac_text(verdict.rival)
        else:
            key, subject = mac, {"mac": mac_text(mac)}
            number = self._lan.claims.addresses(frame.segment, mac)
            evidence = Evidence(MANY, {"mac": mac_text(mac), "number": number})
        yield from self._cases.report(frame, key, "critical", evidence, subject, verdict.since)


DETECTOR = ArpSpoof
