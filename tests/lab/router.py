"""The school's router: how it may share its traffic between the ISPs (ip-route(8), ip-rule(8))."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.lab.node import Node

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tests.lab.isp import Isp

FIRST_TABLE = 101
"""The first ISP's routing table; its rules have the same numbers as priorities."""


class Router(Node):
    """One plain default route at first. Routing tables and rules are made for IPv4 only, default routes for both."""

    def __init__(self, name: str, isps: tuple[Isp, ...]) -> None:
        super().__init__(name)
        self._isps = isps

    def use(self, isp: Isp) -> None:
        """One default route, by this ISP."""
        self.ip(*(f"route replace default via {gateway}" for gateway in (isp.gateway, isp.gateway6)))

    def withdraw_route(self) -> None:
        """No default route: lines and addresses are as they were."""
        self.ip("route flush exact 0.0.0.0/0")
        self.ip6("route flush exact ::/0")

    def spread(self, *isps: Isp) -> None:
        """One default route with several next hops, chosen by the hash of a flow (multipath)."""
        for version in ("gateway", "gateway6"):
            self.ip("route replace default " + " ".join(f"nexthop via {getattr(isp, version)}" for isp in isps))

    def rank(self, *isps: Isp) -> None:
        """Several default routes, the earlier ISP's preferred by its metric (as OpenWrt and NetworkManager have it)."""
        self.withdraw_route()
        self.ip(*(f"route add default via {isp.gateway} metric {10 * place}" for place, isp in enumerate(isps, 1)))

    def make_tables(self) -> None:
        """A routing table for every ISP, for what comes from its address or is bound to its port (as mwan3, VyOS)."""
        self.forget_tables()
        for table, isp in enumerate(self._isps, FIRST_TABLE):
            self.ip(
                f"route replace default via {isp.gateway} dev {isp.wan} table {table}",
                f"rule add from {isp.customer} lookup {table} priority {table}",
                f"rule add oif {isp.wan} lookup {table} priority {table}",
            )

    def divide(self, senders: Mapping[str, Isp]) -> None:
        """The traffic of these addresses or prefixes of the LAN goes by these ISPs, by rules; the main table stays."""
        self.make_tables()
        for sender, isp in senders.items():
            table = FIRST_TABLE + self._isps.index(isp)
            self.ip(f"rule add from {sender} lookup {table} priority {table}")

    def forget_tables(self) -> None:
        """No rule and no table of ours."""
        tables = range(FIRST_TABLE, FIRST_TABLE + len(self._isps))
        self._force(f"rule del priority {table}" for table in tables for _ in self._rules(table))
        self._force(f"route flush table {table}" for table in tables)

    def lose_address(self, isp: Isp) -> None:
        """The port has no IPv4 address any more; the kernel takes the routes by it away."""
        self.ip(f"addr del {isp.customer}/28 dev {isp.wan}")
        isp.faults["address"] = "the router has no address there"

    def regain_address(self, isp: Isp) -> None:
        self.ip(f"addr replace {isp.customer}/28 dev {isp.wan}")

    def _rules(self, table: int) -> list[str]:
        return self.run("ip", "rule", "show", "priority", str(table), check=True).stdout.splitlines()

    def _force(self, lines: Iterable[str]) -> None:
        """A table that was never made cannot be flushed, and that is fine."""
        self.run("ip", "-force", "-batch", "-", input="\n".join(lines) + "\n")
