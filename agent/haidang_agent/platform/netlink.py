"""Links, addresses, default routes and rules of this router, told by the kernel (rtnetlink(7)) as they change.

pyroute2 costs some 20 MiB, so only a router with lines of its own imports this.
"""

from __future__ import annotations

import errno
import ipaddress
import os
import socket
import struct
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pyroute2 import IPRoute, NetlinkError
from pyroute2.netlink.rtnl.marshal import MarshalRtnl

from haidang_agent.wan.facts import DefaultRoute, Facts, Hop, Link, Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

RTMGRP_LINK, RTMGRP_IPV4_IFADDR, RTMGRP_IPV4_ROUTE, RTMGRP_IPV4_RULE = 0x1, 0x10, 0x40, 0x80
IFF_UP, IFF_POINTOPOINT, IFF_NOARP = 0x1, 0x10, 0x80
ARPHRD_ETHER = 1
RTN_UNICAST = 1
RTNH_F_DEAD, RTNH_F_LINKDOWN = 1, 16
FR_ACT_TO_TBL = 1
FIB_RULE_INVERT = 2
SELECTORS = (
    "FRA_DST", "FRA_IIFNAME", "FRA_FWMARK", "FRA_IP_PROTO", "FRA_SPORT_RANGE", "FRA_DPORT_RANGE",
)  # fmt: skip
OF_OWN_SOCKETS = ("FRA_OIFNAME", "FRA_UID_RANGE")
NO_SUPPRESSION = 0xFFFFFFFF
MAX_MESSAGES = 1 << 16
BUFFER_BYTES = 1 << 20
MOST_AT_ONCE = 500
"""Messages taken between two looks at the lines."""
NLMSG_ERROR, NLMSG_DONE, RTM_NEWROUTE, RTM_DELROUTE = 2, 3, 24, 25
HEADER_BYTES, DST_LEN_AT = 16, 17
"""Of a netlink message; and where a route's prefix length stands in it (rtnetlink(7))."""
DUMP_ROUTES = struct.pack("=IHHIIB11x", 28, 26, 0x301, 0, 0, socket.AF_INET)
"""RTM_GETROUTE with NLM_F_REQUEST and NLM_F_DUMP."""
ANSWER_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class LinkEvent:
    """A link's state at one instant, in the order that the kernel told; `carrier` None: the interface is gone."""

    interface: str
    switched_on: bool
    carrier: bool | None


