"""ARP spoofing and address conflicts, by whatever tool."""

from __future__ import annotations

import pytest

from tests.agent.lanwatch.building import (
    EVERYBODY,
    EVIL,
    EVIL_IP,
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
    dhcp_client,
    dhcp_server,
    ethernet,
    everyday,
    found,
    ip,
    look,
    packet,
    replies,
)  # fmt: skip

SPOOF, CONFLICT = [("arp_spoof", "critical")], [("ip_conflict", "warning")]


def poison(since: float, times: int, every: float = 2.0) -> list[Timed]:
    """What arpspoof does: the PC is told, unasked, that the router is here."""
    return [(since + every * count, replies(EVIL, GATEWAY, PC, PC_IP)) for count in range(times)]


def test_one_sided_spoofing_names_attacker_and_owner():
    result = look([*everyday(), *poison(5, 4), (20, asks(ROUTER, GATEWAY, "10.0.0.9"))])
    (incident,) = result.incidents

    assert incident.kind == "arp_spoof"
    assert incident.subject == {"ip": GATEWAY, "mac": EVIL, "true_mac": ROUTER}
    assert incident.evidence.told(str).startswith(f"{EVIL} keeps telling others that {GATEWAY} is there")


def test_spoofing_both_sides_is_seen_without_a_word_of_the_victims():
    """Each false reply names the true MAC address of its receiver, which the other false reply contradicts."""
    frames = [(0.0, asks(OTHER, "10.0.0.7", "10.0.0.8"))]
    for count in range(5):
        frames += [
            (5 + 2 * count, replies(EVIL, GATEWAY, PC, PC_IP)),
            (6 + 2 * count, replies(EVIL, PC_IP, ROUTER, GATEWAY)),
        ]

    assert {(one.kind, one.subject["ip"], one.subject["mac"]) for one in look(frames).incidents} == {
        ("arp_spoof", GATEWAY, EVIL),
        ("arp_spoof", PC_IP, EVIL),
    }


def test_a_short_capture_in_the_middle_of_an_attack():
    """What was asked before the capture explains one reply, not several."""
    frames = [(count / 2, replies(EVIL, GATEWAY, PC, PC_IP)) for count in range(4)]

    assert found([*frames, (1.9, asks(ROUTER, GATEWAY, "10.0.0.9"))]) == SPOOF


def test_one_victim_is_told_for_ever_and_the_router_is_not_heard():
    (incident,) = look([(0.0, asks(EVIL, EVIL_IP, PC_IP)), *poison(1, 10)]).incidents

    assert (incident.kind, incident.subject) == ("arp_spoof", {"ip": GATEWAY, "mac": EVIL})
    assert f"told {PC_IP} 10 times within a minute, unasked, that {GATEWAY} is there" in incident.evidence.told(str)


def test_spoofing_by_broadcast_replies():
    false = ethernet(EVIL, EVERYBODY, 0x0806, arp(2, EVIL, GATEWAY, EVERYBODY, "10.0.0.255"))

    assert found([*everyday(), *((5.0 + count, false) for count in range(5))]) == SPOOF


def test_spoofing_by_announcements_that_never_end():
    frames = [*everyday(), (4.0, asks(EVIL, EVIL_IP, PC_IP))]
    for count in range(20):
        frames += [(5.0 + count, announces(EVIL, GATEWAY)), (5.5 + count, asks(ROUTER, GATEWAY, "10.0.0.9"))]

    assert ("arp_spoof", "critical") in found(frames)


NAMED: Timed = (0.0, dhcp_server(2, 1, PC, (ROUTER, GATEWAY)))
"""DHCP has named the router."""


def false_questions(every: float, times: int, to: str = EVERYBODY) -> list[Timed]:
    """What scapy's arpcachepoison does: asks the victim, in the router's name."""
    false = ethernet(EVIL, to, 0x0806, arp(1, EVIL, GATEWAY, NOBODY, PC_IP))
    return [(5.0 + every * count, false) for count in range(times)]


