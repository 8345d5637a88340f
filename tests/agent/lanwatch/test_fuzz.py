"""Whole captures of sound, changed and headless frames: no detector raises, and incidents stay well-formed."""

from __future__ import annotations

import io
import json
import struct

from haidang_advice.kinds import KINDS
from haidang_agent.lanwatch.analyse import analyse
from haidang_agent.lanwatch.words import SEVERITY, SUBJECT
from hypothesis import given
from hypothesis import strategies as st

from tests.agent.lanwatch.building import (
    EVIL,
    GATEWAY,
    OTHER,
    PC,
    PC_IP,
    ROUTER,
    START,
    advertises,
    announces,
    asks,
    datagram,
    dhcp_client,
    dhcp_server,
    dns,
    netbios,
    packet,
    replies,
    router_advertisement,
    solicits,
)

SAMPLES = [
    asks(PC, PC_IP, GATEWAY),
    asks(OTHER, "0.0.0.0", PC_IP),
    replies(ROUTER, GATEWAY, PC, PC_IP),
    replies(EVIL, GATEWAY, PC, PC_IP),
    replies(EVIL, PC_IP, ROUTER, GATEWAY),
    announces(OTHER, PC_IP),
    packet((PC, PC_IP), (ROUTER, "8.8.8.8")),
    packet((PC, PC_IP), (EVIL, "8.8.8.8")),
    dhcp_client(1, 1, PC),
    dhcp_client(4, 1, PC, options=[(50, bytes(4))]),
    dhcp_server(2, 1, PC, (ROUTER, GATEWAY)),
    dhcp_server(5, 1, PC, (EVIL, "192.168.0.1")),
    datagram((PC, PC_IP, 5000), (ROUTER, GATEWAY, 53), dns(7, "a.vn")),
    datagram((ROUTER, GATEWAY, 53), (PC, PC_IP, 5000), dns(7, "a.vn", ["1.2.3.4"], response=True)),
    datagram((EVIL, GATEWAY, 53), (PC, PC_IP, 5000), dns(7, "a.vn", ["6.6.6.6"], response=True)),
    datagram((PC, PC_IP, 137), ("ff:ff:ff:ff:ff:ff", "10.0.0.255", 137), netbios(3, "WPAD")),
    datagram((EVIL, GATEWAY, 137), (PC, PC_IP, 137), netbios(3, "WPAD", GATEWAY)),
    datagram((ROUTER, "fe80::1", 547), (PC, "fe80::2", 546), bytes([2, 0, 0, 9, 0, 2, 0, 2, 1, 2])),
    router_advertisement(ROUTER, "fe80::1"),
    router_advertisement(EVIL, "fe80::66", prefix="2001:db8:bad::"),
    solicits(PC, "fe80::5"),
    advertises(EVIL, "fe80::5"),
]

CHANGES = st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=3)
TIMES = st.floats(-1000, 1000)
FRAMES = st.lists(st.tuples(TIMES, st.sampled_from(SAMPLES), CHANGES, st.integers(1, 70)), max_size=40)


def changed(sample: bytes, changes: list[tuple[int, int]]) -> bytes:
    frame = bytearray(sample)
    for where, value in changes:
        frame[where % len(frame)] = value
    return bytes(frame)


def capture(frames: list[tuple[float, bytes, list[tuple[int, int]], int]], link: int) -> bytes:
    """Each frame as often as told; without its Ethernet head where the link type has none."""
    parts = [struct.pack("<IHHIIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, link)]
    for seconds, sample, changes, times in frames:
        frame = changed(sample, changes)[0 if link == 1 else 14 :]
        parts.append((struct.pack("<IIII", int(START + seconds), 0, len(frame), len(frame)) + frame) * times)
    return b"".join(parts)


@given(FRAMES, st.sampled_from([1, 1, 101]))
def test_no_capture_upsets_the_detectors(frames, link):
    result = analyse(io.BytesIO(capture(frames, link)))

    assert result.packets == sum(times for *_, times in frames)
    for incident in result.incidents:
        assert incident.kind in KINDS
        assert incident.severity in SEVERITY
        assert incident.first_seen <= incident.last_seen
        assert incident.subject.keys() <= SUBJECT.keys()
        assert incident.evidence.told(str)
        assert json.dumps(incident.subject)
