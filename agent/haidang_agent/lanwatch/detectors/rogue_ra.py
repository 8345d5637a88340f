"""A machine that says to be an IPv6 router and is none of the school's (RFC 6104).

Told by two routers that contradict each other: another prefix, other name servers or a higher preference; by a router's
own address coming from another MAC address; or by routers without number. A router with lifetime 0 offers no way out:
that is how routers say goodbye, and how smart-home hubs announce their own prefix.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from haidang_agent.i18n import N_
from haidang_agent.lanwatch.bounded import Recent, Table
from haidang_agent.lanwatch.incident import Change, Detector, Evidence, Severity
from haidang_agent.lanwatch.naming import MANY, ip_text, mac_text
from haidang_agent.lanwatch.protocols.nd import RouterAdvertisement

if TYPE_CHECKING:
    from collections.abc import Iterator

    from haidang_agent.lanwatch.frames import Frame
    from haidang_agent.lanwatch.lan import Lan, Segment

MOST_ROUTERS, MOST_SEGMENTS = 32, 64
FLOOD_SECONDS, FLOOD_ROUTERS = 60.0, 10
FORGET_SECONDS = 3600.0
LINK_LOCAL = (0xFE, 0x80)

CONTRADICTS = N_(
    "{mac} announces itself as a router besides {known_mac}, with prefix {prefix} (preference {preference}) instead of "
    "{known_prefix} (preference {known_preference})"
)
STANDS_BY = N_("{mac} announces itself as a router besides {known_mac} and tells the same: probably a pair")
SAME_ADDRESS = N_("{mac} speaks as the router {ip}, which is {known_mac}")
FLOOD = N_("{routers} different routers announced themselves within a minute")


@dataclass(slots=True)
class _Router:
    mac: bytes
    address: bytes
    said: RouterAdvertisement
    number: int
    first: float
    last: float


class RogueRa(Detector):
    """A warning; critical where a router is impersonated or the segment is flooded."""

    kind = "rogue_ra"
    severities = ("critical", "warning", "info")
    quiet = 1800.0
    takes = (RouterAdvertisement,)

    def __init__(self, lan: Lan) -> None:
        self._lan = lan
        super().__init__()
        self._routers: Table[Segment, dict[bytes, _Router]] = Table(MOST_SEGMENTS, dict)
        self._number = 0
        self._recent: Table[Segment, Recent[bytes]] = Table(MOST_SEGMENTS, lambda: Recent(FLOOD_SECONDS, 1000))

    def feed(self, frame: Frame) -> Iterator[Change]:
        said = frame.message
        if not isinstance(said, RouterAdvertisement) or frame.ip is None or not frame.source:
            return
        address = frame.ip.source
        if (address[0], address[1] & 0xC0) != LINK_LOCAL:
            return
        recent = self._recent[frame.segment]
        recent.add(frame.time, address)
        routers = self._routers[frame.segment]
        if len(recent.keys) >= FLOOD_ROUTERS:
            yield from self._flood(frame, len(recent.keys))
            return
        known = routers.get(address)
        if known is None:
            if len(routers) >= MOST_ROUTERS:
                del routers[min(routers, key=lambda one: routers[one].last)]
            self._number += 1
            known = routers[address] = _Router(frame.source, address, said, self._number, frame.time, frame.time)
        elif known.mac != frame.source:
            yield from self._impersonated(frame, known)
            return
        known.said, known.last = said, frame.time
        yield from self._compare(frame, known, routers)

    def _impersonated(self, frame: Frame, known: _Router) -> Iterator[Change]:
        if self._lan.is_redundant(frame.segment, frame.source):
            return
        values = {"mac": mac_text(frame.source), "ip": ip_text(known.address), "known_mac": mac_text(known.mac)}
        yield from self._cases.report(frame, frame.source, "critical", Evidence(SAME_ADDRESS, values), values)

    def _compare(self, frame: Frame, router: _Router, routers: dict[bytes, _Router]) -> Iterator[Change]:
        """With the longest known other router that offers a way out now."""
        others = [
            one for one in routers.values()
            if one.mac != router.mac and one.said.lifetime and one.last > frame.time - FORGET_SECONDS
        ]  # fmt: skip
        if not router.said.lifetime or not others:
            return
        known, newer = sorted((min(others, key=lambda one: one.number), router), key=lambda one: one.number)
        if all(self._lan.is_redundant(frame.segment, one.mac) for one in (known, newer)):
            return
        evidence = Evidence(CONTRADICTS if _contradict(known.said, newer.said) else STANDS_BY, {
            "mac": mac_text(newer.mac), "known_mac": mac_text(known.mac),
            "prefix": _prefixes(newer.said), "preference": newer.said.preference,
            "known_prefix": _prefixes(known.said), "known_preference": known.said.preference,
        })  # fmt: skip
        severity: Severity = "warning" if evidence.sentence == CONTRADICTS else "info"
        subject = {"ip": ip_text(newer.address), "mac": mac_text(newer.mac), "known_mac": mac_text(known.mac)}
        yield from self._cases.report(frame, newer.mac, severity, evidence, subject, newer.first)

    def _flood(self, frame: Frame, number: int) -> Iterator[Change]:
        for router in self._routers[frame.segment].values():
            yield from self._cases.withdraw(frame.segment, router.mac)
        evidence = Evidence(FLOOD, {"routers": number})
        yield from self._cases.report(frame, "all", "critical", evidence, {"senders": MANY})


def _contradict(known: RouterAdvertisement, newer: RouterAdvertisement) -> bool:
    other_prefix = bool(known.prefixes and newer.prefixes) and not known.prefixes & newer.prefixes
    other_servers = bool(known.name_servers and newer.name_servers) and known.name_servers != newer.name_servers
    return other_prefix or other_servers or newer.preference > known.preference


def _prefixes(said: RouterAdvertisement) -> str:
    return ", ".join(sorted(f"{ip_text(prefix)}/{size}" for prefix, size in said.prefixes)) or "?"


DETECTOR = RogueRa