@pytest.mark.parametrize("to", [EVERYBODY, PC], ids=["everybody", "the victim"])
@pytest.mark.parametrize(("every", "times"), [(1.0, 120), (15.0, 30), (60.0, 15)])
def test_spoofing_by_questions_in_the_routers_name(every: float, times: int, to: str):
    until = int(every * times)
    alive = [(float(when), asks(ROUTER, GATEWAY, "10.0.0.9")) for when in range(20, until, 50)]
    own = [(float(when), asks(EVIL, EVIL_IP, "10.0.0.9")) for when in range(8, until, 100)]
    result = look(sorted([NAMED, *everyday(), *false_questions(every, times, to), *alive, *own]))

    spoofs = [one for one in result.incidents if one.kind == "arp_spoof"]

    assert [one.subject for one in spoofs] == [{"ip": GATEWAY, "mac": EVIL, "true_mac": ROUTER}]
    assert f"asks again and again in the name of {GATEWAY}, while {ROUTER} has" in spoofs[0].evidence.told(str)
    assert "ip_conflict" not in {one.kind for one in result.incidents}


def test_a_pc_with_the_routers_address_by_mistake_is_a_conflict():
    """It has no other address any more, and asks for the same machines again and again."""
    alive = [(float(when), asks(ROUTER, GATEWAY, "10.0.0.9")) for when in range(20, 300, 11)]
    result = look(
        sorted([NAMED, (0.0, asks(EVIL, EVIL_IP, PC_IP)), *everyday(1.0), *false_questions(10.0, 30), *alive])
    )

    kinds = {one.kind for one in result.incidents}
    assert "ip_conflict" in kinds
    assert "arp_spoof" not in kinds


def test_a_cluster_that_fails_over_and_asks_on_is_no_attack():
    """Both nodes have addresses of their own; the one that gave the address up does not come back to it."""
    before = [(float(when), asks(ROUTER, GATEWAY, "10.0.0.9")) for when in range(5)]
    own = [(float(when), asks(EVIL, EVIL_IP, "10.0.0.9")) for when in range(8, 300, 20)]
    other = [(float(when), asks(ROUTER, "10.0.0.67", "10.0.0.9")) for when in range(8, 300, 20)]

    kinds = {kind for kind, _ in found(sorted([NAMED, *before, *false_questions(10.0, 30), *own, *other]))}
    assert not kinds & {"arp_spoof", "ip_conflict"}


def test_a_laptop_that_asks_by_cable_in_the_name_of_its_wifi():
    """Linux answers for all its addresses by any card (arp_announce 0)."""
    wifi = [(float(when), asks(OTHER, "10.0.0.7", GATEWAY)) for when in range(0, 600, 50)]
    cable = [(float(when), asks(PC, ("10.0.0.7", PC_IP)[when % 40 == 0], GATEWAY)) for when in range(300, 900, 10)]

    assert "arp_spoof" not in {kind for kind, _ in found(sorted([NAMED, *wifi, *cable]))}


def test_spoofing_that_races_the_owners_replies():
    frames = []
    for count in range(4):
        frames += everyday(10.0 * count)
        frames.append((10.0 * count + 0.002, replies(EVIL, GATEWAY, PC, PC_IP)))
        frames.append((10.0 * count + 0.502, replies(EVIL, PC_IP, ROUTER, GATEWAY)))

    assert {one.subject["mac"] for one in look(frames).incidents if one.kind == "arp_spoof"} == {EVIL}


