"""A machine that says to be an IPv6 router and is none of the school's (RFC 6104).

Told by two routers that contradict each other: another prefix, other name servers or a higher preference; by a router's
own address coming from another MAC address; or by routers without number. A router with lifetime 0 offers no way out:
that is how routers say goodbye, and how smart-home hubs announce their own prefix.

Live also a router where there was none for an hour (`ipv6_routers`): it contradicts nobody. It is accepted after a day.
All are over when nothing was heard of the rogue itself for a few of its own intervals, or soon after its goodbye.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from haidang_agent.i18n import N_
from haidang_agent.lanwatch.bounded import Recent, Table
from haidang_agent.lanwatch.incident import QUIET_SECONDS, Change, Evidence, Severity
from haidang_agent.lanwatch.naming import MANY, ip_text, mac_text
from haidang_agent.lanwatch.protocols.arp import Arp
from haidang_agent.lanwatch.protocols.nd import RouterAdvertisement
from haidang_agent.lanwatch.remembering import Remembering

if TYPE_CHECKING:
    from collections.abc import Iterator

    from haidang_agent.lanwatch.frames import Frame
    from haidang_agent.lanwatch.lan import Lan, Segment

MOST_ROUTERS, MOST_SEGMENTS = 32, 64
FLOOD_SECONDS, FLOOD_ROUTERS = 60.0, 10
FORGET_SECONDS = 3600.0
LINK_LOCAL = (0xFE, 0x80)
LONGEST_INTERVAL, USUAL_INTERVAL = 1800.0, 600.0
"""MaxRtrAdvInterval, and its default (RFC 4861, section 6.2.1)."""
PATIENT_INTERVALS = 3
OFTEN_HEARD = 8
"""By then its interval is known: the first three advertisements may come faster (section 6.2.4)."""
GOODBYE_SECONDS = 30.0

CONTRADICTS = N_(
    "{mac} announces itself as a router besides {known_mac}, with prefix {prefix} (preference {preference}) instead of "
    "{known_prefix} (preference {known_preference})"
)
STANDS_BY = N_("{mac} announces itself as a router besides {known_mac} and tells the same: probably a pair")
SAME_ADDRESS = N_("{mac} speaks as the router {ip}, which is {known_mac}")
UNEXPECTED = N_(
    "{mac} announces itself as a router, with prefix {prefix}, in a network that has had no IPv6 router so far"
)
FLOOD = N_("{routers} different routers announced themselves within a minute")


@dataclass(slots=True)
class _Router:
    mac: bytes
    address: bytes
    said: RouterAdvertisement
    number: int
    first: float
    last: float
    heard: int = 0
    interval: float = 0.0
    """The longest so far."""
    parted: float = float("-inf")
    """When it said goodbye."""

    def hear(self, said: RouterAdvertisement, now: float) -> None:
        if _offers(self.said) and not _offers(said):
            self.parted = now
        if 0 < now - self.last <= LONGEST_INTERVAL:
            self.interval = max(self.interval, now - self.last)
        self.said, self.last = said, now
        self.heard += 1

    @property
    def patience(self) -> float:
        """How long it may be silent before it is gone."""
        if not _offers(self.said):
            return GOODBYE_SECONDS
        several = self.interval * PATIENT_INTERVALS
        return min(max(several, QUIET_SECONDS if self.heard >= OFTEN_HEARD else RogueRa.quiet), LONGEST_INTERVAL)


class RogueRa(Remembering):
    """A warning; critical where a router is impersonated or the segment is flooded."""

    kind = "rogue_ra"
    severities = ("critical", "warning", "info")
    quiet = USUAL_INTERVAL + 60
    takes = (RouterAdvertisement, Arp)

    def __init__(self, lan: Lan) -> None:
        super().__init__(lan)
        self._is_recalled = False
        self._routers: Table[Segment, dict[bytes, _Router]] = Table(MOST_SEGMENTS, dict)
        self._number = 0
        self._recent: Table[Segment, Recent[bytes]] = Table(MOST_SEGMENTS, lambda: Recent(FLOOD_SECONDS, 1000))

    def feed(self, frame: Frame) -> Iterator[Change]:
        said = frame.message
        if self._lan.own:
            self._lan.ipv6_routers.meet(frame.segment)
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
        known.hear(said, frame.time)
        if self._is_stranger(frame, said):
            subject = {"ip": ip_text(address), "mac": mac_text(frame.source)}
            evidence = Evidence(UNEXPECTED, {"mac": subject["mac"], "prefix": _prefixes(said)})
            yield from self._cases.report(frame, frame.source, "warning", evidence, subject)
        else:
            yield from self._compare(frame, known, routers)

    def tick(self, now: float) -> Iterator[Change]:
        """Over is what the rogue itself has let rest."""
        if self._lan.own:
            self._remember(now)
        for place, last in self._cases.heard():
            segment, key = place
            routers = [one for one in (self._routers.get(segment) or {}).values() if one.mac == key]
            heard = max([last, *(one.parted for one in routers)])
            if heard < now - max((one.patience for one in routers), default=self.quiet):
                yield from self._cases.close(place)

    def _remember(self, now: float) -> None:
        routers = self._lan.ipv6_routers
        if not self._is_recalled:
            routers.recall(self.recall())
            self._is_recalled = True
        routers.tick(now)
        if routers.is_news:
            self.keep(routers.keep())

    def _is_stranger(self, frame: Frame, said: RouterAdvertisement) -> bool:
        if not _offers(said) or not self._lan.own or frame.source in self._lan.own:
            return False
        return self._lan.ipv6_routers.is_stranger(frame.segment, frame.source, frame.time)

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
        if newer is not router and not self._is_news(frame, newer):
            return
        evidence = Evidence(CONTRADICTS if _contradict(known.said, newer.said) else STANDS_BY, {
            "mac": mac_text(newer.mac), "known_mac": mac_text(known.mac),
            "prefix": _prefixes(newer.said), "preference": newer.said.preference,
            "known_prefix": _prefixes(known.said), "known_preference": known.said.preference,
        })  # fmt: skip
        severity: Severity = "warning" if evidence.sentence == CONTRADICTS else "info"
        subject = {"ip": ip_text(newer.address), "mac": mac_text(newer.mac), "known_mac": mac_text(known.mac)}
        yield from self._cases.report(frame, newer.mac, severity, evidence, subject, newer.first)

    def _is_news(self, frame: Frame, suspect: _Router) -> bool:
        """It spoke lately, before the one that shows it up."""
        is_recent = suspect.last > frame.time - suspect.patience
        return is_recent and not self._cases.has(frame.segment, suspect.mac)

    def _flood(self, frame: Frame, number: int) -> Iterator[Change]:
        for router in self._routers[frame.segment].values():
            yield from self._cases.withdraw(frame.segment, router.mac)
        evidence = Evidence(FLOOD, {"routers": number})
        yield from self._cases.report(frame, "all", "critical", evidence, {"senders": MANY})


def _offers(said: RouterAdvertisement) -> bool:
    """A way out, or a DHCPv6 server."""
    return said.lifetime > 0 or said.is_managed


def _contradict(known: RouterAdvertisement, newer: RouterAdvertisement) -> bool:
    other_prefix = bool(known.prefixes and newer.prefixes) and not known.prefixes & newer.prefixes
    other_servers = bool(known.name_servers and newer.name_servers) and known.name_servers != newer.name_servers
    return other_prefix or other_servers or newer.preference > known.preference


def _prefixes(said: RouterAdvertisement) -> str:
    return ", ".join(sorted(f"{ip_text(prefix)}/{size}" for prefix, size in said.prefixes)) or "?"


DETECTOR = RogueRa
