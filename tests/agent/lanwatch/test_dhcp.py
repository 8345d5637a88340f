"""DHCP: rogue servers, starvation, floods, and the mornings when everybody comes at once."""

from __future__ import annotations

from random import Random

import pytest

from tests.agent.lanwatch.building import (
    EVERYBODY,
    START,
    Timed,
    bootp,
    datagram,
    dhcp_client,
    dhcp_server,
    found,
    ip,
    look,
)  # fmt: skip

OWN, ROGUE = ("3c:52:82:00:00:01", "10.0.0.1"), ("50:c7:bf:00:00:99", "192.168.0.1")
PC, OTHER = "00:1f:16:00:10:02", "00:1f:16:00:10:03"
DISCOVER, OFFER, REQUEST, ACK, NAK, INFORM = 1, 2, 3, 5, 6, 8
CRITICAL = [("rogue_dhcp", "critical")]


def lease(since: float, transaction: int, client: str, server: tuple[str, str] = OWN) -> list[Timed]:
    return [
        (since, dhcp_client(DISCOVER, transaction, client)),
        (since + 0.1, dhcp_server(OFFER, transaction, client, server)),
        (since + 0.2, dhcp_client(REQUEST, transaction, client)),
        (since + 0.3, dhcp_server(ACK, transaction, client, server)),
    ]


def test_two_servers_answer_one_client():
    result = look([*lease(0, 1, PC), (0.15, dhcp_server(OFFER, 1, PC, ROGUE))])
    (incident,) = result.incidents

    assert (incident.kind, incident.severity) == CRITICAL[0]
    assert incident.subject == {"ip": ROGUE[1], "mac": ROGUE[0], "known_ip": OWN[1], "known_mac": OWN[0]}
    assert "it gives out router 192.168.0.1 and name servers ?" in incident.evidence.told(str)
    assert [(one["ip"], one["mac"], one["offers"], one["acks"]) for one in result.dhcp_servers] == [
        (*reversed(OWN), 1, 1),
        (*reversed(ROGUE), 1, 0),
    ]


def test_a_server_that_appears_later_is_the_rogue():
    (incident,) = look([*lease(0, 1, PC), *lease(100, 2, OTHER, ROGUE)]).incidents

    assert (incident.subject["ip"], round(incident.first_seen - START, 3)) == (ROGUE[1], 100.1)


@pytest.mark.parametrize("identifier", [OWN[1], "10.0.0.254"])
def test_a_rogue_that_borrows_the_servers_address(identifier):
    twin = dhcp_server(OFFER, 1, PC, (ROGUE[0], OWN[1]), router="10.0.0.66", identifier=identifier)
    (incident,) = look([*lease(0, 1, PC), (0.15, twin)]).incidents

    assert (incident.kind, incident.severity, incident.subject["mac"]) == (*CRITICAL[0], ROGUE[0])


def test_a_server_with_a_new_network_card_is_the_same_server():
    assert found([*lease(0, 1, PC), *lease(100, 2, OTHER, (ROGUE[0], OWN[1]))]) == []


def test_a_hundred_answers_are_one_incident():
    frames = []
    for count in range(100):
        frames += [*lease(count, count, PC), (count + 0.15, dhcp_server(OFFER, count, PC, ROGUE))]

    assert found(frames) == CRITICAL


def test_a_pair_that_tells_the_same_is_information():
    second = ("3c:52:82:00:00:02", "10.0.0.3")
    frames = [(0.1, dhcp_server(OFFER, 1, PC, OWN)), (0.2, dhcp_server(OFFER, 1, PC, second, router=OWN[1]))]

    assert found(frames) == [("rogue_dhcp", "info")]


def test_two_servers_behind_one_relay_are_not_of_this_segment():
    frames = []
    for count, identifier in enumerate(["172.16.0.10", "172.16.0.11"] * 3):
        frames.append((count, dhcp_server(OFFER, 1, PC, OWN, relay="10.0.0.1", identifier=identifier)))

    assert found(frames) == []


def test_two_relays_before_the_same_servers():
    second = ("3c:52:82:00:00:02", "10.0.0.2")
    frames = [
        (count, dhcp_server(OFFER, 1, PC, relay, relay=relay[1], identifier=identifier))
        for count, (relay, identifier) in enumerate(
            (relay, identifier) for relay in (OWN, second) for identifier in ("172.16.0.10", "172.16.0.11")
        )
    ]

    assert found(frames) == []


def test_a_server_per_vlan_is_right():
    def offer(vlan: int, server: tuple[str, str]) -> bytes:
        content = bootp(OFFER, 1, PC, offered="10.0.0.9", options=[(54, ip(server[1]))])
        return datagram((*server, 67), (PC, "10.0.0.9", 68), content, [vlan])

    assert found([(0, offer(10, OWN)), (1, offer(20, ROGUE)), (2, offer(10, OWN))]) == []


def test_a_boot_server_adds_to_what_dhcp_says():
    """Proxy DHCP of the PXE specification: an offer without an address."""
    boot = dhcp_server(OFFER, 1, PC, ROGUE, offered="0.0.0.0", more=[(60, b"PXEClient")])

    assert found([*lease(0, 1, PC), (0.15, boot)]) == []


