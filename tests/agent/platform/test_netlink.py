"""What the kernel tells of links, routes and rules, in real namespaces; what `ip` shows is what is read."""

from __future__ import annotations

import os
import select
import subprocess
import time
from contextlib import closing
from ipaddress import IPv4Address, IPv4Network
from typing import TYPE_CHECKING

import pytest
from haidang_agent.platform.netlink import LinkEvent, Netlink
from haidang_agent.wan.facts import DefaultRoute, Hop

from tests.agent.namespaces import Namespace, open_files
from tests.lab import Node
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

ONE, TWO = IPv4Address("203.0.113.1"), IPv4Address("203.0.113.17")
MAIN = 254


@pytest.fixture
def router() -> Iterator[Namespace]:
    """Two WAN ports, wan1 and wan2, with the ISPs' ends far1 and far2 in the same namespace."""
    with Namespace() as made:
        for number, address in ((1, "203.0.113.2/28"), (2, "203.0.113.18/28")):
            made.ip("link", "add", f"wan{number}", "type", "veth", "peer", "name", f"far{number}")
            made.ip("address", "add", address, "dev", f"wan{number}")
            for end in ("wan", "far"):
                made.ip("link", "set", f"{end}{number}", "up")
        yield made


@pytest.fixture
def netlink(router: Namespace) -> Iterator[Netlink]:
    with Node(router.name).inside():
        made = Netlink()
    with closing(made):
        eventually("the links", lambda: all(made.facts().links[wan].carrier for wan in ("wan1", "wan2")), seconds=5)
        eventually("nothing more of how they came up", lambda: made.changes() == ([], False), seconds=5)
        yield made


def told(netlink: Netlink) -> tuple[list[LinkEvent], bool]:
    """What is told first, and what comes with it."""
    events, stale = [], False
    deadline = time.monotonic() + 20
    while not (events or stale) and time.monotonic() < deadline:
        select.select([netlink.events], [], [], 2)
        events, stale = netlink.changes()
    return events, stale


def test_links_and_addresses(router, netlink):
    facts = netlink.facts()

    assert facts.addresses == {"wan1": IPv4Address("203.0.113.2"), "wan2": IPv4Address("203.0.113.18")}
    assert (facts.links["wan1"].switched_on, facts.links["wan1"].carrier, facts.links["wan1"].ethernet) == (
        True, True, True,
    )  # fmt: skip
    assert not facts.links["lo"].ethernet


def test_a_fibre_that_is_cut_is_told_at_once(router, netlink):
    before = time.monotonic()
    router.ip("link", "set", "far1", "down")
    events, stale = told(netlink)
    while not any(event.interface == "wan1" for event in events):
        events += told(netlink)[0]

    assert time.monotonic() - before < 60
    assert next(event for event in events if event.interface == "wan1") == LinkEvent("wan1", True, False)
    assert stale
    assert not netlink.facts().links["wan1"].carrier


def test_events_come_in_the_order_in_which_things_happened(router, netlink):
    """Two short cuts between two looks are two cuts, not none."""
    for state, seen in (("down", "state LOWERLAYERDOWN"), ("up", "state UP")) * 2:
        router.ip("link", "set", "far1", state)
        eventually("the kernel notices", lambda seen=seen: seen in router.ip("link", "show", "wan1"), seconds=3)  # type: ignore[misc]
    events = [event.carrier for event in netlink.changes()[0] if event.interface == "wan1"]
    changes = [carrier for carrier, before in zip(events, [None, *events], strict=False) if carrier != before]

    assert changes == [False, True, False, True]


def test_switched_off_is_another_thing_than_no_carrier(router, netlink):
    router.ip("link", "set", "wan1", "down")

    assert LinkEvent("wan1", switched_on=False, carrier=False) in told(netlink)[0]
    assert netlink.facts().links["wan1"].switched_on is False


