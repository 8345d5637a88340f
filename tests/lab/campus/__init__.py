"""A school with three computer rooms: `with Campus() as campus: …`; docs/virtual-school.md has the picture.

What stands in it is in inhabitants.py; how its switch tells of it, in switch.py; the PCs that are more than a
stand-in, in machine.py.
"""

from __future__ import annotations

import json
import socket
from contextlib import ExitStack
from typing import TYPE_CHECKING, Self

from tests.lab.campus.inhabitants import CROWDS, PORTS, ROUTER_MACS, VLANS
from tests.lab.campus.machine import Machine
from tests.lab.campus.switch import ManagedSwitch
from tests.lab.lan import Host, StandIn
from tests.lab.node import cable
from tests.lab.school import VirtualSchool
from tests.waiting import eventually

if TYPE_CHECKING:
    from types import TracebackType

    from tests.lab.node import Node

SERVER, OFFICE, ROOM_2, ROOM_3 = range(1, 5)
"""The PCs that are machines of their own: the site's agent, the management's, one in each of two rooms."""
SECOND_CARD = "10.20.20.2"
DISCARD_PORT = 9


class Campus(VirtualSchool):
    """A switch of three VLANs, a router with a leg in each that answers for all of VLAN 20, four PCs and the crowds.

    At first nobody of the crowds is there.
    """

    def __init__(self) -> None:
        super().__init__(isps=("VNPT", "Viettel"), pcs=4)
        self._crowds = ExitStack()

    def pc_mac(self, number: int) -> str:
        """Of a vendor, so that it counts as a machine's own."""
        return f"8c:ec:4b:00:ff:{number:02x}"

    def __enter__(self) -> Self:
        super().__enter__()
        with ExitStack() as stack:
            stack.push(super().__exit__)
            folders = {number: self.folder / f"pc{number}" for number in range(1, len(self.pcs) + 1)}
            for folder in folders.values():
                folder.mkdir()
            self.machines = {
                number: Machine(self.pc(number), folder, self.pc_mac(number)) for number, folder in folders.items()
            }
            self.machines[OFFICE].plug_in_webcam()
            self.machines[OFFICE].plug_in_printer()
            self._plug_together()
            self.managed = ManagedSwitch(self.switch.name, PORTS, VLANS)
            stack.push(self._crowds)
            self._stack_of_campus = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack_of_campus.__exit__(kind, error, trace)

    def switch_on(self, share_off: float = 0.0) -> None:
        """All of the crowds but so many of each room's PCs, which are off.

        Those that are on have talked when this returns, so that switch and router know them; the router has forgotten
        the others, as it does after hours.
        """
        self._crowds.close()
        here: list[Host] = []
        for crowd in CROWDS:
            present = crowd.present(share_off)
            here += present
            self._crowds.enter_context(StandIn(self.switch.name, f"far-{crowd.port}", present))
        self._crowds.enter_context(StandIn(self.switch.name, "far-mgmt", [self.managed.host]))
        self.router.ip(*(f"neigh flush dev {port}" for port in ROUTER_MACS))
        addresses = {address for host in here for address in host.addresses}
        self._speak_to(addresses)
        eventually("the router knows everybody", lambda: addresses <= self._neighbours(), seconds=15)

    def replace_card(self, number: int, mac: str) -> None:
        """Power off, another network card in, power on; programs have to be started."""
        self.power_off(number)
        self.pc(number).ip(f"link set eth0 down address {mac}", "link set eth0 up")
        self.pc(number).ip(f"route replace default via {_gateway(self._vlan_of(number))}")
        self.machines[number].has_card(mac)
        self.power_on(number)

    def boot_other_system(self, number: int, address: str) -> None:
        """On the same machine, which gets another address by DHCP; programs have to be started."""
        self.power_off(number)
        self.pc(number).ip("addr flush dev eth0")
        self._address(self.pc(number), "eth0", address, self._vlan_of(number))
        self.power_on(number)

    def _plug_together(self) -> None:
        for vlan, bridge in VLANS.items():
            if bridge != "lan":
                self.switch.ip(f"link add {bridge} type bridge", f"link set {bridge} up")
                port = f"lan{vlan}"
                self.switch.ip(cable(f"router{vlan}", port, self.router), f"link set router{vlan} master {bridge} up")
                self.router.ip(f"addr add {_gateway(vlan)}/24 dev {port}", f"link set {port} up")
        self.router.ip(*(f"link set {port} address {mac}" for port, mac in ROUTER_MACS.items()))
        proxy = {"conf/lan20/proxy_arp_pvlan": "1", "neigh/lan20/proxy_delay": "0"}
        self.router.sysctl({f"ipv4/{key}": value for key, value in proxy.items()})
        for crowd in CROWDS:
            self._plug_in(crowd.port, VLANS[crowd.vlan])
        self._plug_in("mgmt", "lan")
        self._move_pcs()

    def _plug_in(self, port: str, bridge: str) -> None:
        """The far end of the cable is in the switch's own namespace, where a stand-in answers on it."""
        self.switch.ip(
            f"link add {port} type veth peer name far-{port}",
            f"link set far-{port} addrgenmode none",
            f"link set far-{port} up",
            f"link set {port} master {bridge} up",
        )

    def _move_pcs(self) -> None:
        """The server gets a second card in VLAN 20; the PCs of the rooms move there."""
        server = self.pc(SERVER)
        self.switch.ip(cable("pc1b", "eth1", server), "link set pc1b master vlan20 up")
        server.ip("link set eth1 address 8c:ec:4b:00:fe:01", f"addr add {SECOND_CARD}/24 brd + dev eth1")
        server.ip("link set eth1 up")
        for number, address in ((ROOM_2, "10.20.20.30"), (ROOM_3, "10.20.20.60")):
            self.switch.ip(f"link set pc{number} master vlan20")
            self.pc(number).ip("addr flush dev eth0")
            self._address(self.pc(number), "eth0", address, 20)

    def _vlan_of(self, number: int) -> int:
        return 20 if number in (ROOM_2, ROOM_3) else 1

    @staticmethod
    def _address(pc: Node, card: str, address: str, vlan: int) -> None:
        pc.ip(f"addr add {address}/24 brd + dev {card}", f"route replace default via {_gateway(vlan)}")

    def _speak_to(self, addresses: set[str]) -> None:
        with self.router.inside(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as speaking:
            for address in sorted(addresses):
                speaking.sendto(b"", (address, DISCARD_PORT))

    def _neighbours(self) -> set[str]:
        shown = json.loads(self.router.run("ip", "-j", "-4", "neigh", "show", check=True).stdout)
        return {row["dst"] for row in shown if "lladdr" in row}


def _gateway(vlan: int) -> str:
    return f"10.20.{0 if vlan == 1 else vlan}.1"
