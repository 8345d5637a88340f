"""Everything that is read of a device, put together; `haidang-agent snmp` prints it."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from haidang_agent.snmp.device import classify
from haidang_agent.snmp.forwarding import read_forwarding
from haidang_agent.snmp.interfaces import read_interfaces
from haidang_agent.snmp.lldp import read_lldp
from haidang_agent.snmp.neighbours import read_neighbours
from haidang_agent.snmp.opening import open_session
from haidang_agent.snmp.optics import read_optics
from haidang_agent.snmp.printer import read_printer
from haidang_agent.snmp.routes import read_default_routes
from haidang_agent.snmp.system import read_system
from haidang_agent.snmp.wan_guess import propose_wans

if TYPE_CHECKING:
    from collections.abc import Callable

    from haidang_agent.snmp.device import Device
    from haidang_agent.snmp.forwarding import Forwarding
    from haidang_agent.snmp.interfaces import Interface
    from haidang_agent.snmp.lldp import LldpNeighbour
    from haidang_agent.snmp.neighbours import Neighbour
    from haidang_agent.snmp.optics import Optic
    from haidang_agent.snmp.printer import Printer
    from haidang_agent.snmp.routes import DefaultRoute
    from haidang_agent.snmp.session import Limits, Session
    from haidang_agent.snmp.system import System
    from haidang_agent.snmp.wan_guess import Proposal
    from haidang_agent.tables import Snmp


@dataclass(frozen=True, slots=True)
class Reading:
    """What the device does not tell is None or empty; what it tells wrongly stands in `problems`."""

    system: System
    device: Device
    interfaces: list[Interface]
    optics: list[Optic]
    arp: list[Neighbour]
    fdb: list[Forwarding]
    default_routes: list[DefaultRoute]
    lldp: list[LldpNeighbour]
    printer: Printer | None
    wan_interfaces: list[Proposal]
    problems: list[str]

    def as_json(self) -> dict[str, Any]:
        """What `haidang-agent snmp --json` prints."""
        return {**asdict(self), "device": self.device.as_json()}


def read_device(target: Snmp, limits: Limits) -> Reading:
    """Read all of a device. Raises SnmpError and ValueError as open_session does."""
    with ExitStack() as stack:

        def of_vlan(vlan: int) -> Session:
            return stack.enter_context(
                open_session(replace(target, community=f"{target.community}@{vlan}"), replace(limits, tries=2))
            )

        session = stack.enter_context(open_session(target, limits))
        return read(session, None if target.version == "3" else of_vlan)


def read_wans(target: Snmp, limits: Limits | None = None) -> list[Proposal]:
    """Which interfaces of a device look like WANs. Raises SnmpError and ValueError as open_session does."""
    with open_session(target, limits) as session:
        interfaces = read_interfaces(session)
        labels = {interface.index: interface.label for interface in interfaces}
        return propose_wans(interfaces, read_default_routes(session, labels, read_neighbours(session)))


def read(session: Session, of_vlan: Callable[[int], Session] | None = None) -> Reading:
    """Read all of a device; `of_vlan` asks as `community@VLAN` (see forwarding). Raises SnmpError."""
    system = read_system(session)
    interfaces = read_interfaces(session)
    labels = {interface.index: interface.label for interface in interfaces}
    neighbours = read_neighbours(session)
    routes = read_default_routes(session, labels, neighbours)
    return Reading(
        system=system,
        device=classify(session, system),
        interfaces=interfaces,
        optics=read_optics(session, interfaces),
        arp=neighbours,
        fdb=read_forwarding(session, labels, of_vlan),
        default_routes=routes,
        lldp=read_lldp(session),
        printer=read_printer(session),
        wan_interfaces=propose_wans(interfaces, routes),
        problems=list(dict.fromkeys(session.problems)),
    )
