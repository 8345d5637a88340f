"""From answers to devices: by MAC address, each machine once, whoever answered in its name."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from typing import TYPE_CHECKING

from haidang_agent.discovery.evidence import Evidence
from haidang_agent.discovery.oui import is_station, is_virtual_station
from haidang_agent.i18n import N_
from haidang_agent.lanwatch.problems import Problems

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from ipaddress import IPv4Network, IPv6Address, IPv6Network

    from haidang_agent.discovery.told import Told

Answers = dict[IPv4Address, list[str]]

SHARED = N_("{address} is used by several devices: {macs}")
PROXY = N_("{mac} answers for {count} addresses of {network} (proxy ARP): it counts as one device")

MANY_ADDRESSES = 8
"""Who answers for more in one network answers for others (RFC 1027), or nearly so."""
FEWEST_PROXIED = 3
"""… or for this many, if they are half of a small network."""


@dataclass(slots=True)
class Found:
    """A device; `seen_by` says how we know of it, `macs` what further cards it has, `places` where switches see it."""

    mac: str
    ips: list[IPv4Address] = field(default_factory=list)
    ips_v6: list[IPv6Address] = field(default_factory=list)
    macs: set[str] = field(default_factory=set)
    seen_by: dict[str, None] = field(default_factory=dict)
    places: dict[str, None] = field(default_factory=dict)
    evidence: Evidence = field(default_factory=Evidence)


class Merged:
    """Devices by MAC address, and what was odd; addresses of `networks` only."""

    def __init__(self) -> None:
        self.devices: dict[str, Found] = {}
        self.virtual: dict[str, list[IPv4Address]] = {}
        """MAC addresses that belong to a group of routers (VRRP, HSRP), not to a device."""
        self.problems = Problems()
        self._proxies: set[str] = set()

    def own(self, mac: str, address: IPv4Address) -> None:
        """The machine that this runs on."""
        self._add(mac, "this machine", address)

    def swept(self, network: IPv4Network, answers: Answers, gateways: Iterable[IPv4Address]) -> None:
        """Who answered a sweep of `network`."""
        proxies = self._find_proxies(network, answers)
        for address, macs in answers.items():
            stations = [mac for mac in macs if mac not in proxies]
            for mac in macs:
                if is_virtual_station(mac):
                    self.virtual.setdefault(mac, []).append(address)
                elif mac in stations:
                    self._add(mac, "ARP", address)
                else:
                    # Which of its answers is its own address, only the routing table can tell.
                    self._add(mac, "ARP", address if address in gateways else None)
            real = [mac for mac in stations if is_station(mac)]
            if len(real) > 1:
                self.problems.note(SHARED, address=address, macs=", ".join(real))

    def neighbours(self, macs: Iterable[str]) -> None:
        """Those whose address is not known."""
        for mac in macs:
            self._add(mac, "neighbour table", None)

    def ipv6(self, found: Mapping[str, Iterable[IPv6Address]], networks: Collection[IPv6Network]) -> None:
        """Further addresses of devices; who has no IPv4 address here counts if one of `networks` holds it."""
        for mac, addresses in found.items():
            inside = any(address in network for address in addresses for network in networks)
            if mac in self.devices or (inside and is_station(mac)):
                self._add(mac, "IPv6", None)
                self.devices[mac].ips_v6 += [each for each in addresses if each not in self.devices[mac].ips_v6]

    def told(self, device: Told, networks: Iterable[IPv4Network]) -> None:
        """Who is in `networks`, which nobody swept, as a device remembers it; and what the device is itself."""
        named = tuple(networks)
        claims = Counter(mac for _, mac in device.arp)
        for address, mac in device.arp:
            if any(address in network for network in named) and mac not in device.own:
                self._add(mac, f"ARP table of {device.host}", address if claims[mac] <= MANY_ADDRESSES else None)
        self._join(device)

    def place(self, told: Sequence[Told]) -> dict[str, Found]:
        """Where switches see each device. Returns the strangers among them: who has no address in our networks.

        They are not among `devices`; routers may know an address that they have elsewhere.
        """
        familiar = {card for found in self.devices.values() for card in found.macs}.union(*(each.own for each in told))
        strangers: dict[str, Found] = {}
        for device in told:
            for mac, place in device.places.items():
                if mac in self.devices:
                    self.devices[mac].places[place] = None
                elif mac not in familiar:
                    found = strangers.setdefault(mac, Found(mac))
                    found.places[place] = None
                    found.seen_by[f"bridge table of {device.host}"] = None
        for device in told:
            claims = Counter(mac for _, mac in device.arp)
            for address, mac in device.arp:
                if mac in strangers and claims[mac] <= MANY_ADDRESSES and address not in strangers[mac].ips:
                    strangers[mac].ips.append(address)
                    strangers[mac].seen_by[f"ARP table of {device.host}"] = None
        return strangers

    def _join(self, device: Told) -> None:
        """The device's own cards, and what has its address, are one device; its class is that by SNMP."""
        holders = [mac for mac, found in self.devices.items() if device.address in map(str, found.ips)]
        found = self.unite([*holders, *sorted(device.own)])
        if found:
            found.evidence.add(device.signs)
            found.seen_by[f"SNMP of {device.host}"] = None

    def unite(self, cards: Iterable[str]) -> Found | None:
        """Make one device of those that are here, known by the first card of them; None where none is."""
        first, *others = [mac for mac in dict.fromkeys(cards) if mac in self.devices] or [""]
        kept = self.devices.get(first)
        if kept is None:
            return None
        for mac in others:
            gone = self.devices.pop(mac)
            kept.macs |= {mac} | gone.macs
            kept.ips = sorted({*kept.ips, *gone.ips})
            kept.ips_v6 = sorted({*kept.ips_v6, *gone.ips_v6})
            kept.seen_by |= gone.seen_by
            kept.places |= gone.places
            kept.evidence.add(gone.evidence)
        return kept

    def _find_proxies(self, network: IPv4Network, answers: Answers) -> set[str]:
        claims = Counter(mac for macs in answers.values() for mac in macs)
        few = max(FEWEST_PROXIED, (network.num_addresses - 2) / 2)
        proxies = {mac: count for mac, count in claims.items() if count > MANY_ADDRESSES or count >= few}
        for mac, count in proxies.items():
            self.problems.note(PROXY, mac=mac, count=count, network=network)
        return set(proxies)

    def _add(self, mac: str, seen_by: str, address: IPv4Address | None) -> None:
        found = self.devices.setdefault(mac, Found(mac))
        found.seen_by[seen_by] = None
        if address is not None and address not in found.ips:
            found.ips.append(address)


def attach(devices: Mapping[str, Found], heard: Mapping[IPv4Address, Evidence]) -> None:
    """What was heard from an address is said by the device that has it."""
    by_address = {address: found for found in devices.values() for address in found.ips}
    for address, evidence in heard.items():
        if address in by_address:
            by_address[address].evidence.add(evidence)
