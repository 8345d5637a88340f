"""An ISP of the virtual school: the line to the school, what lies behind it, and what can go wrong with both."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tests.lab.node import Node

if TYPE_CHECKING:
    from typing import Any

RELAY = Path(__file__).with_name("relay.py")
DELAY_TABLE = 100


class Isp(Node):
    """`gateway` is its address on the school's line, `target` an address of its own further inside.

    Interfaces: `line` to the school's router, `core` to the Internet.
    """

    def __init__(self, namespace: str, isp: str, number: int) -> None:
        super().__init__(namespace)
        self.isp = isp
        self.number = number
        self.gateway = f"203.0.113.{16 * number + 1}"
        self.customer = f"203.0.113.{16 * number + 2}"
        self.target = f"198.51.100.{number + 1}"
        self.route_from_core = f"route replace 203.0.113.{16 * number}/28 via 10.255.{number}.1"
        self._relay: subprocess.Popen[Any] | None = None

    def cut_fibre(self) -> None:
        """No light on the school's line: its router loses the carrier."""
        self.ip("link set line down")

    def cut_core(self) -> None:
        """The line is up and the gateway answers, but nothing behind it."""
        self.ip("link set core down")

    def lose(self, percent: float) -> None:
        """So many of the packets from the school are dropped at random (nftables numgen)."""
        self.nft(
            "add table inet loss",
            "delete table inet loss",
            "add table inet loss",
            "add chain inet loss forward { type filter hook forward priority 0; }",
            f'add rule inet loss forward iifname "line" numgen random mod 10000 < {round(percent * 100)} drop',
        )

    def delay(self, seconds: float) -> None:
        """Packets from the school are held so long, by a user-space relay on a tun interface."""
        self._stop_relay()
        self._relay = self.start(sys.executable, str(RELAY), "slow", str(seconds), stdout=subprocess.PIPE)
        assert self._relay.stdout is not None
        if self._relay.stdout.readline() != b"ready\n":
            raise RuntimeError("the delay relay did not start")
        self.ip(
            "link set slow up",
            f"route add default dev slow table {DELAY_TABLE}",
            f"rule add iif line lookup {DELAY_TABLE}",
        )

    def limit(self, mbit: float) -> None:
        """So much and no more towards the school (tbf)."""
        self.tc(f"qdisc replace dev line root tbf rate {mbit}mbit burst 32kb latency 50ms")

    def repair(self) -> None:
        """As on the first day."""
        self._stop_relay()
        self.nft("add table inet loss", "delete table inet loss")
        self.tc("qdisc replace dev line root noqueue")
        self.ip("link set line up", "link set core up")
        self.connect()

    def connect(self) -> None:
        """The way into the Internet; it is gone after the link was down."""
        self.ip(f"route replace default via 10.255.{self.number}.2")

    def tc(self, line: str) -> None:
        subprocess.run(["tc", "-n", self.name, *line.split()], check=True, capture_output=True)

    def _stop_relay(self) -> None:
        if self._relay is None:
            return
        self.ip(f"rule del iif line lookup {DELAY_TABLE}")
        with self._relay:
            self._relay.kill()
        self._relay = None
