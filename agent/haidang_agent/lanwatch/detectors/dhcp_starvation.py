"""DHCP starvation: invented clients take every address, so that real ones get none, or get one of a rogue server.

Invented clients are told from a computer room that is switched on: they come by dozens from one network card, or they
ask, are offered an address and never take it, or their MAC addresses are not such as machines have.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from haidang_agent.i18n import N_
from haidang_agent.lanwatch.bounded import Recent, Table
from haidang_agent.lanwatch.incident import Change, Detector, Evidence
from haidang_agent.lanwatch.naming import MANY, mac_text
from haidang_agent.lanwatch.protocols.dhcp import DISCOVER, NAK, OFFER, REQUEST, Dhcp

if TYPE_CHECKING:
    from collections.abc import Iterator

    from haidang_agent.lanwatch.frames import Frame
    from haidang_agent.lanwatch.lan import Lan, Segment

WINDOW_SECONDS = 60.0
MOST_CARDS, MOST_OF_ONE_CARD, MOST_RECENT, MOST_CLIENTS = 512, 500, 1000, 4096
CLIENTS_OF_ONE_CARD = 30
"""A Wi-Fi repeater passes on its clients' requests from its own card, but it does not have so many clients."""
CLIENTS_OF_ALL = 60
TAKEN_AT_LEAST = 0.2
OFFERED_TO, WITH_GROUP_BIT = 20, 5
UNIVERSAL_AT_LEAST, VENDORS_AT_LEAST = 50, 0.9
GROUP_BIT, LOCAL_BIT = 0x01, 0x02

ONE_CARD = N_("{clients} clients within {seconds:.0f} s, all from the network card {mac}")
MANY_CARDS = N_("{clients} clients within {seconds:.0f} s, of which {taken} took an address")


@dataclass(slots=True)
class _Client:
    was_offered: bool = False
    has_asked_for_one: bool = False


class DhcpStarvation(Detector):
    """Critical: soon nobody gets an address."""

    kind = "dhcp_starvation"
    severities = ("critical",)
    takes = (Dhcp,)

    def __init__(self, lan: Lan) -> None:
        self._lan = lan
        super().__init__()
        self._of_card: Table[tuple[Segment, bytes], Recent[bytes]] = Table(
            MOST_CARDS, lambda: Recent(WINDOW_SECONDS, MOST_OF_ONE_CARD)
        )
        self._of_all: Table[Segment, Recent[bytes]] = Table(64, lambda: Recent(WINDOW_SECONDS, MOST_RECENT))
        self._clients: Table[tuple[Segment, bytes], _Client] = Table(MOST_CLIENTS, _Client)

    def feed(self, frame: Frame) -> Iterator[Change]:
        message = frame.message
        if not isinstance(message, Dhcp):
            return
        client = self._clients.get((frame.segment, message.client_mac))
        if message.type in {OFFER, NAK} and client:
            client.was_offered = True
        elif message.type == REQUEST and client:
            client.has_asked_for_one = True
        elif message.type == DISCOVER and not message.is_relayed:
            yield from self._discover(frame, message)

    def _discover(self, frame: Frame, message: Dhcp) -> Iterator[Change]:
        segment, now, mac = frame.segment, frame.time, message.client_mac
        if (segment, mac) not in self._clients:
            self._clients[segment, mac] = _Client()
        of_all = self._of_all[segment]
        of_all.add(now, mac)
        card = self._of_card[segment, frame.source]
        card.add(now, mac)
        if frame.source and len(card.keys) >= CLIENTS_OF_ONE_CARD:
            values = {"clients": len(card.keys), "seconds": card.span, "mac": mac_text(frame.source)}
            subject = {"mac": mac_text(frame.source)}
            evidence, since = Evidence(ONE_CARD, values), now - card.span
            yield from self._cases.report(frame, frame.source, "critical", evidence, subject, since)
        elif len(of_all.keys) >= CLIENTS_OF_ALL and len(of_all) % OFFERED_TO == 0:
            yield from self._look_at_all(frame, of_all)

    def _look_at_all(self, frame: Frame, recent: Recent[bytes]) -> Iterator[Change]:
        clients = [(mac, client) for mac in recent.keys if (client := self._clients.get((frame.segment, mac)))]
        taken = sum(client.has_asked_for_one for _mac, client in clients)
        offered = sum(client.was_offered for _mac, client in clients)
        macs = [mac for mac, _client in clients if mac]
        impossible = sum(bool(mac[0] & GROUP_BIT) for mac in macs)
        universal = [mac[:3] for mac in macs if not mac[0] & (GROUP_BIT | LOCAL_BIT)]
        scattered = len(universal) >= UNIVERSAL_AT_LEAST and len(set(universal)) >= VENDORS_AT_LEAST * len(universal)
        invented = offered - taken >= OFFERED_TO or impossible >= WITH_GROUP_BIT or scattered
        if taken < TAKEN_AT_LEAST * len(clients) and invented:
            values = {"clients": len(clients), "seconds": recent.span, "taken": taken}
            evidence, since = Evidence(MANY_CARDS, values), frame.time - recent.span
            yield from self._cases.report(frame, "all", "critical", evidence, {"senders": MANY}, since)


DETECTOR = DhcpStarvation
