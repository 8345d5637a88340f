"""Capture files of every dialect, sound and damaged."""

from __future__ import annotations

import io
import struct

import pytest
from haidang_agent.lanwatch.pcap import NotACaptureError, Packet, read_packets
from haidang_agent.lanwatch.problems import Problems
from hypothesis import given
from hypothesis import strategies as st

from tests.agent.lanwatch.building import START, pcap

FRAMES = [(0.0, b"first frame of it"), (1.5, b"second"), (2.25, b"")]


def read(data: bytes) -> tuple[list[Packet], list[str]]:
    problems = Problems()
    packets = list(read_packets(io.BytesIO(data), problems))
    return packets, problems.told(translated=False)


def block(kind: int, body: bytes, order: str = "<") -> bytes:
    body += bytes(-len(body) % 4)
    size = 12 + len(body)
    return struct.pack(f"{order}II", kind, size) + body + struct.pack(f"{order}I", size)


def section(order: str = "<") -> bytes:
    return block(0x0A0D0D0A, struct.pack(f"{order}IHHq", 0x1A2B3C4D, 1, 0, -1), order)


def interface(link: int = 1, snap: int = 0, options: bytes = b"", order: str = "<") -> bytes:
    return block(1, struct.pack(f"{order}HHI", link, 0, snap) + options, order)


def enhanced(number: int, ticks: int, data: bytes, order: str = "<", length: int | None = None) -> bytes:
    head = struct.pack(f"{order}IIIII", number, ticks >> 32, ticks & 0xFFFFFFFF, len(data), length or len(data))
    return block(6, head + data, order)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("nanoseconds", [False, True])
def test_pcap_of_both_byte_orders_and_resolutions(order, nanoseconds):
    packets, problems = read(pcap(FRAMES, order=order, nanoseconds=nanoseconds))

    assert [(one.number, one.time - START, one.data) for one in packets] == [
        (1, 0.0, b"first frame of it"),
        (2, 1.5, b"second"),
        (3, 2.25, b""),
    ]
    assert problems == []


def test_kuznetzovs_pcap_has_longer_record_heads():
    record = struct.pack("<IIIIIHBB", int(START), 0, 3, 3, 7, 0x0800, 0, 0) + b"abc"
    data = struct.pack("<IHHIIII", 0xA1B2CD34, 2, 4, 0, 0, 65535, 1) + record * 2

    assert [one.data for one in read(data)[0]] == [b"abc", b"abc"]


def test_a_frame_cut_by_the_snap_length_keeps_its_length_on_the_wire():
    data = pcap([]) + struct.pack("<IIII", 0, 0, 4, 1500) + b"abcd"

    assert [(one.length, one.data) for one in read(data)[0]] == [(1500, b"abcd")]


@pytest.mark.parametrize("cut", range(24, len(pcap(FRAMES))))
def test_a_file_cut_off_anywhere_gives_what_is_whole_and_says_so(cut):
    packets, problems = read(pcap(FRAMES)[:cut])
    ends = [24, 24 + 16 + 17, 24 + 2 * 16 + 17 + 6]

    assert len(packets) == sum(cut >= end for end in ends) - 1
    assert problems == ([] if cut in ends else [f"the file is cut off after packet {len(packets)}"])


def test_a_length_nobody_sends_ends_the_reading():
    data = pcap(FRAMES[:1]) + struct.pack("<IIII", 0, 0, 1 << 31, 1 << 31) + bytes(100)

    packets, problems = read(data)

    assert len(packets) == 1
    assert problems == ["the file is damaged after packet 1 (a packet of 2147483648 bytes); the rest was not read"]


@pytest.mark.parametrize("data", [b"", b"\x1f\x8b\x08\x00", b"GET / HTTP/1.1", b"\x0a\x0d\x0d\x0a" + bytes(8)])
def test_something_else_is_no_capture(data):
    with pytest.raises(NotACaptureError):
        read(data)