class Netlink:
    """Listens from the start on. Raises OSError where the system gives no netlink socket."""

    def __init__(self, proc: Path = Path("/proc")) -> None:
        self._conf = proc / "sys/net/ipv4/conf"
        self._parser = MarshalRtnl()
        self.events = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_NONBLOCK, socket.NETLINK_ROUTE)
        self.events.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
        self.events.bind((0, RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV4_ROUTE | RTMGRP_IPV4_RULE))
        self._asking = IPRoute()
        self._routes = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
        self._routes.settimeout(ANSWER_SECONDS)

    def changes(self) -> tuple[list[LinkEvent], bool]:
        """What links did since the last call, and whether `facts` would be another now.

        In a storm not all of it at once: `events` stays ready to be read.
        """
        links: list[LinkEvent] = []
        stale = False
        for _ in range(MOST_AT_ONCE):
            message = self._receive()
            if message is None:
                break
            if not message:
                stale = True  # the kernel had more to say than the buffer holds: only a dump tells
                continue
            length, kind = struct.unpack_from("=IH", message)
            if kind in (RTM_NEWROUTE, RTM_DELROUTE) and length == len(message):
                # Only default routes matter, of a routing daemon's thousands, and nothing more of them.
                stale = stale or message[DST_LEN_AT] == 0
                continue
            for event in self._parser.parse(message):
                link = _link_event(event)
                if link is not None:
                    links.append(link)
                stale = True
        return links, stale

    def facts(self) -> Facts:
        """All of it, anew. Raises OSError where the kernel does not tell it now."""
        try:
            return self._facts()
        except NetlinkError as refused:
            raise OSError(*refused.args) from refused

    def close(self) -> None:
        self.events.close()
        self._asking.close()
        self._routes.close()

    def _facts(self) -> Facts:
        raw = list(self._asking.get_links())
        links = {link.name: link for link in map(_link, raw)}
        names = {link.index: link.name for link in links.values()}
        held: dict[str, ipaddress.IPv4Interface] = {}
        for message in self._asking.get_addr(family=socket.AF_INET):
            own = message.get_attr("IFA_LOCAL") or message.get_attr("IFA_ADDRESS")
            name = names.get(message["index"])
            if name and own and message["scope"] == 0:
                held.setdefault(name, ipaddress.IPv4Interface(f"{own}/{message['prefixlen']}"))
        routes = tuple(route for message in self._default_routes() for route in self._route(message, names))
        rules = tuple(rule for message in self._asking.get_rules(family=socket.AF_INET) for rule in _rule(message))
        addresses = {name: each.ip for name, each in held.items()}
        return Facts(links, addresses, routes, rules, {name: each.network for name, each in held.items()})

    def _default_routes(self) -> Iterator[Any]:
        """Of all tables; of a routing daemon's thousands only these are decoded.

        pyroute2's get_default_routes ends at the first part of the answer that holds none.
        """
        self._routes.send(DUMP_ROUTES)
        while True:
            part, at = self._routes.recv(MAX_MESSAGES), 0
            while at < len(part):
                length, kind = struct.unpack_from("=IH", part, at)
                if kind == NLMSG_DONE:
                    return
                if kind == NLMSG_ERROR:
                    number = -struct.unpack_from("=i", part, at + HEADER_BYTES)[0]
                    raise OSError(number, os.strerror(number))
                if kind == RTM_NEWROUTE and part[at + DST_LEN_AT] == 0:
                    yield from self._parser.parse(part[at : at + length])
                at += (length + 3) & ~3

    def _receive(self) -> bytes | None:
        """Empty where messages were lost."""
        try:
            return self.events.recv(MAX_MESSAGES)
        except BlockingIOError:
            return None
        except OSError as overrun:
            if overrun.errno == errno.ENOBUFS:
                return b""
            raise

    def _route(self, message: Any, names: dict[int, str]) -> Iterator[DefaultRoute]:
        table = message.get_attr("RTA_TABLE") or message["table"]
        metric = message.get_attr("RTA_PRIORITY") or 0
        if message["type"] != RTN_UNICAST:
            yield DefaultRoute(table, metric, ())
            return
        several = message.get_attr("RTA_MULTIPATH")
        hops = [
            self._hop(part.get_attr("RTA_GATEWAY"), names.get(part["oif"]), part["flags"]) for part in several or ()
        ] or [
            self._hop(message.get_attr("RTA_GATEWAY"), names.get(message.get_attr("RTA_OIF") or 0), message["flags"]),
        ]
        known = tuple(hop for hop in hops if hop is not None)
        if known:
            yield DefaultRoute(table, metric, known)

    def _hop(self, gateway: str | None, interface: str | None, flags: int) -> Hop | None:
        if interface is None:
            return None
        passed_over = flags & RTNH_F_DEAD or (flags & RTNH_F_LINKDOWN and self._ignores_linkdown(interface))
        return Hop(interface, ipaddress.IPv4Address(gateway) if gateway else None, usable=not passed_over)

    def _ignores_linkdown(self, interface: str) -> bool:
        """Sysctl ignore_routes_with_linkdown."""
        for name in ("all", interface):
            with suppress(FileNotFoundError):
                if (self._conf / name / "ignore_routes_with_linkdown").read_text().strip() == "1":
                    return True
        return False


def _link(message: Any) -> Link:
    flags = message["flags"]
    return Link(
        name=os.fsdecode(message.get_attr("IFLA_IFNAME")),  # the kernel takes names that are no UTF-8
        index=message["index"],
        switched_on=bool(flags & IFF_UP),
        carrier=bool(message.get_attr("IFLA_CARRIER")),
        ethernet=message["ifi_type"] == ARPHRD_ETHER and not flags & (IFF_POINTOPOINT | IFF_NOARP),
        lower=message.get_attr("IFLA_LINK") if message.get_attr("IFLA_LINK_NETNSID") is None else None,
    )


def _link_event(message: Any) -> LinkEvent | None:
    if message["event"] == "RTM_NEWLINK":
        carrier = message.get_attr("IFLA_CARRIER")
        switched_on = bool(message["flags"] & IFF_UP)
        if carrier is not None:
            return LinkEvent(os.fsdecode(message.get_attr("IFLA_IFNAME")), switched_on, bool(carrier))
    if message["event"] == "RTM_DELLINK":
        return LinkEvent(os.fsdecode(message.get_attr("IFLA_IFNAME")), switched_on=False, carrier=None)
    return None


def _rule(message: Any) -> Iterator[Rule]:
    table = message.get_attr("FRA_TABLE") or message["table"]
    if message["action"] != FR_ACT_TO_TBL or message.get_attr("FRA_IIFNAME") == "lo":
        return
    if any(message.get_attr(name) is not None for name in OF_OWN_SOCKETS):
        return  # what is forwarded has no socket yet that is bound or owned
    source = message.get_attr("FRA_SRC")
    inverted = bool(message["flags"] & FIB_RULE_INVERT)
    selectors = [] if inverted else [name for name in SELECTORS if message.get_attr(name) is not None]
    yield Rule(
        priority=message.get_attr("FRA_PRIORITY") or 0,
        table=table,
        source=ipaddress.IPv4Network(f"{source}/{message['src_len']}") if source and not inverted else None,
        incoming=os.fsdecode(message.get_attr("FRA_IIFNAME") or ""),
        selective=bool(selectors),
        only_incoming=selectors == ["FRA_IIFNAME"],
        skips_default=message.get_attr("FRA_SUPPRESS_PREFIXLEN") not in (None, NO_SUPPRESSION),
    )
