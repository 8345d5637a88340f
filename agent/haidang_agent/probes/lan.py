"""How many devices of which class are online in this machine's own subnets, itself among them; how many in 30 days.

By an ARP sweep (CAP_NET_RAW), else by the system's neighbour table; behind routers by what those of [[snmp]] remember.
A MAC address is a device; a randomised one is no equipment: a telephone or unknown, and only while it is here.

Computers are counted by the room of [[lab]] that they stand in, each once where its agent answers the roll call. Only
counts leave this process. Tells evidence `lan_equipment` (of each kind seen within 30 days) and `lab_path` (of rooms).
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network, IPv6Network
from typing import TYPE_CHECKING

from haidang_agent.platform.subnets import own_subnets
from haidang_agent.probe import Host, Metric, NothingToMeasureError, Probe, ProbeError, Sample

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from haidang_agent.discovery.device import Device
    from haidang_agent.discovery.evidence import Evidence
    from haidang_agent.discovery.survey import Survey
    from haidang_agent.labs.census import Census

    Network = IPv4Network | IPv6Network

DEVICES = Metric(
    "school_devices", "Devices of the school's network: online, or seen in the last 30 days.", ("class", "state")
)
COMPUTERS = Metric(
    "school_lab_computers",
    "Computers of a room: declared, online, seen in the last 30 days, or seen and with an agent (agent).",
    ("lab", "state"),
)
FORGOTTEN = Metric(
    "haidang_lan_forgotten_total", "Devices forgotten before their 30 days, for want of room.", kind="counter"
)
METHOD = Metric("school_lan_sweep_info", "How devices were looked for; always 1.", ("method",))
PROBLEMS = Metric("haidang_lan_problems", "Odd things met while looking for devices, as proxy ARP or a shared address.")

PACKETS_PER_SECOND = (1, 1000)
LONGEST_SECONDS = 120
MOST_REMEMBERED = 8192
DEVICES_SECONDS = 900.0
"""What is told of those online holds for three sweeps."""


@dataclass(frozen=True, slots=True)
class Settings:
    """`interfaces` empty: all that hold an IPv4 subnet and are not virtual. `largest_prefix` 20 is 4,094 addresses.

    `subnets` are further ones, that devices of [[snmp]] know. `questions`: devices are asked by mDNS, SSDP,
    WS-Discovery and NetBIOS who they are, every `ask_every_seconds`. `ports`: whether a few TCP ports are open.
    """

    interfaces: tuple[str, ...] = ()
    subnets: tuple[str, ...] = ()
    packets_per_second: float = 200.0
    largest_prefix: int = 20
    questions: bool = True
    ask_every_seconds: float = 3600.0
    ports: bool = False


@dataclass(slots=True)
class Lan:
    """Remembers what devices have shown, so that they are asked seldom, and who was there."""

    settings: Settings
    host: Host
    _evidence: dict[str, Evidence] = field(default_factory=dict)
    _addresses: frozenset[IPv4Address] = frozenset()
    _asked: float = float("-inf")
    _census: Census = field(init=False)

    def __post_init__(self) -> None:
        from haidang_agent.labs.census import Census  # noqa: PLC0415 - 2 MiB, for machines that run this probe

        try:
            self._census = Census(self.host)
        except ValueError as wrong:
            raise ProbeError("misconfigured", str(wrong)) from wrong

    def collect(self) -> Iterator[Sample]:
        """Look through each subnet once."""
        from haidang_agent.discovery.verdict import CLASSES  # noqa: PLC0415 - as above

        swept = self._networks()
        result = self._survey((*swept, *self._census.further(swept)))
        self._remember(result.devices)
        try:
            tally = self._census.take(result, swept, self.settings.packets_per_second)
        except OSError as refused:
            raise ProbeError("unreadable", f"the roll call: {refused}") from refused
        for class_ in CLASSES:
            yield Sample(DEVICES, float(tally.here[class_]), (class_, "online"))
            yield Sample(DEVICES, float(tally.seen[class_]), (class_, "seen"))
        for room, state, number in self._census.computers(result, swept, tally):
            yield Sample(COMPUTERS, float(number), (room, state))
        for method in sorted(result.methods):
            yield Sample(METHOD, 1.0, (method,))
        yield Sample(PROBLEMS, float(len(result.problems.told(translated=False)) + self._census.problems))
        self.host.totals.add(FORGOTTEN, tally.forgotten)
        yield self.host.totals.sample(FORGOTTEN)

    def close(self) -> None:
        self._census.close()

    def _networks(self) -> tuple[IPv4Network, ...]:
        try:
            subnets = own_subnets(self.settings.interfaces, self.host.watch.outside)
        except LookupError as unknown:
            raise ProbeError("misconfigured", f"[probes.lan] interfaces: {unknown}") from unknown
        if not subnets:
            raise NothingToMeasureError("no interface that is up has an IPv4 subnet")
        own = {subnet.network: f" on {subnet.interface}" for subnet in subnets}
        try:
            further = dict.fromkeys(map(IPv4Network, self.settings.subnets), "")
        except ValueError as wrong:
            raise ProbeError("misconfigured", f"[probes.lan] subnets: {wrong}; write as 10.20.1.0/24") from wrong
        networks = further | own
        _check(self.settings, networks)
        return tuple(networks)

    def _survey(self, networks: tuple[Network, ...]) -> Survey:
        from haidang_agent.discovery.looking import DeniedError  # noqa: PLC0415 - as above
        from haidang_agent.discovery.survey import Plan, survey  # noqa: PLC0415

        due = time.monotonic() >= self._asked + self.settings.ask_every_seconds
        plan = Plan(
            networks=networks,
            packets_per_second=self.settings.packets_per_second,
            questions=self.settings.questions and due,
            ports=self.settings.ports and due,
            is_router="router" in self.host.watch.roles,
            snmp=self.host.watch.snmp,
            known=self._evidence,
            likely=self._addresses,
            claim=self._census.claim,
            proc=self.host.proc,
        )
        try:
            result = survey(plan)
        except DeniedError as denied:
            raise ProbeError("denied", str(denied)) from denied
        except OSError as failed:
            raise ProbeError("unreadable", str(failed)) from failed
        if due:
            self._asked = time.monotonic()
        return result

    def _remember(self, devices: Sequence[Device]) -> None:
        """Of those that are here now, and of others as long as there is room; who is here is told as evidence."""
        kept = self._evidence
        self._evidence = {device.mac: device.evidence for device in devices}
        for mac, evidence in kept.items():
            if len(self._evidence) < MOST_REMEMBERED:
                self._evidence.setdefault(mac, evidence)
        self._addresses = frozenset(IPv4Address(ip) for device in devices for ip in device.ips if ":" not in ip)
        online = [{"mac": each.mac, "ip": ip, "class": each.verdict.class_} for each in devices for ip in each.ips[:1]]
        self.host.evidence.tell("lan_devices", "", online, DEVICES_SECONDS)


def _check(settings: Settings, networks: Mapping[IPv4Network, str]) -> None:
    """The values say where a network is."""
    low, high = PACKETS_PER_SECOND
    if not low <= settings.packets_per_second <= high:
        raise ProbeError(
            "misconfigured", f"[probes.lan] packets_per_second = {settings.packets_per_second}: not in {low}…{high}"
        )
    for network, where in networks.items():
        if network.prefixlen < settings.largest_prefix:
            raise ProbeError(
                "misconfigured",
                f"{network}{where} is larger than /{settings.largest_prefix}; to look through it all the same "
                f"set [probes.lan] largest_prefix = {network.prefixlen}, else name other `interfaces` there",
            )
    # ARP asks twice, and the roll call then asks those who are there no more often.
    seconds = sum(2 * network.num_addresses for network in networks) / settings.packets_per_second
    if seconds > LONGEST_SECONDS:
        raise ProbeError(
            "misconfigured",
            f"looking through {', '.join(map(str, networks))} would take {seconds:.0f} s; set [probes.lan] "
            f"packets_per_second to {settings.packets_per_second * seconds / LONGEST_SECONDS:.0f} or more",
        )


PROBE = Probe(
    name="lan",
    start=Lan,
    settings=Settings,
    metrics=(DEVICES, COMPUTERS, METHOD, PROBLEMS, FORGOTTEN),
    every_seconds=300,
    timeout_seconds=250,
    roles=frozenset({"site", "router"}),
    needs=frozenset({"CAP_NET_RAW"}),
)
