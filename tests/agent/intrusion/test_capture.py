"""Frames of an interface, read from a real kernel."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from haidang_agent.intrusion.selection import selection
from haidang_agent.platform.capture import Capture, Captured

from tests.agent.lanwatch.building import asks
from tests.agent.lanwatch.test_real_lan import AGENT, send
from tests.agent.namespaces import Lan
from tests.lab.node import Node
from tests.waiting import eventually

SENDER = "02:00:00:00:00:77"
PLAIN = asks(SENDER, "10.9.0.2", "10.9.0.9").ljust(60, b"\0")
IN_VLAN = asks(SENDER, "10.9.0.2", "10.9.0.9", vlans=[20]).ljust(64, b"\0")
PRIORITY = asks(SENDER, "10.9.0.2", "10.9.0.9", vlans=[0]).ljust(64, b"\0")


@contextmanager
def capture(lan: Lan, program: bytes) -> Iterator[Capture]:
    with Node(lan.agent.name).inside():
        opened = Capture("lan0", program)
    try:
        yield opened
    finally:
        opened.close()


def wait_for(opened: Capture, frame: bytes) -> list[Captured]:
    """All that came until this frame did."""
    found: list[Captured] = []

    def look() -> bool:
        found.extend(opened.read(100))
        return any(each.data == frame for each in found)

    eventually("the frame comes", look, seconds=5, every=0.02)
    return [each for each in found if each.data[6:12] == frame[6:12]]


def test_a_frame_has_its_time_and_length():
    with Lan(pcs=1) as lan, capture(lan, selection()) as opened:
        send(lan.pcs[0], PLAIN)
        (frame,) = wait_for(opened, PLAIN)

    assert (frame.length, frame.data) == (60, PLAIN)
    assert abs(frame.time - time.time()) < 60


def test_a_tag_is_where_it_was_on_the_wire():
    with Lan(pcs=1) as lan, capture(lan, selection()) as opened:
        send(lan.pcs[0], IN_VLAN)
        (frame,) = wait_for(opened, IN_VLAN)

    assert frame.length == 64


def test_a_priority_is_no_vlan():
    with Lan(pcs=1) as lan, capture(lan, selection()) as opened:
        send(lan.pcs[0], PRIORITY, PLAIN)
        frames = wait_for(opened, PLAIN)

    assert [frame.data[12:14] for frame in frames] == [b"\x08\x06", b"\x08\x06"]


def test_frames_of_vlans_are_left_out_where_they_are_seen_elsewhere():
    with Lan(pcs=1) as lan, capture(lan, selection(tagged=False)) as opened:
        send(lan.pcs[0], IN_VLAN, PLAIN)

        assert [frame.data for frame in wait_for(opened, PLAIN)] == [PLAIN]


def test_the_machines_own_frames_are_seen_too():
    own = asks(AGENT, "10.9.0.1", "10.9.0.9").ljust(60, b"\0")
    with Lan(pcs=1) as lan, capture(lan, selection()) as opened:
        send(lan.agent, own)

        assert wait_for(opened, own)


def test_what_found_no_room_is_counted():
    with Lan(pcs=1) as lan, capture(lan, selection()) as opened:
        opened.statistics()
        send(lan.pcs[0], *([PLAIN] * 5_000))
        read = len(list(opened.read(5_000)))
        passed, lost = opened.statistics()

    assert passed >= 5_000
    assert lost == passed - read > 0


def test_another_selection_takes_the_place_of_the_first():
    with Lan(pcs=1) as lan, capture(lan, selection(tagged=False)) as opened:
        opened.select(selection())
        send(lan.pcs[0], IN_VLAN)

        assert wait_for(opened, IN_VLAN)


def test_loopback_is_refused():
    with pytest.raises(OSError, match="lo is no Ethernet"):
        Capture("lo", selection())