def test_a_way_to_the_internet_that_moves_after_an_unasked_reply():
    out = [(1.0 + count, packet((PC, PC_IP), (ROUTER, "8.8.8.8"))) for count in range(5)]
    moved = [(12.0 + count, packet((PC, PC_IP), (EVIL, "8.8.8.8"))) for count in range(5)]
    result = look([*out, (10.0, replies(EVIL, GATEWAY, PC, PC_IP)), *moved])

    assert [(one.kind, one.subject) for one in result.incidents] == [
        ("arp_spoof", {"ip": GATEWAY, "mac": EVIL, "true_mac": ROUTER})
    ]


def test_a_hundred_victims_of_one_attacker_are_few_incidents():
    frames: list[Timed] = [(0.0, asks(PC, PC_IP, GATEWAY))]
    for victim in range(10, 110):
        owner = f"a4:5d:36:00:31:{victim:02x}"
        frames.append((victim / 10, asks(owner, f"10.0.0.{victim}", GATEWAY)))
        frames += [(20 + victim / 10 + half, replies(EVIL, f"10.0.0.{victim}", ROUTER, GATEWAY)) for half in (0, 0.05)]

    assert 1 < len(look(frames).incidents) < 12


def test_equal_addresses_in_two_vlans_are_no_conflict():
    frames = []
    for count in range(6):
        frames += [(count, asks(PC, PC_IP, GATEWAY, [10])), (count + 0.5, asks(OTHER, PC_IP, GATEWAY, [20]))]
        frames += [(count + 0.6, asks(EVIL, PC_IP, GATEWAY, [10, 20]))]

    assert found(frames) == []


def test_two_machines_that_both_use_an_address():
    frames = []
    for count in range(4):
        frames += [(5 * count, asks(PC, PC_IP, GATEWAY)), (5 * count + 2, asks(OTHER, PC_IP, GATEWAY))]
    (incident,) = look(frames).incidents

    assert (incident.kind, incident.severity) == CONFLICT[0]
    assert incident.subject == {"ip": PC_IP, "mac": OTHER, "other_mac": PC}


def test_an_announcement_that_is_objected_to():
    """RFC 5227, section 2.4."""
    assert found([(0, announces(OTHER, PC_IP)), (0.01, replies(PC, PC_IP, OTHER, PC_IP))]) == CONFLICT
    assert found([(0, announces(OTHER, PC_IP)), (0.01, announces(PC, PC_IP))]) == CONFLICT


def test_an_address_that_is_tried_and_taken():
    """RFC 5227, section 2.1.1."""
    assert found([(0, asks(OTHER, "0.0.0.0", PC_IP)), (0.01, replies(PC, PC_IP, OTHER, "0.0.0.0"))]) == CONFLICT


def test_one_question_with_two_answers():
    frames = [
        (5, asks(PC, PC_IP, "10.0.0.9")),
        (5.001, replies(OTHER, "10.0.0.9", PC, PC_IP)),
        (5.002, replies(EVIL, "10.0.0.9", PC, PC_IP)),
    ]

    assert found(frames) == CONFLICT


def test_a_conflict_that_turns_out_to_be_an_attack_is_told_once():
    frames = [*everyday(), (5, asks(PC, PC_IP, GATEWAY)), (5.001, replies(ROUTER, GATEWAY, PC, PC_IP))]
    frames += [(5.002, replies(EVIL, GATEWAY, PC, PC_IP)), *poison(10, 4)]

    assert found(frames) == SPOOF


def test_neighbouring_machines_of_one_delivery_can_conflict():
    frames = []
    for count in range(4):
        frames += [
            (5 * count, announces("3c:52:82:10:00:21", PC_IP)),
            (5 * count + 1, announces("3c:52:82:10:00:22", PC_IP)),
        ]

    assert found(frames) == CONFLICT


def test_dhcp_decline_is_a_conflict():
    decline = dhcp_client(4, 9, PC, options=[(50, ip("10.0.0.77")), (54, ip(GATEWAY))])
    (incident,) = look([(0, decline)]).incidents

    assert (incident.kind, incident.subject["ip"], incident.subject["mac"]) == ("ip_conflict", "10.0.0.77", PC)
