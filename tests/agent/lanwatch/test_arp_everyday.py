"""Changes of addresses on any day that are neither spoofing nor conflicts."""

from __future__ import annotations

import pytest

from tests.agent.lanwatch.building import (
    EVERYBODY,
    GATEWAY,
    NOBODY,
    OTHER,
    PC,
    PC_IP,
    ROUTER,
    Timed,
    announces,
    arp,
    asks,
    datagram,
    dns,
    ethernet,
    everyday,
    found,
    ip,
    ipv4,
    packet,
    replies,
)  # fmt: skip


def vrrp(who: str, address: str) -> bytes:
    advertisement = bytes([0x21, 1, 100, 1, 0, 1, 0, 0]) + ip(GATEWAY) + bytes(8)
    return ethernet(who, "01:00:5e:00:00:12", 0x0800, ipv4(address, "224.0.0.18", 112, advertisement, hops=255))


def flapping(one: str, other: str) -> list[Timed]:
    """The gateway's address changes hands every ten seconds."""
    frames = []
    for count in range(6):
        owner = one if count % 2 else other
        frames += [(10.0 * count + part / 10, announces(owner, GATEWAY)) for part in range(5)]
        frames += [
            (10.0 * count + 5, asks(PC, PC_IP, GATEWAY)),
            (10.0 * count + 5.01, replies(owner, GATEWAY, PC, PC_IP)),
        ]
    return frames


def test_flapping_without_a_reason_is_told():
    """The counterpart of the tests below."""
    assert found(flapping(ROUTER, OTHER)) != []


@pytest.mark.parametrize(
    "virtual", ["00:00:5e:00:01:01", "00:00:0c:07:ac:01", "00:00:0c:9f:f0:01", "00:07:b4:00:01:01"]
)
def test_virtual_mac_addresses_may_take_over(virtual):
    frames = [(0.0, vrrp(ROUTER, "10.0.0.250")), *flapping(virtual, ROUTER)]

    assert found(frames) == []


def test_routers_that_speak_vrrp_may_take_over_from_each_other():
    """keepalived without virtual MAC addresses."""
    spoken = [(0.0, vrrp(ROUTER, "10.0.0.250")), (0.1, vrrp(OTHER, "10.0.0.251"))]

    assert found(spoken + flapping(ROUTER, OTHER)) == []


def test_a_failover_of_a_cluster_that_says_nothing():
    """Ten announcements as keepalived sends them, and the old owner falls silent; back after five minutes."""
    there = [(60 + part, announces(OTHER, GATEWAY)) for part in range(10)]
    back = [(360 + part, announces(ROUTER, GATEWAY)) for part in range(10)]

    assert found([*everyday(), *there, *back, *everyday(400)]) == []


def test_a_new_network_card_and_a_new_lease():
    frames = [*everyday(), (30, announces(OTHER, PC_IP)), (31, asks(OTHER, PC_IP, GATEWAY))]
    frames += [(31.001, replies(ROUTER, GATEWAY, OTHER, PC_IP)), (90, asks(OTHER, PC_IP, GATEWAY))]

    assert found(frames) == []


def test_a_reboot_announces_and_probes_as_before():
    probes = [(50.0 + part, asks(PC, "0.0.0.0", PC_IP)) for part in range(3)]
    linked_up = [(54.0 + part, announces(PC, PC_IP)) for part in range(2)]

    assert found([*everyday(), *probes, *linked_up, *everyday(60)]) == []


def test_a_switch_that_keeps_track_of_addresses():
    """It tries them without an address of its own, but asks their owners alone."""
    frames = []
    for count in range(5):
        frames += [(30.0 * count, ethernet(OTHER, PC, 0x0806, arp(1, OTHER, "0.0.0.0", NOBODY, PC_IP)))]
        frames += [(30.0 * count + 0.01, replies(PC, PC_IP, OTHER, "0.0.0.0"))]

    assert found(frames) == []


def test_a_scanner_without_an_address_finds_no_conflicts():
    frames = []
    for host in range(2, 40):
        owner = f"3c:52:82:10:00:{host:02x}"
        frames += [(host / 10, asks(OTHER, "0.0.0.0", f"10.0.0.{host}"))]
        frames += [(host / 10 + 0.01, replies(owner, f"10.0.0.{host}", OTHER, "0.0.0.0"))] if host > 10 else []

    assert found(frames) == []