def test_pcapng_with_interfaces_of_different_links_and_clocks():
    nanoseconds = struct.pack("<HHB3x", 9, 1, 9)
    powers_of_two = struct.pack("<HHB3x", 9, 1, 0x80 | 10)
    offset = struct.pack("<HHq", 14, 8, 1000)
    data = (
        section() + interface(1) + interface(113, options=nanoseconds) + interface(101, options=powers_of_two + offset)
    )
    data += block(5, bytes(20)) + enhanced(0, 1_500_000, b"a", length=9) + enhanced(1, 2_500_000_000, b"bc")
    data += enhanced(2, 1536, b"d")

    packets, problems = read(data)

    assert [one[1:] for one in packets] == [
        (1.5, 0, 1, 9, b"a"),
        (2.5, 1, 113, 2, b"bc"),
        (1001.5, 2, 101, 1, b"d"),
    ]
    assert problems == []


def test_a_new_section_may_have_another_byte_order_and_forgets_interfaces():
    data = section() + interface(1) + enhanced(0, 1, b"a")
    data += section(">") + interface(101, order=">") + enhanced(0, 2, b"b", ">") + enhanced(1, 3, b"c", ">")

    packets, problems = read(data)

    assert [(one.interface, one.link_type, one.data) for one in packets] == [(0, 1, b"a"), (1, 101, b"b")]
    assert problems == ["1 packets belong to an interface that the file does not describe; they were not read"]


def test_simple_and_old_packet_blocks():
    simple = block(3, struct.pack("<I", 6) + b"sixsix")
    old = block(2, struct.pack("<HHIIII", 0, 0, 0, 2_000_000, 3, 3) + b"old")

    packets, problems = read(section() + interface(1, snap=4) + old + simple)

    assert [(one.time, one.length, one.data) for one in packets] == [(2.0, 3, b"old"), (2.0, 6, b"sixs")]
    assert problems == ["1 packets carry no time, or an impossible one; that of the packet before them was taken"]


def test_a_packet_longer_than_its_block_is_left_out_alone():
    lies = block(6, struct.pack("<IIIII", 0, 0, 0, 100, 100) + b"abcd")

    packets, problems = read(section() + interface() + lies + enhanced(0, 0, b"good"))

    assert [one.data for one in packets] == [b"good"]
    assert problems == ["1 blocks contradict themselves and were not read (first: after packet 0)"]


@pytest.mark.parametrize(
    ("tail", "problem"),
    [
        (enhanced(0, 0, b"cut off")[:-5], "the file is cut off after packet 1"),
        (b"\x06\x00\x00", "the file is cut off after packet 1"),
        (struct.pack("<II", 6, 4) + bytes(64), "a block of 4 bytes"),
        (struct.pack("<II", 6, 1 << 30) + bytes(64), "a block of 1073741824 bytes"),
        (block(6, bytes(24))[:-4] + bytes(4), "a block's two lengths differ"),
        (b"\x0a\x0d\x0d\x0a" + bytes(24), "a section without byte order"),
    ],
)
def test_damaged_pcapng_ends_there(tail, problem):
    packets, problems = read(section() + interface() + enhanced(0, 0, b"good") + tail)

    assert [one.data for one in packets] == [b"good"]
    assert len(problems) == 1
    assert problem in problems[0]


def test_a_time_beyond_the_calendar_is_not_believed():
    packets, problems = read(section() + interface() + enhanced(0, 7_000_000, b"a") + enhanced(0, 2**64 - 1, b"b"))

    assert [one.time for one in packets] == [7.0, 7.0]
    assert len(problems) == 1


@given(st.binary(max_size=400))
def test_any_bytes_are_read_or_refused(noise):
    heads = (b"", pcap([]), section() + interface(), section(">") + interface(order=">"))
    for head in heads:
        try:
            packets, _problems = read(head + noise)
        except NotACaptureError:
            packets = []
        assert sum(len(one.data) for one in packets) <= len(noise)


@given(st.integers(0, 10**6), st.integers(0, 255), st.booleans())
def test_a_byte_changed_anywhere_is_survived(where, value, is_ng):
    sound = section() + interface(options=bytes(4)) + enhanced(0, 1, b"abcd") * 3 if is_ng else pcap(FRAMES)
    changed = bytearray(sound)
    changed[4 + where % (len(sound) - 4)] = value
    try:
        packets, _problems = read(bytes(changed))
    except NotACaptureError:
        packets = []
    assert len(packets) <= 4