def test_an_interface_that_goes_and_comes_again(router, netlink):
    index = netlink.facts().links["wan1"].index
    router.ip("link", "del", "wan1")
    assert LinkEvent("wan1", switched_on=False, carrier=None) in told(netlink)[0]
    assert "wan1" not in netlink.facts().links
    router.ip("link", "add", "wan1", "type", "veth", "peer", "name", "far1")
    events, stale = told(netlink)

    assert stale
    assert any(event.interface == "wan1" for event in events)
    assert netlink.facts().links["wan1"].index != index


def test_default_routes_of_all_tables_and_their_metrics(router, netlink):
    router.ip("route", "add", "default", "via", str(ONE), "metric", "100")
    router.ip("route", "add", "default", "via", str(TWO), "metric", "50")
    router.ip("route", "add", "default", "via", str(TWO), "table", "102")
    router.ip("route", "add", "default", "via", str(TWO), "table", "100000")
    assert told(netlink)[1]
    facts = netlink.facts()

    assert set(facts.routes) == {
        DefaultRoute(MAIN, 100, (Hop("wan1", ONE),)), DefaultRoute(MAIN, 50, (Hop("wan2", TWO),)),
        DefaultRoute(102, 0, (Hop("wan2", TWO),)), DefaultRoute(100000, 0, (Hop("wan2", TWO),)),
    }  # fmt: skip
    assert facts.active_interfaces() == {"wan2"}


def test_a_multipath_route_has_several_next_hops(router, netlink):
    router.ip("route", "add", "default", "nexthop", "via", str(ONE), "nexthop", "via", str(TWO), "weight", "2")

    assert netlink.facts().routes == (DefaultRoute(MAIN, 0, (Hop("wan1", ONE), Hop("wan2", TWO))),)


def test_next_hops_made_apart_as_frr_has_them(router, netlink):
    router.ip("nexthop", "add", "id", "11", "via", str(ONE), "dev", "wan1")
    router.ip("nexthop", "add", "id", "12", "via", str(TWO), "dev", "wan2")
    router.ip("nexthop", "add", "id", "13", "group", "11/12")
    router.ip("route", "add", "default", "nhid", "13")

    assert netlink.facts().active_interfaces() == {"wan1", "wan2"}


def test_a_blackhole_carries_nothing(router, netlink):
    router.ip("route", "add", "blackhole", "default")

    assert netlink.facts().routes == (DefaultRoute(MAIN, 0, ()),)


@pytest.mark.parametrize(("ignored", "active"), [("0", {"wan1"}), ("1", {"wan2"})])
def test_a_route_by_a_link_without_carrier_counts_as_the_kernel_has_it(router, netlink, ignored, active):
    """Sysctl ignore_routes_with_linkdown; without it the traffic goes into the dead line."""
    router.sysctl("net.ipv4.conf.all.ignore_routes_with_linkdown", ignored)
    router.ip("route", "add", "default", "via", str(ONE), "metric", "10")
    router.ip("route", "add", "default", "via", str(TWO), "metric", "20")
    router.ip("link", "set", "far1", "down")
    with Node(router.name).inside():
        eventually("the kernel's word", lambda: netlink.facts().active_interfaces() == active, seconds=2)


def test_rules(router, netlink):
    router.ip("rule", "add", "from", "10.20.0.128/25", "lookup", "102", "priority", "102")
    router.ip("rule", "add", "fwmark", "0x100/0x3f00", "lookup", "101", "priority", "2001")
    router.ip("rule", "add", "iif", "wan2", "lookup", "102", "priority", "50")
    router.ip("rule", "add", "iif", "lo", "lookup", "103", "priority", "51")
    router.ip("rule", "add", "to", "192.0.2.0/24", "blackhole", "priority", "52")
    for number, own in enumerate((("oif", "wan2"), ("uidrange", "100-200"))):  # of sockets, which the router alone has
        router.ip("rule", "add", *own, "lookup", "102", "priority", str(53 + number))
    router.ip("rule", "add", "lookup", "main", "suppress_prefixlength", "0", "priority", "32764")
    router.ip("rule", "add", "not", "fwmark", "51820", "lookup", "51820", "priority", "32765")
    assert told(netlink)[1]
    rules = {rule.priority: rule for rule in netlink.facts().rules}

    assert set(rules) == {0, 50, 102, 2001, 32764, 32765, 32766, 32767}
    assert rules[102].source == IPv4Network("10.20.0.128/25")
    assert (rules[2001].table, rules[2001].selective) == (101, True)
    assert rules[50].incoming == "wan2"
    assert rules[32764].skips_default
    assert (rules[32765].table, rules[32765].selective, rules[32765].skips_default) == (51820, False, False)
    assert not any(rules[usual].selective or rules[usual].skips_default for usual in (0, 32766, 32767))


