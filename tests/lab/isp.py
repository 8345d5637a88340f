"""An ISP of the virtual school: the line to the school, what lies behind it, and what can go wrong with both."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tests.lab.node import Node, cable, feed

if TYPE_CHECKING:
    from typing import Any

RELAY = Path(__file__).with_name("relay.py")
DELAY_TABLE = 100


class Isp(Node):
    """`gateway` is its address on the school's line, `target` one further inside; `gateway6` and `target6` likewise.

    `wan` is the router's port. The ISP's own interfaces are `line` to the router and `core` to the Internet.
    `faults` says what is wrong now.
    """

    def __init__(self, namespace: str, isp: str, number: int) -> None:
        super().__init__(namespace)
        self.isp = isp
        self.wan = f"wan{number + 1}"
        self.prefix = f"203.0.113.{16 * number}/28"
        self.gateway, self.customer = (f"203.0.113.{16 * number + host}" for host in (1, 2))
        self.gateway6, self.customer6 = (f"2001:db8:a{number:x}::{host}" for host in (1, 2))
        self.core, self.beyond = (f"10.255.{number}.{host}" for host in (1, 2))
        self.core6, self.beyond6 = (f"2001:db8:c{number:x}::{host}" for host in (1, 2))
        self.target, self.target6 = f"198.51.100.{number + 1}", f"2001:db8:f::{number + 1:x}"
        self.port = f"isp{number}"
        self.faults: dict[str, str] = {}
        self._relay: subprocess.Popen[Any] | None = None

    def build(self, router: Node, internet: Node) -> None:
        """The line to the school and the way into the Internet."""
        router.ip(
            cable(self.wan, "line", self),
            f"addr add {self.customer}/28 dev {self.wan}",
            f"addr add {self.customer6}/64 dev {self.wan}",
            f"link set {self.wan} up",
        )
        self.ip(
            cable("core", self.port, internet),
            f"addr add {self.gateway}/28 dev line",
            f"addr add {self.gateway6}/64 dev line",
            f"addr add {self.core}/30 dev core",
            f"addr add {self.core6}/64 dev core",
            "link set line up",
            "link set core up",
            f"route add default via {self.beyond}",
            f"route add default via {self.beyond6}",
        )
        internet.ip(
            f"addr add {self.beyond}/30 dev {self.port}",
            f"addr add {self.beyond6}/64 dev {self.port}",
            f"addr add {self.target}/32 dev lo",
            f"addr add {self.target6}/128 dev lo",
            f"link set {self.port} up",
            f"route add {self.prefix} via {self.core}",
            f"route add {self.gateway6}/64 via {self.core6}",
        )

    def cut_fibre(self) -> None:
        """No light on the school's line: its router loses the carrier."""
        self.ip("link set line down")
        self.faults["fibre"] = "fibre cut"

    def cut_core(self) -> None:
        """The line is up and the gateway answers; what is to go further vanishes without a word."""
        self._drop("cut", "forward", "drop")
        self.faults["core"] = "dead behind its gateway"

    def lose(self, percent: float) -> None:
        """So many of the packets from the school are dropped at random (nftables numgen), those to the gateway too."""
        self._drop("loss", "prerouting", f'iifname "line" numgen random mod 10000 < {round(percent * 100)} drop')
        self.faults["loss"] = f"loses {percent:g} %"

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
        self.nft(*(f"{verb} table inet {table}" for table in ("cut", "loss") for verb in ("add", "delete")))
        feed(["tc", "-n", self.name, "-batch", "-"], [f"qdisc replace dev {d} root noqueue" for d in ("line", "core")])
        self.ip("link set line up")
        self.faults.clear()

    def _drop(self, table: str, hook: str, rule: str) -> None:
        self.nft(
            f"add table inet {table}",
            f"delete table inet {table}",
            f"add table inet {table}",
            f"add chain inet {table} {hook} {{ type filter hook {hook} priority 0; }}",
            f"add rule inet {table} {hook} {rule}",
        )

    def _stop_relay(self) -> None:
        if self._relay is None:
            return
        for ip in (self.ip, self.ip6):
            ip(f"rule del iif line lookup {DELAY_TABLE}")
        with self._relay:
            self._relay.kill()
        self._relay = None
