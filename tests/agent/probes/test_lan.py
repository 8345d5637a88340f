"""The `lan` probe, on switches and PCs made of namespaces."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from haidang_agent.discovery import mdns

from tests.agent.discovery.saying import on, services
from tests.agent.namespaces import Lan, Namespace, addresses
from tests.agent.probes.running import Running
from tests.lab.lan import Host, Wire, pcs

if TYPE_CHECKING:
    from collections.abc import Iterator

CLASSES = ("computer", "printer", "camera", "phone", "ap", "network", "display", "other", "unknown")
DEVICES = ("school_devices", "unknown", "online")
"""The PCs of this LAN have locally administered MAC addresses: they are devices, and no equipment."""
COMPUTERS = ("school_devices", "computer", "online")
NO_PROBLEMS = ("haidang_lan_problems",)
FORGOTTEN = ("haidang_lan_forgotten_total",)
BY_ARP = ("school_lan_sweep_info", "arp")
BY_NEIGHBOURS = ("school_lan_sweep_info", "neighbours")


def counted(method: tuple[str, ...], **classes: int) -> dict[tuple[str, ...], float]:
    """All that a run gives, where nothing is odd."""
    states = ("online", "seen")
    counts = {
        ("school_devices", class_, state): float(classes.get(class_, 0)) for class_ in CLASSES for state in states
    }
    return counts | {method: 1.0, NO_PROBLEMS: 0.0, FORGOTTEN: 0.0}


@pytest.fixture
def machine() -> Iterator[Namespace]:
    with Namespace() as namespace:
        yield namespace


def test_arp_counts_the_devices_that_are_on():
    """This machine and two PCs; not the one that was switched off, whose neighbour entry is still complete."""
    with Lan(pcs=3) as lan:
        lan.agent.run("ping", "-q", "-c1", "-W1", "10.9.0.4")
        lan.switch_off(lan.pcs[2])
        with Running(lan.agent, "lan", questions=False) as probe:
            run = probe.collect()

        assert run.values == counted(BY_ARP, unknown=3)
        assert "10.9.0.4 " in lan.agent.ip("neighbour", "show", "nud", "reachable", "nud", "stale")


def test_a_user_without_privileges_counts_the_same():
    """The nudge settles until the PC that was switched off has left the neighbour table."""
    with Lan(pcs=3) as lan:
        for number in (2, 3, 4):
            lan.agent.run("ping", "-q", "-c1", "-W1", f"10.9.0.{number}")
        lan.switch_off(lan.pcs[2])
        # What Linux does by itself within 45 s of the last sign of life (base_reachable_time_ms).
        lan.agent.ip("neighbour", "change", "10.9.0.4", "lladdr", "02:00:00:00:00:04", "dev", "lan0", "nud", "stale")
        with Running(lan.agent, "lan", nobody=True, questions=False) as probe:
            run = probe.collect()

    assert run.values == counted(BY_NEIGHBOURS, unknown=3)
    assert re.search("02:00:00", probe.log) is None


def test_a_router_that_answers_for_everybody_is_one_device():
    """Proxy ARP: one MAC behind all addresses."""
    with Lan(pcs=2) as lan:
        router = lan.pcs[1]
        router.sysctl("net.ipv4.ip_forward", "1")
        router.sysctl("net.ipv4.conf.lan0.proxy_arp_pvlan", "1")
        router.sysctl("net.ipv4.conf.lan0.proxy_arp", "1")
        router.sysctl("net.ipv4.neigh.lan0.proxy_delay", "0")
        lan.agent.run("sh", "-c", "ping -q -c1 -W1 10.9.0.9 || true")
        assert "lladdr 02:00:00:00:00:03" in lan.agent.ip("neighbour", "show", "10.9.0.9")
        with Running(lan.agent, "lan", questions=False) as probe:
            run = probe.collect()

    assert run.values[DEVICES] == 3
    assert run.values[NO_PROBLEMS] == 1


def test_the_sweep_keeps_its_pace_and_asks_nobody_twice_who_answered():
    """14 addresses of a /28, two of them others' that answer, at 20 frames a second."""
    with Lan(pcs=2) as lan:
        lan.pcs[0].nft("table arp test {\nchain input {\ntype filter hook input priority 0\ncounter\n}\n}\n")
        with Running(lan.agent, "lan", packets_per_second=20, questions=False) as probe:
            run = probe.collect()
        (heard,) = re.findall(r"counter packets (\d+)", lan.pcs[0].run("nft", "list", "ruleset"))

    assert run.values[DEVICES] == 3
    assert int(heard) == 13 + 11
    assert run.seconds >= (13 + 11) / 20


