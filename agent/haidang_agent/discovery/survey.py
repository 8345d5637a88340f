"""Looks through networks once and tells which devices are there, of which class, and why we think so."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network, IPv6Network
from pathlib import Path
from typing import TYPE_CHECKING

from haidang_agent.discovery import looking, ports
from haidang_agent.discovery.asking import Asker
from haidang_agent.discovery.device import describe
from haidang_agent.discovery.evidence import Evidence, Sign
from haidang_agent.discovery.ipv6 import AllNodes
from haidang_agent.discovery.merging import Merged, attach
from haidang_agent.discovery.verdict import clues
from haidang_agent.i18n import N_
from haidang_agent.platform import system
from haidang_agent.platform.sweeping import NOBODY, Pace

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from haidang_agent.discovery.device import Device
    from haidang_agent.discovery.looking import Way
    from haidang_agent.discovery.merging import Found
    from haidang_agent.discovery.told import Failed, Told
    from haidang_agent.lanwatch.problems import Problems
    from haidang_agent.tables import Snmp

NOT_REACHED = N_("{network}: no interface of this machine is in it, and no device tells of it by SNMP")
STRANGERS = N_("{host}: {count} MAC addresses behind its ports have no address in these networks: not counted")
NOT_READ = N_("SNMP: {why}")


@dataclass(frozen=True, slots=True)
class Plan:
    """What to look through, and how.

    `ports` tries the few TCP ports of ports.py; `questions` asks by mDNS, SSDP, WS-Discovery and NetBIOS; `known` is
    evidence from elsewhere by MAC address, `likely` who was there before. `hurry` trades patience for time. `claim` is
    handed the strangers behind switches' ports, by MAC address, and the devices; whom it returns is one of these.
    """

    networks: tuple[IPv4Network | IPv6Network, ...]
    interface: str = ""
    packets_per_second: float = 1000.0
    questions: bool = True
    ports: bool = False
    hurry: bool = False
    is_router: bool = False
    snmp: tuple[Snmp, ...] = ()
    known: Mapping[str, Evidence] = field(default_factory=dict)
    likely: Collection[IPv4Address] = ()
    claim: Callable[[Mapping[str, Found], Collection[Found]], Iterable[Found]] = lambda _strangers, _devices: ()
    tell: Callable[[int, int], None] | None = None
    proc: Path = Path("/proc")


@dataclass(frozen=True, slots=True)
class Survey:
    """`virtual` are addresses by the MAC address of a group of routers; `methods` are arp, neighbours, snmp."""

    devices: tuple[Device, ...]
    virtual: Mapping[str, tuple[str, ...]]
    problems: Problems
    methods: frozenset[str]


def survey(plan: Plan) -> Survey:
    """Look once. Raises LookupError for an interface that is not here, OSError, looking.DeniedError."""
    ways, apart = looking.ways([net for net in plan.networks if isinstance(net, IPv4Network)], plan.interface)
    pace = Pace(plan.packets_per_second)
    merged = Merged()
    methods = set()
    with ExitStack() as stack:
        pool = stack.enter_context(ThreadPoolExecutor(1))
        remembered = pool.submit(_read_snmp, plan.snmp) if plan.snmp else None
        pool.submit(clues)  # 10 ms that the sweep leaves idle
        interfaces = dict.fromkeys([*(way.interface for way in ways), *([plan.interface] if plan.interface else [])])
        all_nodes = [stack.enter_context(AllNodes(interface)) for interface in interfaces]
        methods |= _look(merged, ways, pace, plan)
        for each in all_nodes:
            merged.ipv6(each.found(), [net for net in plan.networks if isinstance(net, IPv6Network)])
        if remembered:
            methods.add("snmp")
            _remember(merged, remembered.result(), apart, plan)
    known = [address for found in merged.devices.values() for address in found.ips]
    for network in apart:
        if not any(address in network for address in known):
            merged.problems.note(NOT_REACHED, network=network)
    if plan.ports:
        _try_ports(merged, pace)
    _add_known(merged, plan)
    return Survey(
        devices=describe(merged.devices.values()),
        virtual={mac: tuple(map(str, addresses)) for mac, addresses in merged.virtual.items()},
        problems=merged.problems,
        methods=frozenset(methods),
    )


def _look(merged: Merged, ways: Iterable[Way], pace: Pace, plan: Plan) -> set[str]:
    """Sweep network by network, and ask who is who meanwhile. Returns the methods used."""
    ways = list(ways)
    gateways = frozenset(address for _, address in system.default_gateways(plan.proc))
    heard: dict[IPv4Address, Evidence] = {}
    methods = set()
    with ExitStack() as stack:
        askers = {}
        for own in dict.fromkeys(way.own for way in ways if plan.questions and way.own != NOBODY):
            networks = [way.network for way in ways if way.own == own]
            broadcasts = [way.home.broadcast_address for way in ways if way.own == own and way.home == way.network]
            askers[own] = stack.enter_context(Asker(own, networks, broadcasts, pace, hurry=plan.hurry))
            askers[own].ask_everybody()
        for way in ways:
            asker = askers.get(way.own)
            found = looking.look(
                way, pace, plan.proc, likely=plan.likely, hurry=plan.hurry, tell=plan.tell,
                met=asker.ask_host if asker else None,
            )  # fmt: skip
            methods.add(found.method)
            merged.swept(way.network, found.answers, gateways)
            merged.neighbours(found.unplaced)
            if way.own in way.network:
                merged.own(way.mac, way.own)
        for asker in askers.values():
            asker.finish()
            heard |= asker.heard
    attach(merged.devices, heard)
    attach(merged.devices, {address: Evidence([Sign("role", "is the default gateway")]) for address in gateways})
    return methods


def _read_snmp(targets: Iterable[Snmp]) -> list[Told | Failed]:
    from haidang_agent.discovery.told import read_all  # noqa: PLC0415 - 60 ms where no device is named

    return read_all(tuple(targets))


def _remember(merged: Merged, answers: Iterable[Told | Failed], apart: Iterable[IPv4Network], plan: Plan) -> None:
    from haidang_agent.discovery.told import Failed  # noqa: PLC0415 - as above

    told = []
    for answer in answers:
        if isinstance(answer, Failed):
            merged.problems.note(
                NOT_READ, why=answer.why if answer.host in answer.why else f"{answer.host}: {answer.why}"
            )
            continue
        if answer.cut:
            merged.problems.note(NOT_READ, why=f"{answer.host}: {answer.cut}")
        merged.told(answer, apart)
        told.append(answer)
    strangers = merged.place(told)
    merged.devices |= {found.mac: found for found in plan.claim(strangers, merged.devices.values())}
    for device in told:
        count = len((strangers.keys() & device.places.keys()) - merged.devices.keys())
        if count:
            merged.problems.note(STRANGERS, host=device.host, count=count)


def _try_ports(merged: Merged, pace: Pace) -> None:
    hosts = [address for found in merged.devices.values() for address in found.ips[:1]]
    for address, open_ports in ports.open_ports(hosts, pace).items():
        attach(merged.devices, {address: Evidence(Sign("port", str(port)) for port in sorted(open_ports))})


def _add_known(merged: Merged, plan: Plan) -> None:
    own = merged.unite(looking.own_cards())
    if own:
        own.evidence.add([Sign("own", "runs this agent" + (" as router" if plan.is_router else ""))])
    for mac, found in merged.devices.items():
        if mac in plan.known:
            found.evidence.add(plan.known[mac])
