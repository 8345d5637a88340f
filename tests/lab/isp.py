"""An ISP of the virtual school: the line to the school, what lies behind it, and what can go wrong with both."""

from __future__ import annotations

import ipaddress
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from tests.lab.node import Node, cable, feed

if TYPE_CHECKING:
    from typing import Any

RELAY = Path(__file__).with_name("relay.py")
DELAY_TABLE = 100
DROPPED = ("cut", "loss", "gateway")
"""The nftables tables of the faults that drop."""


class Change(NamedTuple):
    """`at` is just before the order to cut or to mend was given, monotonic seconds; the kernel needs some 10 ms."""

    at: float
    up: bool


class Isp(Node):
    """`gateway` is its address on the school's line, `target` one further inside; `gateway6` and `target6` likewise.

    `wan` is the router's port. The ISP's own interfaces are `line` to the router and `core` to the Internet.
    With `cgnat` the customers have shared addresses (RFC 6598) and are seen as `public`; the first public hop is then
    `beyond`, of a router `edge` after the gateway. `faults` says what is wrong now.
    """

    def __init__(self, namespace: str, isp: str, number: int, *, cgnat: bool = False) -> None:
        super().__init__(namespace)
        self.isp = isp
        self.wan = f"wan{number + 1}"
        own, inner = f"203.0.113.{16 * number}", f"100.64.{number}.0" if cgnat else f"10.255.{number}.0"
        line, core = (inner, own) if cgnat else (own, inner)
        self.prefix = f"{line}/28"
        self.gateway, self.customer = (_host(line, number) for number in (1, 2))
        self.gateway6, self.customer6 = (f"2001:db8:a{number:x}::{host}" for host in (1, 2))
        self.core, self.beyond = (_host(core, number) for number in (1, 2))
        self.public = self.core if cgnat else self.customer
        self.core6, self.beyond6 = (f"2001:db8:c{number:x}::{host}" for host in (1, 2))
        self.target, self.target6 = f"198.51.100.{number + 1}", f"2001:db8:f::{number + 1:x}"
        self.port = f"isp{number}"
        self.edge = Node(namespace + "edge") if cgnat else None
        self.edge_prefix6 = f"2001:db8:e{number:x}"
        self.faults: dict[str, str] = {}
        self._relay: subprocess.Popen[Any] | None = None

    def build(self, router: Node, internet: Node) -> None:
        """The line to the school and the way into the Internet."""
        beyond = self.edge or internet
        router.ip(
            cable(self.wan, "line", self),
            f"addr add {self.customer}/28 dev {self.wan}",
            f"addr add {self.customer6}/64 dev {self.wan}",
            f"link set {self.wan} up",
        )
        self.ip(
            cable("core", self.port, beyond),
            f"addr add {self.gateway}/28 dev line",
            f"addr add {self.gateway6}/64 dev line",
            f"addr add {self.core}/30 dev core",
            f"addr add {self.core6}/64 dev core",
            "link set line up",
            "link set core up",
            f"route add default via {self.beyond}",
            f"route add default via {self.beyond6}",
        )
        beyond.ip(
            f"addr add {self.beyond}/30 dev {self.port}",
            f"addr add {self.beyond6}/64 dev {self.port}",
            f"link set {self.port} up",
            f"route add {self.prefix} via {self.core}",
            f"route add {self.gateway6}/64 via {self.core6}",
        )
        internet.ip(f"addr add {self.target}/32 dev lo", f"addr add {self.target6}/128 dev lo")
        if self.edge:
            self._build_edge(self.edge, internet)

    def _build_edge(self, edge: Node, internet: Node) -> None:
        """Public, behind the translation, and joined to the Internet by the rest of the ISP's own prefix."""
        out, far = (_host(self.core, number) for number in (4, 5))
        out6, far6 = (f"{self.edge_prefix6}::{host}" for host in (1, 2))
        edge.ip(
            cable("out", self.port, internet),
            f"addr add {out}/30 dev out",
            f"addr add {out6}/64 dev out",
            "link set out up",
        )
        internet.ip(
            f"addr add {far}/30 dev {self.port}",
            f"addr add {far6}/64 dev {self.port}",
            f"link set {self.port} up",
            f"route add {self.core}/32 via {out}",
            f"route add {self.gateway6}/64 via {out6}",
        )
        edge.ip(f"route add default via {far}", f"route add default via {far6}")
        self.nft(
            "add table ip cgnat",
            "add chain ip cgnat post { type nat hook postrouting priority 100; }",
            'add rule ip cgnat post oifname "core" masquerade',
        )

    def cut_fibre(self) -> None:
        """No light on the school's line: its router loses the carrier."""
        self.ip("link set line down")
        self.faults["fibre"] = "fibre cut"

    def cut_core(self) -> None:
        """The line is up and the gateway answers; what is to go further vanishes without a word."""
        self._drop("cut", "forward", "drop")
        self.faults["core"] = "dead behind its gateway"

    def cut_gateway(self) -> None:
        """The line is up, and nobody is at its other end: no ARP, no answer, as of a dead device behind a live ONT."""
        self._drop("gateway", "prerouting", 'iifname "line" drop')
        self.ip("link set line arp off")
        self.faults["gateway"] = "gateway dead"

    def lose(self, percent: float, *, both_ways: bool = False) -> None:
        """So many of the packets from the school are dropped at random (nftables numgen), those to the gateway too.

        `both_ways`: as many of those that come back from beyond the gateway, so that of 100 echoes with 20 % there and
        20 % back 64 are answered.
        """
        chance = f"numgen random mod 10000 < {round(percent * 100)}"
        ports = '{ "line", "core" }' if both_ways else '"line"'
        self._drop(
            "loss",
            "prerouting",
            f"iifname {ports} ip protocol icmp {chance} update @lost {{ ip daddr counter }} drop",
            f"iifname {ports} meta l4proto != icmp {chance} drop",
        )
        self.faults["loss"] = f"loses {percent:g} %" + (" each way" if both_ways else "")

    def lost_echoes(self) -> dict[str, int]:
        """How many packets of ICMP for IPv4 `lose` has dropped, by their destination. Raises LookupError without it."""
        listed = self.run("nft", "-j", "list", "set", "inet", "loss", "lost")
        if listed.returncode:
            raise LookupError(f"{self.isp} loses nothing")
        found = [entry["set"] for entry in json.loads(listed.stdout)["nftables"] if "set" in entry]
        elements = [element["elem"] for element in found[0].get("elem", [])]
        return {element["val"]: element["counter"]["packets"] for element in elements}

    def flap(self, what: Literal["fibre", "core"], period: float, count: int) -> list[Change]:
        """Cut and mended so many times, each for half a period of seconds; returns when it is whole again.

        Every mending is a `repair`: other faults go with it.
        """
        cut = {"fibre": self.cut_fibre, "core": self.cut_core}[what]
        changes = []
        for _ in range(count):
            for up, act in ((False, cut), (True, self.repair)):
                changes.append(Change(time.monotonic(), up))
                act()
                time.sleep(max(0.0, changes[-1].at + period / 2 - time.monotonic()))
        return changes

    def delay(self, seconds: float) -> None:
        """Packets from the school to beyond the gateway are held so long, by a user-space relay on a tun interface."""
        self._stop_relay()
        self._relay = self.start(sys.executable, "-IS", str(RELAY), "slow", str(seconds), stdout=subprocess.PIPE)
        assert self._relay.stdout is not None
        if self._relay.stdout.readline() != b"ready\n":
            raise RuntimeError("the delay relay did not start")
        self.ip("link set slow up")
        for ip in (self.ip, self.ip6):
            ip(f"route add default dev slow table {DELAY_TABLE}", f"rule add iif line lookup {DELAY_TABLE}")
        self.faults["delay"] = f"{seconds * 1000:g} ms late"

    def limit(self, mbit: float) -> None:
        """So much and no more, in each direction (tbf)."""
        feed(
            ["tc", "-n", self.name, "-batch", "-"],
            [f"qdisc replace dev {way} root tbf rate {mbit}mbit burst 32kb latency 50ms" for way in ("line", "core")],
        )
        self.faults["limit"] = f"{mbit:g} Mbit/s"

    def repair(self) -> None:
        """As on the first day."""
        self._stop_relay()
        self.nft(*(f"{verb} table inet {table}" for table in DROPPED for verb in ("add", "delete")))
        self.ip("link set line arp on up")
        feed(["tc", "-n", self.name, "-batch", "-"], [f"qdisc replace dev {d} root noqueue" for d in ("line", "core")])
        self.faults.clear()

    def _drop(self, table: str, hook: str, *rules: str) -> None:
        self.nft(
            f"add table inet {table}",
            f"delete table inet {table}",
            f"add table inet {table}",
            f"add set inet {table} lost {{ type ipv4_addr; flags dynamic; }}",
            f"add chain inet {table} {hook} {{ type filter hook {hook} priority 0; }}",
            *(f"add rule inet {table} {hook} {rule}" for rule in rules),
        )

    def _stop_relay(self) -> None:
        if self._relay is None:
            return
        for ip in (self.ip, self.ip6):
            ip(f"rule del iif line lookup {DELAY_TABLE}")
        with self._relay:
            self._relay.kill()
        self._relay = None


def _host(network: str, number: int) -> str:
    return str(ipaddress.IPv4Address(network) + number)