@pytest.mark.parametrize("held", [(), ("10.9.0.1/31",), ("10.9.0.1/32",), ("169.254.7.7/16",)])
def test_no_lan_is_nothing_to_measure(machine, held):
    """No address, a link between two points, or an address given for want of DHCP."""
    addresses(held, machine)

    with Running(machine, "lan") as probe:
        assert probe.collect().absent


@pytest.mark.parametrize("name", ["docker0", "br-0a1b2c", "veth1", "virbr0", "tun0"])
def test_networks_of_containers_and_tunnels_are_left_alone(machine, name):
    addresses(["10.9.0.1/28"], machine)
    machine.ip("link", "set", "lan0", "down")
    machine.ip("link", "set", "lan0", "name", name, "up")

    with Running(machine, "lan") as probe:
        assert probe.collect().absent


def test_interfaces_that_are_named_are_the_ones_looked_at(machine):
    """Whatever they are called."""
    addresses(["10.9.0.1/28"], machine)
    machine.ip("link", "set", "end0", "down")
    machine.ip("link", "set", "end0", "name", "docker0", "up")
    machine.ip("address", "add", "10.9.1.1/28", "broadcast", "+", "dev", "docker0")

    with Running(machine, "lan", interfaces=["docker0"], questions=False) as probe:
        run = probe.collect()

    assert run.values == counted(BY_ARP, unknown=1)


def test_an_interface_without_link_is_nothing_to_measure(machine):
    addresses(["10.9.0.1/28"], machine)
    machine.ip("link", "set", "end0", "down")

    with Running(machine, "lan") as probe:
        assert probe.collect().absent


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"interfaces": ["lan7"]}, r"interfaces: lan7 not here; there are end0, lan0, lo"),
        ({}, r"10\.20\.0\.0/16 on lan0 is larger than /20; .* largest_prefix = 16, else name other `interfaces`"),
        ({"largest_prefix": 16}, r"10\.20\.0\.0/16 would take 655 s; set .* packets_per_second to 1092 or more"),
        ({"packets_per_second": 0}, r"packets_per_second = 0: not in 1…1000"),
        ({"packets_per_second": 1e6}, r"packets_per_second = 1000000\.0: not in 1…1000"),
    ],
)
def test_what_would_flood_the_network_is_refused_with_the_fix(machine, settings, message):
    addresses(["10.20.0.1/16"], machine)

    with Running(machine, "lan", **settings) as probe:
        run = probe.collect()

    assert run.reason == "misconfigured"
    assert re.search(message, run.detail)


def test_without_privileges_a_network_beyond_the_neighbour_table_is_denied(machine):
    """Half a count would look like a small school."""
    addresses(["10.20.0.1/21"], machine)

    with Running(machine, "lan", nobody=True) as probe:
        run = probe.collect()

    assert run.reason == "denied"
    assert "CAP_NET_RAW" in run.detail


def test_devices_of_all_subnets_are_counted_once():
    """A second subnet on the same wire adds nobody."""
    with Lan(pcs=1) as lan:
        lan.agent.ip("address", "add", "10.9.1.1/28", "dev", "lan0")
        lan.pcs[0].ip("address", "add", "10.9.1.2/28", "dev", "lan0")
        with Running(lan.agent, "lan", questions=False) as probe:
            run = probe.collect()

    assert run.values[DEVICES] == 2


def test_equipment_is_counted_by_class_and_asked_once_an_hour():
    """A PC, a printer that says so once, and a telephone with a randomised address that says it is a printer."""
    printer, boaster = "3c:52:82:aa:00:01", "da:a1:19:00:00:09"
    says = {mac: on(mdns.PORT, services("_ipp._tcp")) for mac in (printer, boaster)}
    hosts = [Host(printer, ("10.9.0.5",), says[printer]), Host(boaster, ("10.9.0.6",), says[boaster])]
    with Wire([*pcs(1), *hosts], ["10.9.0.1/28"]) as wire, Running(wire.agent, "lan") as probe:
        first, second = probe.collect(), probe.collect()
        asked = [
            came for came in wire.stand_in.datagrams if came.target[1] == mdns.PORT and came.payload == mdns.question()
        ]

    assert first.values == second.values == counted(BY_ARP, computer=2, printer=1, unknown=1)
    assert len(asked) == 1
    assert "3c:52:82" not in probe.log + str(first.values)


def test_a_further_subnet_that_is_no_network_is_said(machine):
    addresses(["10.9.0.1/28"], machine)

    with Running(machine, "lan", subnets=["lab-1"]) as probe:
        run = probe.collect()

    assert run.reason == "misconfigured"
    assert "[probes.lan] subnets: Expected 4 octets in 'lab-1'" in run.detail