def test_self_given_addresses_then_a_lease():
    frames = [(count, asks(PC, "0.0.0.0", "169.254.7.9")) for count in range(3)]
    frames += [(4, announces(PC, "169.254.7.9")), (9, asks(PC, "0.0.0.0", PC_IP)), *everyday(10)]

    assert found(frames) == []


def test_a_bonded_server_answers_from_both_cards():
    one, other = "3c:52:82:77:00:10", "3c:52:82:77:00:11"
    frames = []
    for count in range(8):
        asker, address, card = (PC, PC_IP, one) if count % 2 else (OTHER, "10.0.0.3", other)
        frames += [
            (3.0 * count, asks(asker, address, "10.0.0.20")),
            (3.0 * count + 0.01, replies(card, "10.0.0.20", asker, address)),
        ]

    assert found(frames) == []


def test_a_router_answers_for_a_whole_subnet():
    frames = [(float(count), packet((ROUTER, f"8.8.8.{count}"), (PC, PC_IP))) for count in range(4)]
    for count in range(30):
        target = f"10.0.1.{count}"
        frames += [(5.0 + count, asks(PC, PC_IP, target)), (5.01 + count, replies(ROUTER, target, PC, PC_IP))]

    assert found(frames) == []


def test_a_router_answers_for_machines_of_its_own_subnet():
    """Local proxy ARP, as with isolated ports: the machine itself is heard as well."""
    frames = [(float(count), packet((ROUTER, f"8.8.8.{count}"), (PC, PC_IP))) for count in range(4)]
    for count in range(6):
        for host in range(5):
            frames += [(10.0 * count + host, asks(PC, PC_IP, f"10.0.0.{host + 20}"))]
            frames += [(10.0 * count + host + 0.01, replies(ROUTER, f"10.0.0.{host + 20}", PC, PC_IP))]
        frames += [(10.0 * count + 8, asks(OTHER, "10.0.0.20", GATEWAY))]

    assert found(frames) == []


def test_a_linux_host_with_two_cards_answers_on_both():
    """Linux answers for any of its addresses on any card ("ARP flux")."""
    one, other = "3c:52:82:77:00:10", "94:c6:91:00:00:99"
    cards = {"10.0.0.30": one, "10.0.0.31": other}
    frames = [(10.0 * count, asks(card, address, GATEWAY)) for count in range(4) for address, card in cards.items()]
    for count in range(4):
        for address in cards:
            frames += [(50.0 + 10 * count, asks(PC, PC_IP, address))]
            frames += [(50.001 + 10 * count, replies(card, address, PC, PC_IP)) for card in (one, other)]

    assert found(frames) == []


def test_replies_whose_questions_came_before_the_capture():
    assert found([(0.0, replies(ROUTER, GATEWAY, PC, PC_IP)), (0.3, replies(PC, PC_IP, ROUTER, GATEWAY))]) == []


def test_telephones_keep_their_link_alive_by_replies():
    """Qualcomm's keep-alive: an unasked reply to the router every half minute, or more often."""
    frames = [(7.0 * count, replies(PC, PC_IP, ROUTER, GATEWAY)) for count in range(40)]

    assert found(frames) == []


def test_replies_of_the_first_moment_count_as_asked_for():
    answers = [(count / 10, replies(OTHER, PC_IP, ROUTER, f"10.0.0.{count + 20}")) for count in range(5)]

    assert found([*answers, (1.0, announces(PC, PC_IP))]) == []


def test_nonsense_addresses_claim_nothing():
    frames = []
    for count in range(10):
        for sender in (EVERYBODY, NOBODY, PC, OTHER):
            frames.append((float(count), ethernet(PC, EVERYBODY, 0x0806, arp(1, sender, "0.0.0.0", NOBODY, GATEWAY))))
            frames.append((float(count), ethernet(PC, EVERYBODY, 0x0806, arp(2, sender, "224.0.0.1", NOBODY, GATEWAY))))

    assert found(frames) == []


def test_the_way_to_the_internet_may_move_without_arp():
    """ICMP redirects, or a second router."""
    dns_out = datagram((PC, PC_IP, 5000), (OTHER, "8.8.8.8", 53), dns(1, "a.vn"))
    out = [(1.0 + count, packet((PC, PC_IP), (ROUTER, "8.8.8.8"))) for count in range(5)]

    assert (
        found(
            [*everyday(), *out, (9.0, asks(OTHER, "10.0.0.5", PC_IP)), *((10.0 + count, dns_out) for count in range(5))]
        )
        == []
    )
