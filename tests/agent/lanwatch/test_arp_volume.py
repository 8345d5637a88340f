"""Scans, storms and loops, and busy but healthy networks."""

from __future__ import annotations

import struct

import pytest

from tests.agent.lanwatch.building import (
    EVERYBODY,
    Timed,
    arp,
    asks,
    datagram,
    dhcp_client,
    dns,
    ethernet,
    found,
    look,
    packet,
    replies,
)  # fmt: skip

PC, ROUTER = "00:1f:16:00:10:02", "3c:52:82:00:00:01"


def sweep(who: str, sender: str, number: int, every: float, since: float = 0.0) -> list[Timed]:
    return [(since + every * count, asks(who, sender, f"10.0.{count >> 8}.{count & 255}")) for count in range(number)]


@pytest.mark.parametrize(("number", "every"), [(254, 0.001), (254, 0.1), (60, 0.5), (500, 2.0)])
def test_a_sweep_is_a_scan_at_any_speed(number, every):
    (incident,) = look(sweep(PC, "10.0.0.7", number, every)).incidents

    assert (incident.kind, incident.severity, incident.subject["mac"]) == ("arp_scan", "warning", PC)


def test_a_sweep_with_probes_is_a_scan():
    assert found(sweep(PC, "0.0.0.0", 254, 0.05)) == [("arp_scan", "warning")]


def test_two_scanners_are_two_incidents():
    other = sweep("00:1f:16:00:10:03", "10.0.0.8", 100, 0.1)

    assert found(sweep(PC, "10.0.0.7", 100, 0.1) + other) == [("arp_scan", "warning")] * 2


def test_a_router_that_looks_after_its_clients_is_information_only():
    traffic = [(count / 10, packet((ROUTER, f"8.8.8.{count}"), (PC, "10.0.0.2"))) for count in range(5)]

    assert found(traffic + sweep(ROUTER, "10.0.0.1", 254, 0.1, since=1.0)) == [("arp_scan", "info")]


def test_what_serves_the_network_may_show_itself_later():
    answer = datagram((ROUTER, "10.0.0.1", 53), (PC, "10.0.0.2", 999), dns(1, "a.vn", ["1.2.3.4"], response=True))
    frames = [*sweep(ROUTER, "10.0.0.1", 100, 0.1), (20.0, answer), *sweep(ROUTER, "10.0.0.1", 254, 0.1, since=21.0)]

    assert found(frames) == [("arp_scan", "info")]


def test_a_teacher_who_calls_a_whole_room_is_no_scanner():
    assert found(sweep(PC, "10.0.0.7", 45, 0.01)) == []


def test_a_day_of_a_busy_pc_is_no_scan():
    """A new address every 20 s: never many at a time."""
    assert found(sweep(PC, "10.0.0.7", 1000, 20.0)) == []


def test_one_machine_that_asks_for_few_addresses_without_end():
    frames = [(count / 100, asks(PC, f"10.0.0.{count % 7}", f"10.0.1.{count % 5}")) for count in range(2000)]

    assert found(frames) == [("arp_storm", "warning")]


def test_a_storm_of_many_machines():
    frames = [
        (count / 500, asks(f"00:1f:16:00:{count % 100:02x}:01", f"10.0.2.{count % 100}", f"10.0.3.{count % 9}"))
        for count in range(5000)
    ]

    assert found(frames) == [("arp_storm", "critical")]


def test_a_frame_that_circles_is_a_loop_whatever_it_is():
    question = asks(PC, "10.0.0.7", "10.0.0.1")
    discover = dhcp_client(1, 77, PC)
    for frame in (question, discover):
        assert found([(count / 100, frame) for count in range(400)]) == [("l2_loop", "critical")]


def test_a_loop_that_multiplies_everything_a_little():
    frames = [
        (count / 200, asks(f"00:1f:16:00:00:{count % 16:02x}", f"10.0.0.{count % 16}", "10.0.0.1"))
        for count in range(800)
    ]

    assert found(frames) == [("l2_loop", "critical")]


def test_a_machine_that_asks_the_same_every_second_is_no_loop():
    """Windows does so while its router is away; captured on two interfaces at once, too."""
    frames = [(count / 2, asks(PC, "10.0.0.7", "10.0.0.1")) for count in range(240)]

    assert found([(when, frame) for when, frame in frames for _ in range(2)]) == []


def test_field_buses_bpdus_and_flow_control_repeat_by_design():
    kinds = [
        ethernet(PC, EVERYBODY, 0x88A4, bytes(46)),
        ethernet(PC, "01:80:c2:00:00:01", 0x8808, struct.pack("!HH", 1, 0xFFFF) + bytes(42)),
        ethernet(PC, "01:80:c2:00:00:00", 38, bytes.fromhex("424203") + bytes(35)),
    ]

    assert found([(count / 1000, kind) for count in range(500) for kind in kinds]) == []


def test_a_multicast_stream_is_no_loop():
    def part(count: int) -> bytes:
        return datagram((PC, "10.0.0.7", 5004), ("01:00:5e:01:01:01", "239.1.1.1", 5004), struct.pack("!I", count) * 50)

    assert found([(count / 900, part(count)) for count in range(4000)]) == []


def test_a_monday_morning():
    """Forty PCs boot within a minute, each asking for its router, a server and its neighbours."""
    frames = []
    for pc in range(40):
        card, address, since = f"3c:52:82:01:00:{pc:02x}", f"10.0.0.{100 + pc}", pc * 1.3
        frames += [(since, asks(card, "0.0.0.0", address)), (since + 1, asks(card, address, address))]
        frames += [(since + 2 + part, asks(card, address, f"10.0.0.{part + 1}")) for part in range(10)]
        frames += [(since + 2.001, replies(ROUTER, "10.0.0.1", card, address))]

    assert found(sorted(frames)) == []


def test_a_vendors_nonsense_in_arp_is_survived():
    frames = [
        (count / 10, ethernet(PC, EVERYBODY, 0x0806, arp(2, PC, "255.255.255.255", EVERYBODY, "0.0.0.0")))
        for count in range(30)
    ]

    assert found(frames) == []
