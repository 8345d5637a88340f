"""The virtual school and its city: `with VirtualSchool() as school: school.cut_fibre("VNPT")`.

    PC … PC ── switch ── router ══ line ══ ISP ── Internet (targets) ── centre
                                ══ line ══ ISP ──┘

Every link lies between two namespaces made here; nothing of the machine's own network is touched. Addresses are the
documentation's (RFC 5737) outside the school and 10.20.0.0/24, 2001:db8:20::/64 (RFC 3849) inside.
"""

from __future__ import annotations

import itertools
import os
import re
from contextlib import ExitStack
from pathlib import Path
from typing import Self

from tests.lab.isp import Isp
from tests.lab.node import NAMESPACES, Node, add_namespaces, remove_namespaces

PREFIX = re.compile(r"hd(\d+)-\d+-")
_number = itertools.count()


class VirtualSchool:
    """A school with its PCs (numbered from 1), router and ISPs; the first ISP carries the traffic at first.

    `deny_ping` takes unprivileged ICMP from the PCs. Leftovers of programs that were killed are swept at the start.
    """

    lan = "10.20.0.0/24"
    router_address = "10.20.0.1"
    centre_address = "192.0.2.10"
    common_target = "198.51.100.200"

    def __init__(self, isps: tuple[str, ...] = ("VNPT", "Viettel"), pcs: int = 2, *, deny_ping: bool = False) -> None:
        prefix = f"hd{os.getpid()}-{next(_number)}-"
        self.internet, self.centre = Node(prefix + "net"), Node(prefix + "centre")
        self.router, self.switch = Node(prefix + "router"), Node(prefix + "switch")
        self.isps = {name: Isp(f"{prefix}isp{number}", name, number) for number, name in enumerate(isps)}
        self.pcs = [Node(f"{prefix}pc{number}") for number in range(1, pcs + 1)]
        self.carrier = isps[0]
        self._deny_ping = deny_ping
        self._stack = ExitStack()

    @property
    def targets(self) -> list[str]:
        """Addresses in the Internet: one of each ISP, and one that all reach."""
        return [isp.target for isp in self.isps.values()] + [self.common_target]

    def pc(self, number: int) -> Node:
        """PC `number`, from 1."""
        return self.pcs[number - 1]

    def pc_address(self, number: int) -> str:
        return f"10.20.0.{10 + number}"

    def pc_mac(self, number: int) -> str:
        """Locally administered, so that no real vendor is meant."""
        return f"02:00:5e:00:20:{number:02x}"

    def __enter__(self) -> Self:
        _sweep_leftovers()
        nodes = [self.internet, self.centre, self.router, self.switch, *self.isps.values(), *self.pcs]
        with ExitStack() as stack:
            stack.callback(remove_namespaces, nodes)
            add_namespaces(nodes)
            self._build_outside()
            self._build_lan()
            self.use_isp(self.carrier)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def use_isp(self, name: str) -> None:
        """The router sends the school's traffic by this ISP from now on."""
        self.carrier = name
        self.router.ip(f"route replace default via {self.isps[name].gateway}")

    def cut_fibre(self, isp: str) -> None:
        """Carrier lost on the router's port."""
        self.isps[isp].cut_fibre()

    def cut_isp(self, isp: str) -> None:
        """The gateway still answers, nothing behind it does."""
        self.isps[isp].cut_core()

    def lose(self, isp: str, percent: float) -> None:
        self.isps[isp].lose(percent)

    def delay(self, isp: str, seconds: float) -> None:
        self.isps[isp].delay(seconds)

    def limit(self, isp: str, mbit: float) -> None:
        self.isps[isp].limit(mbit)

    def repair(self, isp: str) -> None:
        """Undo whatever was done to this ISP."""
        self.isps[isp].repair()
        self.internet.ip(self.isps[isp].route_from_core)
        if isp == self.carrier:
            self.use_isp(isp)

    def power_off(self, pc: int) -> None:
        """Every process of the PC dies at once, and its port on the switch goes dark."""
        self.pc(pc).kill_all()
        self.switch.ip(f"link set pc{pc} down")

    def power_on(self, pc: int) -> None:
        self.switch.ip(f"link set pc{pc} up")

    def take_router_away(self) -> None:
        """Its ports go dark on both sides."""
        self.switch.ip("link set router down")
        for isp in self.isps.values():
            isp.cut_fibre()

    def bring_router_back(self) -> None:
        self.switch.ip("link set router up")
        for name in self.isps:
            self.repair(name)

    def _build_outside(self) -> None:
        self.router.ip(*self._link("centre", self.centre, "eth0", self.internet))
        self.centre.ip(
            f"addr add {self.centre_address}/24 dev eth0", "link set eth0 up", "route add default via 192.0.2.1"
        )
        self.internet.ip(
            "addr add 192.0.2.1/24 dev centre",
            "link set centre up",
            f"addr add {self.common_target}/32 dev lo",
            *(f"addr add {isp.target}/32 dev lo" for isp in self.isps.values()),
        )
        for node in (self.internet, self.router, *self.isps.values()):
            node.sysctl(net_ipv4_ip_forward="1")
        for isp in self.isps.values():
            self._build_isp(isp)

    def _link(self, far_name: str, near: Node, near_name: str, far: Node) -> list[str]:
        """A cable: `near_name` in `near`, `far_name` in `far`."""
        return [f"link add {near_name} netns {near.name} type veth peer name {far_name} netns {far.name}"]

    def _build_isp(self, isp: Isp) -> None:
        wan, core = f"wan{isp.number + 1}", f"isp{isp.number}"
        self.router.ip(*self._link("line", self.router, wan, isp), *self._link(core, isp, "core", self.internet))
        isp.ip(
            f"addr add {isp.gateway}/28 dev line",
            f"addr add 10.255.{isp.number}.1/30 dev core",
            "link set line up",
            "link set core up",
        )
        self.internet.ip(
            f"addr add 10.255.{isp.number}.2/30 dev {core}",
            f"link set {core} up",
            isp.route_from_core,
        )
        self.router.ip(f"addr add {isp.customer}/28 dev {wan}", f"link set {wan} up")
        isp.connect()

    def _build_lan(self) -> None:
        self.switch.ip("link add lan type bridge", "link set lan up")
        self.router.ip(*self._link("router", self.router, "lan", self.switch))
        self.router.ip(
            f"addr add {self.router_address}/24 dev lan", "addr add 2001:db8:20::1/64 dev lan nodad", "link set lan up"
        )
        self.router.nft(
            "add table ip nat",
            "add chain ip nat post { type nat hook postrouting priority 100; }",
            'add rule ip nat post oifname "wan*" masquerade',
        )
        self.switch.ip("link set router master lan", "link set router up")
        for number, pc in enumerate(self.pcs, 1):
            self.switch.ip(*self._link(f"pc{number}", pc, "eth0", self.switch))
            self.switch.ip(f"link set pc{number} master lan", f"link set pc{number} up")
            pc.ip(
                f"link set eth0 address {self.pc_mac(number)}",
                f"addr add {self.pc_address(number)}/24 brd + dev eth0",
                f"addr add 2001:db8:20::{10 + number}/64 dev eth0 nodad",
                "link set eth0 up",
                f"route add default via {self.router_address}",
            )
            if self._deny_ping:
                pc.sysctl(net_ipv4_ping_group_range="1 0")


def _sweep_leftovers() -> None:
    """Namespaces of virtual schools whose program is gone."""
    names = [entry.name for entry in NAMESPACES.iterdir()] if NAMESPACES.is_dir() else []
    found = ((match, name) for name in names if (match := PREFIX.match(name)))
    remove_namespaces(Node(name) for match, name in found if not Path(f"/proc/{match[1]}").exists())
