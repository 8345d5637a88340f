"""Each machine once, whoever answered in its name."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from haidang_agent.discovery.evidence import Sign
from haidang_agent.discovery.merging import Merged
from haidang_agent.discovery.told import Told

NETWORK = IPv4Network("10.9.0.0/24")
PC, OTHER, ROUTER = "8c:ec:4b:00:00:01", "8c:ec:4b:00:00:02", "cc:2d:e0:00:00:01"
VRRP = "00:00:5e:00:01:07"


def at(number: int) -> IPv4Address:
    return NETWORK.network_address + number


def swept(answers: dict[IPv4Address, list[str]], *gateways: IPv4Address, network: IPv4Network = NETWORK) -> Merged:
    merged = Merged()
    merged.swept(network, answers, gateways)
    return merged


def ips(merged: Merged) -> dict[str, list[IPv4Address]]:
    return {mac: found.ips for mac, found in merged.devices.items()}


def told(merged: Merged) -> list[str]:
    return merged.problems.told(translated=False)


def switch(**facts: object) -> Told:
    nothing = {
        "host": "sw1",
        "address": "10.9.0.250",
        "own": frozenset(),
        "signs": (Sign("snmp", "switch"),),
        "arp": (),
        "places": {},
    }
    return Told(**(nothing | facts))


def test_several_addresses_are_one_device():
    merged = swept({at(5): [PC], at(6): [PC], at(7): [OTHER]})

    assert ips(merged) == {PC: [at(5), at(6)], OTHER: [at(7)]}
    assert told(merged) == []


def test_a_router_that_answers_for_everybody_is_one_device_and_said():
    answers = {at(number): [ROUTER] for number in range(2, 255)}
    answers[at(5)] = [ROUTER, PC]
    merged = swept(answers, at(254))

    assert ips(merged) == {ROUTER: [at(254)], PC: [at(5)]}
    assert told(merged) == [
        f"{ROUTER} answers for 253 addresses of 10.9.0.0/24 (proxy ARP): it counts as one device",
    ]


def test_in_a_small_network_half_of_it_is_everybody():
    small = IPv4Network("10.9.0.0/29")
    merged = swept({at(number): [ROUTER] for number in (2, 3, 4)}, network=small)

    assert ips(merged) == {ROUTER: []}


def test_two_devices_at_one_address_are_both_counted_and_said():
    merged = swept({at(5): [PC, OTHER]})

    assert ips(merged) == {PC: [at(5)], OTHER: [at(5)]}
    assert told(merged) == [f"10.9.0.5 is used by several devices: {PC}, {OTHER}"]


def test_the_address_of_a_group_of_routers_is_no_device():
    merged = swept({at(1): [VRRP], at(2): [ROUTER], at(3): ["00:00:0c:07:ac:01"]})

    assert ips(merged) == {ROUTER: [at(2)]}
    assert merged.virtual == {VRRP: [at(1)], "00:00:0c:07:ac:01": [at(3)]}
    assert told(merged) == []


def test_pcs_behind_a_router_count_where_nobody_could_sweep():
    """Of the named networks only; the network that was swept is known better by its own answers."""
    merged = swept({at(5): [PC]})
    behind = IPv4Network("10.20.0.0/24")
    router = switch(arp=((at(77), ROUTER), (IPv4Address("10.20.0.9"), OTHER), (IPv4Address("192.0.2.1"), ROUTER)))
    merged.told(router, [behind])

    assert ips(merged) == {PC: [at(5)], OTHER: [IPv4Address("10.20.0.9")]}
    assert list(merged.devices[OTHER].seen_by) == ["ARP table of sw1"]


def test_the_cards_of_one_device_are_one_device_with_its_class():
    cards = [f"cc:2d:e0:00:00:{number:02x}" for number in range(3)]
    merged = swept({at(250): [cards[0]], at(251): [cards[1]]})
    merged.told(switch(own=frozenset(cards)), [])
    (found,) = merged.devices.values()

    assert (found.mac, found.ips, found.macs) == (cards[0], [at(250), at(251)], {cards[1]})
    assert found.evidence.of("snmp") == ("switch",)


def test_the_cards_of_this_machine_are_one_device():
    """It may have two on one wire, or stand in two networks."""
    merged = swept({at(9): [OTHER]})
    merged.own(PC, at(5))
    merged.own(ROUTER, at(6))

    assert merged.unite([PC, ROUTER, "8c:ec:4b:00:00:77"]) is merged.devices[PC]
    assert ips(merged) == {OTHER: [at(9)], PC: [at(5), at(6)]}


def test_a_switch_tells_where_a_device_is_plugged_in_and_who_are_strangers():
    """Of these a router may know an address in networks that nobody looks through."""
    merged = swept({at(5): [PC]})
    elsewhere = IPv4Address("10.20.0.9")
    one = switch(places={PC: "sw1 Gi0/7 VLAN 20", OTHER: "sw1 Gi0/8"})
    other = switch(host="sw2", places={PC: "sw2 Gi0/48"}, arp=((elsewhere, OTHER), (at(5), PC)))
    strangers = merged.place([one, other])

    assert list(merged.devices[PC].places) == ["sw1 Gi0/7 VLAN 20", "sw2 Gi0/48"]
    assert {mac: (found.ips, list(found.seen_by)) for mac, found in strangers.items()} == {
        OTHER: ([elsewhere], ["bridge table of sw1", "ARP table of sw2"])
    }
    assert OTHER not in merged.devices


def test_ipv6_addresses_join_their_device():
    local, globally = IPv6Address("fe80::1"), IPv6Address("2001:db8::1")
    merged = swept({at(5): [PC]})
    merged.ipv6({PC: [local], OTHER: [globally]}, [])

    assert merged.devices[PC].ips_v6 == [local]
    assert OTHER not in merged.devices

    merged.ipv6({OTHER: [globally]}, [IPv6Network("2001:db8::/64")])
    assert merged.devices[OTHER].ips_v6 == [globally]