def test_renewals_and_informs_of_one_server():
    frames = []
    for count in range(20):
        frames += [(60 * count, dhcp_client(REQUEST, count, PC)), (60 * count + 0.1, dhcp_server(ACK, count, PC, OWN))]
        frames += [
            (60 * count + 9, dhcp_client(INFORM, count, PC)),
            (60 * count + 9.1, dhcp_server(ACK, count, PC, OWN)),
        ]

    assert found(frames) == []


def test_two_dhcpv6_servers_that_answer_one_client():
    def advertise(server: tuple[str, str], duid: bytes) -> bytes:
        content = bytes([2, 0, 0, 9, 0, 1, 0, 2]) + b"pc" + bytes([0, 2, 0, len(duid)]) + duid
        return datagram((*server, 547), (PC, "fe80::2", 546), content)

    own, rogue = ("3c:52:82:00:00:01", "fe80::1"), ("50:c7:bf:00:00:99", "fe80::99")

    assert found([(0, advertise(own, b"one")), (1, advertise(own, b"one"))]) == []
    assert found([(0, advertise(own, b"one")), (1, advertise(rogue, b"two"))]) == [("rogue_dhcp", "warning")]


def test_starvation_from_one_card():
    frames = [
        (count / 2, dhcp_client(DISCOVER, count, f"de:ad:00:00:{count >> 8:02x}:{count & 255:02x}", card=PC))
        for count in range(80)
    ]
    (incident,) = look(frames).incidents

    assert (incident.kind, incident.severity, incident.subject) == ("dhcp_starvation", "critical", {"mac": PC})


def test_starvation_by_random_cards():
    """As yersinia does: every frame a new card, offers never taken."""
    random = Random(7)
    frames: list[Timed] = []
    for count in range(300):
        card = ":".join(f"{byte:02x}" for byte in [random.randrange(256) & 0xFE, *random.randbytes(5)])
        frames.append((count / 10, dhcp_client(DISCOVER, count, card)))
        if count < 100:
            frames.append((count / 10 + 0.01, dhcp_server(OFFER, count, card, OWN)))

    assert found(frames) == [("dhcp_starvation", "critical")]


def test_a_school_that_switches_on_is_no_starvation():
    """200 PCs of one delivery and 200 telephones with invented MAC addresses, within a minute."""
    frames = []
    for count in range(200):
        frames += lease(count / 4, count, f"3c:52:82:01:{count >> 8:02x}:{count & 255:02x}")
        frames += lease(
            count / 4 + 0.05, 1000 + count, f"{(count * 4 + 2) & 255:02x}:{count * 37 & 255:02x}:11:02:03:{count:02x}"
        )

    assert found(sorted(frames)) == []


def test_a_morning_on_which_some_give_up_is_no_starvation():
    """Thirty telephones of two hundred clients are out of reach again before they take what they are offered."""
    frames = []
    for count in range(200):
        steps = lease(count / 4, count, f"3c:52:82:01:00:{count:02x}")
        frames += steps[:2] if count % 6 == 0 else steps

    assert found(sorted(frames)) == []


def test_a_school_whose_server_is_away_is_no_starvation():
    frames = []
    for attempt in range(4):
        for count in range(100):
            card = f"3c:52:82:01:00:{count:02x}"
            frames.append((attempt * 8 + count / 20, dhcp_client(DISCOVER, count, card)))

    assert found(frames) == []


def test_a_relays_requests_are_many_clients_of_one_card():
    def relayed(count: int) -> bytes:
        content = bootp(DISCOVER, count, f"3c:52:82:01:00:{count:02x}", relay="10.0.0.1")
        return datagram((*OWN, 67), (ROGUE[0], "172.16.0.10", 67), content)

    assert found([(count / 10, relayed(count)) for count in range(200)]) == []


def test_a_relay_of_impatient_clients_floods_nobody():
    def relayed(count: int) -> bytes:
        content = bootp(DISCOVER, count, f"3c:52:82:01:00:{count % 10:02x}", relay="10.0.0.1")
        return datagram((*OWN, 67), (ROGUE[0], "172.16.0.10", 67), content)

    assert found([(count / 20, relayed(count)) for count in range(200)]) == []


def test_a_flood_of_one_client():
    for kind in (DISCOVER, REQUEST, INFORM):
        frames = [(count / 50, dhcp_client(kind, count, PC)) for count in range(300)]
        (incident,) = look(frames).incidents

        assert (incident.kind, incident.severity, incident.subject) == ("dhcp_flood", "warning", {"mac": PC})
        assert incident.evidence.told(str) == f"300 DHCP messages from {PC} within 6 s"


def test_a_flood_without_time_between_the_frames():
    assert found([(0, dhcp_client(DISCOVER, count, PC)) for count in range(1000)]) == [("dhcp_flood", "warning")]


def test_a_telephone_that_joins_wifi_impatiently():
    frames = [(count * 1.5, dhcp_client(DISCOVER, count, PC)) for count in range(15)]

    assert found([*frames, *lease(25, 99, PC)]) == []


def test_a_broken_dhcp_message_is_named():
    broken = datagram((PC, "0.0.0.0", 68), (EVERYBODY, "255.255.255.255", 67), bootp(DISCOVER, 1, PC)[:200])
    result = look([(0, broken), (1, broken)])

    assert result.incidents == []
    assert result.problems.told(translated=False) == [
        "2 packets whose DHCP is malformed or cut short were not looked into (first: packet 1)"
    ]
