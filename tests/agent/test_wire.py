"""The hand-written encoder says what google.protobuf understands, bit for bit."""

from __future__ import annotations

import struct
from array import array
from typing import Any

from haidang_agent.snapshot import STALE_NAN, Layout
from haidang_agent.wire import encode, varint
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.agent.write_requests import WRITE_REQUEST, decode


def expected(layout: Layout, times: list[int], rows: list[array[float]]) -> list[Any]:
    return [
        (list(labels), [(row.tobytes()[8 * at : 8 * at + 8], when) for when, row in zip(times, rows, strict=True)])
        for at, labels in enumerate(layout)
    ]


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
label_sets = st.lists(st.tuples(texts, texts), max_size=4).map(lambda pairs: tuple(sorted(dict(pairs).items())))
layouts = st.lists(label_sets, max_size=6).map(tuple)
bits = st.one_of(
    st.integers(0, 2**64 - 1),
    st.integers(0x7FF0000000000001, 0x7FFFFFFFFFFFFFFF),
    st.just(0x7FF0000000000002),
    st.floats(allow_nan=False).map(lambda value: struct.unpack("<Q", struct.pack("<d", value))[0]),
)
timestamps = st.one_of(
    st.integers(-(2**63), 2**63 - 1), st.integers(-3, 300), st.integers(1_700_000_000_000, 1_900_000_000_000)
)


@st.composite
def requests(draw: st.DrawFn) -> tuple[Layout, list[int], list[array[float]]]:
    layout = draw(layouts)
    times = sorted(draw(st.lists(timestamps, max_size=8, unique=True)))
    row = st.lists(bits, min_size=len(layout), max_size=len(layout))
    rows = [array("d", struct.pack(f"<{len(layout)}Q", *draw(row))) for _ in times]
    return layout, times, rows


@given(requests())
@settings(max_examples=400, deadline=None)
def test_protobuf_reads_what_was_encoded(request_parts: tuple[Layout, list[int], list[array[float]]]) -> None:
    """Any layout, any time of 64 bits, any value: google.protobuf reads the same series, times and bits."""
    assert decode(encode(*request_parts)) == expected(*request_parts)


@given(st.integers(-(2**63), 2**63 - 1))
def test_a_varint_is_what_protobuf_writes(number: int) -> None:
    """The tag of Sample.timestamp and the number, as google.protobuf writes them; 0 it leaves out."""
    sample = WRITE_REQUEST().timeseries.add().samples.add(timestamp=number)
    assert sample.SerializeToString() == (b"\x10" + varint(number) if number else b"")


def test_the_stale_marker_keeps_its_bits() -> None:
    """A stale marker that became any other NaN would not end its series."""
    layout: Layout = ((("__name__", "a"),), (("__name__", "b"),))
    (_, first), (_, second) = decode(encode(layout, [5], [array("d", [STALE_NAN, 1.0])]))
    assert first == [(struct.pack("<Q", 0x7FF0000000000002), 5)]
    assert second == [(struct.pack("<d", 1.0), 5)]


def test_times_of_unlike_length_in_one_request() -> None:
    """Before and after 1970, and on both sides of a varint's border: every sample still stands at its own time."""
    layout: Layout = ((("__name__", "a"),),)
    times = [-1, 0, 127, 128, 2**42]
    rows = [array("d", [float(at)]) for at in range(5)]
    assert decode(encode(layout, times, rows)) == expected(layout, times, rows)


def test_a_label_that_is_no_text_does_not_stop_the_queue() -> None:
    """A file name that is no UTF-8 comes as lone surrogates; they become '?', or the shipper could never pass it."""
    layout: Layout = ((("__name__", "a"), ("device", "sd\udcff")),)
    assert decode(encode(layout, [1], [array("d", [1.0])]))[0][0] == [("__name__", "a"), ("device", "sd?")]
