"""A device that was never seen before, in a network that the school has named as protected: the servers', the cameras'.

Known is who used an address of such a network within the last half year: a summer's holidays make nobody a stranger.
The first days everybody is learnt. Whoever is told of is known an hour after it was last heard, or after a day. Only
where protected networks are named, so never over a capture file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from haidang_agent.i18n import N_
from haidang_agent.lanwatch.claims import is_station
from haidang_agent.lanwatch.incident import Change, Evidence
from haidang_agent.lanwatch.naming import MANY, ip_text, mac_text
from haidang_agent.lanwatch.protocols.arp import Arp
from haidang_agent.lanwatch.remembering import Remembering

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from ipaddress import IPv4Network

    from haidang_agent.lanwatch.frames import Frame
    from haidang_agent.lanwatch.incident import Place
    from haidang_agent.lanwatch.lan import Lan
    from haidang_agent.probe import Memory

DAY = 86400.0
MOST_KNOWN = 2048
FORGOTTEN_SECONDS = 180 * DAY
MOST_TOLD = 16
"""Who invents devices is told of as one incident from there on."""
STORE_SECONDS = 60.0
LOCAL_BIT = 0x02

STRANGER = N_("{mac} ({vendor}) uses {ip} in a protected network, where it was never seen before")
RANDOM = N_(
    "{mac} uses {ip} in a protected network, where it was never seen before; the address is made up, as telephones and "
    "laptops do to hide, so that its maker is not known"
)
STRANGERS = N_("more than {number} devices that were never seen before use addresses of a protected network")
UNKNOWN_VENDOR = "?"


class NewDevice(Remembering):
    """`watch` before the first frame; without it nothing is looked at."""

    kind = "new_device"
    severities = ("warning",)
    quiet = 3600.0
    takes = (Arp,)

    def __init__(self, lan: Lan) -> None:
        super().__init__(lan)
        self._protected: list[tuple[int, int]] = []
        self._learning_seconds = 0.0
        self._known: dict[bytes, float] = {}
        """When each was seen, by the day, the one seen last at the end."""
        self._told: dict[Place, float] = {}
        self._since: float | None = None
        self._is_news, self._stored = False, float("-inf")

    def watch(self, protected: Sequence[IPv4Network], learning_seconds: float, memory: Memory) -> None:
        """Take up what was learnt; learning begins with the first frame where that was nothing."""
        self.memory = memory
        self._protected = [(int(network.network_address), int(network.netmask)) for network in protected]
        self._learning_seconds = learning_seconds
        kept = self.recall()
        self._since = kept.get("since")
        self._known = {bytes.fromhex(mac): float(seen) for mac, seen in kept.get("macs", {}).items()}

    def feed(self, frame: Frame) -> Iterator[Change]:
        said = frame.message
        if not self._protected or not isinstance(said, Arp) or not self._is_inside(said.sender):
            return
        mac = said.sender_mac
        if not is_station(mac) or mac in self._lan.own or self._lan.is_redundant(frame.segment, mac):
            return
        if self._since is None:
            self._since, self._is_news = frame.time, True
        if mac in self._known or frame.time < self._since + self._learning_seconds:
            self._learn(mac, frame.time)
        else:
            yield from self._report(frame, mac, said.sender)

    def tick(self, now: float) -> Iterator[Change]:
        """Over for who went, or stayed for a day; known from then on."""
        for place, last in self._cases.heard():
            if now > min(last + self.quiet, self._told.get(place, last) + DAY):
                self._told.pop(place, None)
                if isinstance(place[1], bytes):
                    self._learn(place[1], now)
                yield from self._cases.close(place)
        if self._is_news and not 0 <= now - self._stored < STORE_SECONDS:
            self._known = {mac: seen for mac, seen in self._known.items() if seen > now - FORGOTTEN_SECONDS}
            self.keep({"since": self._since, "macs": {mac.hex(): seen for mac, seen in self._known.items()}})
            self._stored, self._is_news = now, False

    def _report(self, frame: Frame, mac: bytes, address: bytes) -> Iterator[Change]:
        place: Place = (frame.segment, mac)
        if place in self._told or len(self._told) < MOST_TOLD:
            subject = {"mac": mac_text(mac), "ip": ip_text(address)}
            evidence = Evidence(RANDOM if mac[0] & LOCAL_BIT else STRANGER, subject | {"vendor": _vendor(mac)})
        else:
            place, subject = (frame.segment, "many"), {"senders": MANY}
            evidence = Evidence(STRANGERS, {"number": MOST_TOLD})
        self._told.setdefault(place, frame.time)
        yield from self._cases.report(frame, place[1], "warning", evidence, subject)

    def _learn(self, mac: bytes, now: float) -> None:
        """At most so many, of whom the one seen longest ago goes."""
        if now - self._known.get(mac, float("-inf")) < DAY:
            return
        self._known.pop(mac, None)
        self._known[mac] = now
        self._is_news = True
        if len(self._known) > MOST_KNOWN:
            del self._known[next(iter(self._known))]

    def _is_inside(self, address: bytes) -> bool:
        number = int.from_bytes(address)
        return any(number & mask == network for network, mask in self._protected)


def _vendor(mac: bytes) -> str:
    from haidang_agent.discovery.oui import vendors  # noqa: PLC0415 - only where there is something to tell

    return vendors([mac_text(mac)]).get(mac_text(mac), UNKNOWN_VENDOR)


DETECTOR = NewDevice
