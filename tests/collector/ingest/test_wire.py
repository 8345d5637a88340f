from __future__ import annotations

import tracemalloc

import pytest
from haidang_collector.ingest import wire
from haidang_collector.ingest.refusal import Refusal
from hypothesis import given
from hypothesis import strategies as st

from tests.collector import remote_write as rw


@given(st.integers(0, (1 << 35) - 1))
def test_a_length_is_written_as_protobuf_does(number: int) -> None:
    assert wire.varint(number) == rw.varint(number)


@given(st.lists(st.binary(max_size=300)))
def test_series_come_out_as_they_were_put_in(contents: list[bytes]) -> None:
    message = b"".join(rw.field(1, content) for content in contents)

    assert wire.split_series(message, max_series=1000) == contents


def test_metadata_is_passed_over() -> None:
    """
    Prometheus sends it with remote write 1.0, although the specification leaves it out.
    """
    assert wire.split_series(rw.field(3, b"meta") + rw.field(1, b"one"), max_series=2) == [b"one"]


@pytest.mark.parametrize(
    "message",
    [
        pytest.param(b"\x0a", id="no length"),
        pytest.param(b"\x0a\x05abc", id="runs past the end"),
        pytest.param(b"\x0a" + b"\xff" * 4, id="length cut off"),
        pytest.param(b"\x0a" + b"\xff" * 9 + b"\x01", id="length of 64 bits"),
        pytest.param(b"\x08\x01", id="wrong wire type"),
        pytest.param(b"\x12\x00", id="field 2, which remote write 1.0 reserves"),
        pytest.param(
            rw.varint((1 << 35) | 0x0A) + b"\x00", id="a tag that only looks like field 1 when cut to 32 bits"
        ),
    ],
)
def test_what_is_no_write_request_is_malformed(message: bytes) -> None:
    with pytest.raises(Refusal) as refused:
        wire.split_series(message, max_series=10)

    assert (refused.value.status, refused.value.reason) == (400, "malformed")


def test_more_series_than_allowed_are_too_large() -> None:
    with pytest.raises(Refusal) as refused:
        wire.split_series(rw.field(1, b"") * 11, max_series=10)

    assert refused.value.status == 413


def test_metadata_counts_as_series_do() -> None:
    """
    Else 1.5 MB of it kept a thread busy for three seconds, and were taken for an empty request.
    """
    with pytest.raises(Refusal) as refused:
        wire.split_series(rw.field(1, b"") + rw.field(3, b"") * 10, max_series=10)

    assert refused.value.status == 413


def test_sixteen_million_empty_series_are_refused_without_building_them() -> None:
    message = b"\x0a\x00" * (16 << 20)
    tracemalloc.start()
    try:
        with pytest.raises(Refusal):
            wire.split_series(message, max_series=20_000)
        assert tracemalloc.get_traced_memory()[1] < 4 << 20
    finally:
        tracemalloc.stop()


def test_labels_end_where_the_first_other_field_begins() -> None:
    labels = rw.label("__name__", "up") + rw.label("wan", "x" * 200)

    assert wire.labels_end(labels + rw.sample(1, 1), max_labels=2) == len(labels)


def test_too_many_labels_are_refused() -> None:
    with pytest.raises(Refusal, match="more than 2 labels"):
        wire.labels_end(rw.label("a", "b") * 3, max_labels=2)


@given(st.binary())
def test_a_snappy_block_comes_back(message: bytes) -> None:
    assert wire.decompress(wire.compress(message), max_bytes=len(message)) == message


def test_a_snappy_bomb_is_refused_by_what_it_claims() -> None:
    """
    40 MB of zeros take 2 MB compressed; nothing near 40 MB is allocated.
    """
    bomb = rw.snappy(bytes(40_000_000))
    tracemalloc.start()
    try:
        with pytest.raises(Refusal) as refused:
            wire.decompress(bomb, max_bytes=32 << 20)
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()
    assert refused.value.status == 413


@pytest.mark.parametrize(
    "body", [b"", b"\xff" * 6, b"\x0a\x00a", rw.varint(1 << 31) + b"x", rw.varint(10) + b"\xff" * 9]
)
def test_what_is_no_snappy_block_is_refused(body: bytes) -> None:
    with pytest.raises(Refusal) as refused:
        wire.decompress(body, max_bytes=1 << 20)

    assert refused.value.status in (400, 413)