def test_a_point_to_point_interface_is_no_ethernet(router, netlink):
    """There is no gateway to ask for; a tunnel stands for PPP, which needs a peer."""
    router.ip("tuntap", "add", "ppp0", "mode", "tun")
    router.ip("link", "set", "ppp0", "up")
    router.ip("route", "add", "default", "dev", "ppp0")
    facts = netlink.facts()

    assert not facts.links["ppp0"].ethernet
    assert facts.links["ppp0"].lower is None
    assert facts.routes == (DefaultRoute(MAIN, 0, (Hop("ppp0", None),)),)
    assert facts.active_interfaces() == {"ppp0"}


def test_routes_other_than_the_default_are_nobodys_business(router, netlink):
    """A routing daemon's thousands would else be a dump each."""
    router.ip("route", "add", "192.0.2.0/24", "via", str(ONE))
    router.ip("route", "add", "198.51.100.0/24", "via", str(TWO))

    assert netlink.changes() == ([], False)


def test_more_events_than_the_buffer_holds_mean_that_all_is_read_anew(router):
    """ENOBUFS (netlink(7)) is no end: a look at everything follows."""
    with Node(router.name).inside():
        netlink = Netlink()
    with closing(netlink):
        netlink.events.setsockopt(1, 8, 1)  # SO_RCVBUF, to the least
        lines = "\n".join(f"link set far1 {state}" for _ in range(60) for state in ("down", "up"))
        Node(router.name).ip(lines)

        assert netlink.changes()[1]
        assert netlink.facts().links["wan1"].carrier


def test_nothing_is_left_open(router):
    with Node(router.name).inside():
        closing_first = Netlink()
        closing_first.facts()
        closing_first.close()
        before = open_files()
        for _ in range(5):
            netlink = Netlink()
            netlink.facts()
            netlink.close()
        after = open_files()

    assert after == before


def test_default_routes_are_found_among_thousands_of_others(router, netlink):
    """pyroute2's own search ended where a part of the answer held none, and left the socket busy."""
    others = "\n".join(f"route add 10.{number >> 8}.{number & 255}.0/24 via {ONE}" for number in range(5000))
    Node(router.name).ip(others, f"route add default via {ONE}", f"route add default via {TWO} table 7000")

    for _ in range(2):
        assert sorted((route.table, route.hops) for route in netlink.facts().routes) == [
            (MAIN, (Hop("wan1", ONE),)),
            (7000, (Hop("wan2", TWO),)),
        ]


def test_a_name_that_is_no_utf_8(router, netlink):
    name = b"\xff"
    for words in ((b"link", b"set", b"far1", b"name", name), (b"link", b"set", name, b"up")):
        subprocess.run([b"ip", b"-n", router.name.encode(), *words], check=True)
    router.ip("link", "set", "wan1", "down")  # so the far end's routes are marked: linkdown
    subprocess.run([b"ip", b"-n", router.name.encode(), b"route", b"add", b"default", b"dev", name], check=True)

    assert netlink.facts().routes[0].hops[0].interface == os.fsdecode(name)
    assert os.fsdecode(name) in {event.interface for event in netlink.changes()[0]}
