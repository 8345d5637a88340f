"""The virtual school and its city: `with VirtualSchool() as school: school.cut_fibre("VNPT")`.

    PC … PC ── switch ── router ══ line ══ ISP ── Internet (targets) ── centre
                                ══ line ══ ISP ──┘

Every link lies between two namespaces made here; nothing of the machine's own network is touched. Outside the school
the addresses are the documentation's (RFC 5737, RFC 3849), inside 10.20.0.0/24 and 2001:db8:20::/64.
"""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self

from tests.lab import guardian
from tests.lab.isp import Isp
from tests.lab.node import Node, add_namespaces, cable, remove_namespaces
from tests.lab.router import Router
from tests.lab.snmp import Snmpd, snmpd

if TYPE_CHECKING:
    from collections.abc import Collection
    from contextlib import AbstractContextManager
    from types import TracebackType

    from tests.lab.isp import Change

MOST_ISPS, MOST_PCS = 16, 200
_number = itertools.count()


class VirtualSchool:
    """A school with its PCs (numbered from 1), router and ISPs; the first ISP carries the traffic at first.

    `deny_ping` takes unprivileged ICMP from the PCs. `folder` is for files of what runs here. All is gone after the
    `with`, and also when this program is killed. `cgnat` names the ISPs that give their customers no public address.
    """

    lan = "10.20.0.0/24"
    router_address, router_address6 = "10.20.0.1", "2001:db8:20::1"
    centre_address, centre_address6 = "192.0.2.10", "2001:db8:ce::10"
    common_target, common_target6 = "198.51.100.200", "2001:db8:f::c8"

    def __init__(
        self,
        isps: tuple[str, ...] = ("VNPT", "Viettel"),
        pcs: int = 2,
        *,
        deny_ping: bool = False,
        cgnat: Collection[str] = (),
    ) -> None:
        if not 0 < len(isps) <= MOST_ISPS or not 0 <= pcs <= MOST_PCS:
            raise ValueError(f"1 to {MOST_ISPS} ISPs and up to {MOST_PCS} PCs, not {len(isps)} and {pcs}")
        self._prefix = f"{guardian.maker()}{next(_number)}-"
        self.internet, self.centre = Node(self._prefix + "net"), Node(self._prefix + "centre")
        self.isps = {
            name: Isp(f"{self._prefix}isp{number}", name, number, cgnat=name in cgnat)
            for number, name in enumerate(isps)
        }
        self.router = Router(self._prefix + "router", tuple(self.isps.values()))
        self.switch = Node(self._prefix + "switch")
        self.pcs = [Node(f"{self._prefix}pc{number}") for number in range(1, pcs + 1)]
        self.carrier = isps[0]
        self.router_is_there = True
        self._deny_ping = deny_ping
        self._stack = ExitStack()

    @property
    def targets(self) -> list[str]:
        """Addresses in the Internet: one of each ISP, and one of neither. All are reached by every ISP."""
        return [isp.target for isp in self.isps.values()] + [self.common_target]

    @property
    def targets6(self) -> list[str]:
        return [isp.target6 for isp in self.isps.values()] + [self.common_target6]

    def pc(self, number: int) -> Node:
        """PC `number`, from 1."""
        return self.pcs[number - 1]

    def pc_address(self, number: int) -> str:
        return f"10.20.0.{10 + number}"

    def pc_address6(self, number: int) -> str:
        return f"2001:db8:20::{10 + number}"

    def pc_mac(self, number: int) -> str:
        """Locally administered, so that no real vendor is meant."""
        return f"02:00:5e:00:20:{number:02x}"

    def has_carrier(self, isp: str) -> bool:
        """What the router's port to this ISP says."""
        shown = self.router.run("ip", "-j", "link", "show", self.isps[isp].wan, check=True)
        return "LOWER_UP" in json.loads(shown.stdout)[0]["flags"]

    def __enter__(self) -> Self:
        guardian.sweep()
        nodes = [self.internet, self.centre, self.router, self.switch, *self.isps.values(), *self._edges, *self.pcs]
        with ExitStack() as stack:
            self.folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix=self._prefix)))
            stack.enter_context(_Guarded(self._prefix, self.folder))
            stack.callback(remove_namespaces, nodes)
            add_namespaces(nodes)
            self._build_outside()
            self._build_lan()
            self.use_isp(self.carrier)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    def use_isp(self, name: str) -> None:
        """The router sends the school's traffic by this ISP from now on."""
        self.router.use(self.isps[name])
        self.carrier = name

    def cut_fibre(self, isp: str) -> None:
        """Carrier lost on the router's port."""
        self.isps[isp].cut_fibre()

    def cut_isp(self, isp: str) -> None:
        """The gateway still answers, nothing behind it does."""
        self.isps[isp].cut_core()

    def cut_gateway(self, isp: str) -> None:
        """The line is lit, but the gateway is dead: it answers not even ARP."""
        self.isps[isp].cut_gateway()

    def lose(self, isp: str, percent: float, *, both_ways: bool = False) -> None:
        """So many of the packets that the school sends by this ISP are lost, and as many of the answers."""
        self.isps[isp].lose(percent, both_ways=both_ways)

    def flap(self, isp: str, what: Literal["fibre", "core"], period: float, count: int) -> list[Change]:
        """The fibre, or what lies behind the gateway, is cut and mended so many times; returns after the last."""
        return self.isps[isp].flap(what, period, count)

    def lose_address(self, isp: str) -> None:
        """The router's IPv4 address on this line goes, and with it every route by it, as when a lease runs out."""
        self.router.lose_address(self.isps[isp])

    def delay(self, isp: str, seconds: float) -> None:
        """The way through this ISP takes so much longer."""
        self.isps[isp].delay(seconds)

    def limit(self, isp: str, mbit: float) -> None:
        """Throughput in each direction."""
        self.isps[isp].limit(mbit)

    def repair(self, isp: str) -> None:
        """Undo whatever was done to this ISP; a lost address comes back with the default route that it took along."""
        lost = "address" in self.isps[isp].faults
        self.isps[isp].repair()
        if lost:
            self.router.regain_address(self.isps[isp])
            if isp == self.carrier:
                self.use_isp(isp)

    def repair_all(self) -> None:
        """Undo every fault there is; the traffic stays with the ISP that carries it, by a plain default route."""
        for isp in self.isps:
            self.repair(isp)
        self.router.forget_tables()
        self.bring_router_back()
        self.switch.ip(*(f"link set pc{number} up" for number in range(1, len(self.pcs) + 1)))

    def power_off(self, pc: int) -> None:
        """Every process of the PC dies at once, and its port on the switch goes dark."""
        self.pc(pc).kill_all()
        self.switch.ip(f"link set pc{pc} down")

    def power_on(self, pc: int) -> None:
        """The port is lit again; what shall run there has to be started."""
        self.switch.ip(f"link set pc{pc} up")

    def take_router_away(self) -> None:
        """Its processes die, and its ports go dark on both sides."""
        self.router.kill_all()
        self.router.ip(*(f"link set {port} down" for port in self._router_ports))
        self.router_is_there = False

    def bring_router_back(self) -> None:
        """With the ISP that carried the traffic before; a fibre that is cut stays cut."""
        self.router.ip(*(f"link set {port} up" for port in self._router_ports))
        self.router_is_there = True
        self.use_isp(self.carrier)

    def snmpd(self) -> AbstractContextManager[Snmpd]:
        """The router answers SNMP on its LAN address, as net-snmp tells it (Debian's snmpd)."""
        return snmpd(self.router, self.router_address, self.folder)

    @property
    def _edges(self) -> list[Node]:
        return [isp.edge for isp in self.isps.values() if isp.edge]

    @property
    def _router_ports(self) -> list[str]:
        return ["lan", *(isp.wan for isp in self.isps.values())]

    def _build_outside(self) -> None:
        self.centre.ip(
            cable("eth0", "centre", self.internet),
            f"addr add {self.centre_address}/24 dev eth0",
            f"addr add {self.centre_address6}/64 dev eth0",
            "link set eth0 up",
            "route add default via 192.0.2.1",
            "route add default via 2001:db8:ce::1",
        )
        self.internet.ip(
            "addr add 192.0.2.1/24 dev centre",
            "addr add 2001:db8:ce::1/64 dev centre",
            "link set centre up",
            f"addr add {self.common_target}/32 dev lo",
            f"addr add {self.common_target6}/128 dev lo",
        )
        for node in (self.internet, self.router, *self.isps.values(), *self._edges):
            node.sysctl({"ipv4/ip_forward": "1", "ipv6/conf/all/forwarding": "1"})
        for isp in self.isps.values():
            isp.build(self.router, self.internet)
        self.router.nft(
            "add table inet nat",
            "add chain inet nat post { type nat hook postrouting priority 100; }",
            'add rule inet nat post oifname "wan*" masquerade',
        )

    def _build_lan(self) -> None:
        self.switch.ip(
            "link add lan type bridge",
            "link set lan up",
            cable("router", "lan", self.router),
            "link set router master lan up",
        )
        self.router.ip(
            f"addr add {self.router_address}/24 dev lan",
            f"addr add {self.router_address6}/64 dev lan",
            "link set lan up",
        )
        for number, pc in enumerate(self.pcs, 1):
            self.switch.ip(cable(f"pc{number}", "eth0", pc), f"link set pc{number} master lan up")
            pc.ip(
                f"link set eth0 address {self.pc_mac(number)}",
                f"addr add {self.pc_address(number)}/24 brd + dev eth0",
                f"addr add {self.pc_address6(number)}/64 dev eth0",
                "link set eth0 up",
                f"route add default via {self.router_address}",
                f"route add default via {self.router_address6}",
            )
            if self._deny_ping:
                pc.sysctl({"ipv4/ping_group_range": "1 0"})


class _Guarded:
    """While inside, a guardian waits for this program's death."""

    def __init__(self, prefix: str, folder: Path) -> None:
        self._prefix = prefix
        self._folder = folder

    def __enter__(self) -> None:
        self._guardian = subprocess.Popen(
            [sys.executable, "-IS", guardian.__file__, self._prefix, self._folder],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
            cwd="/",
        )

    def __exit__(self, *_: object) -> None:
        """Where taking everything away has failed, the guardian tries."""
        left = any(name.startswith(self._prefix) for name in guardian.namespaces())
        self._guardian.communicate(b"" if left else guardian.ALL_IS_GONE)
