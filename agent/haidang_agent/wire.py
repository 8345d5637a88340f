"""Remote write 1.0, encoded by hand: one message of two repeated fields (docs/decisions/0002).

Several snapshots of one layout become one WriteRequest in which each label set is written once, followed by its
samples in the order of time. Source: Prometheus remote write 1.0 specification, `prometheus.WriteRequest`.
"""

from __future__ import annotations

import struct
from array import array
from functools import lru_cache
from typing import TYPE_CHECKING

import cramjam

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from haidang_agent.snapshot import LabelSet, Layout

_VALUE_AT = 3
"""Where the float64 stands in an encoded sample: after its tag, its length and the tag of `value`."""
_REMEMBERED = 8192
"""Label sets: an agent has a few hundred, and all of them in every snapshot."""


def encode(layout: Layout, timestamps_ms: Sequence[int], values: Sequence[array[float]]) -> bytes:
    """A WriteRequest in a snappy block: `values[i][s]` is the value of series `layout[s]` at `timestamps_ms[i]`.

    `timestamps_ms` must ascend. The bits of a NaN, and so the stale marker, are kept.
    """
    parts = (
        _of_one(layout, timestamps_ms[0], values[0]) if len(values) == 1 else _of_many(layout, timestamps_ms, values)
    )
    return bytes(cramjam.snappy.compress_raw(b"".join(parts)))


def _of_one(layout: Layout, milliseconds: int, values: array[float]) -> Iterator[bytes]:
    """Of the live lane: what stands before and after a value is the same from one snapshot to the next."""
    sample = _sample(milliseconds, b"")
    before, after = sample[:_VALUE_AT], sample[_VALUE_AT:]
    packed, size = values.tobytes(), len(sample) + 8
    for series, label_set in enumerate(layout):
        yield _labels(label_set, size)
        yield before
        yield packed[8 * series : 8 * series + 8]
        yield after


def _of_many(
    layout: Layout, timestamps_ms: Sequence[int], values: Sequence[array[float]]
) -> Iterator[bytes | bytearray]:
    template, size = _samples(timestamps_ms)
    width = len(layout)
    matrix = array("d", b"".join(row.tobytes() for row in values))
    for series, label_set in enumerate(layout):
        column = matrix[series::width].tobytes()
        samples = bytearray(template)
        if size:
            for byte in range(8):
                samples[_VALUE_AT + byte :: size] = column[byte::8]
        else:
            samples = _uneven_samples(timestamps_ms, column)
        yield _labels(label_set, len(samples))
        yield samples


def varint(number: int) -> bytes:
    """A 64-bit integer as protobuf writes it; a negative one takes ten bytes."""
    number &= 0xFFFF_FFFF_FFFF_FFFF
    out = bytearray()
    while number > 0x7F:  # noqa: PLR2004 - seven bits a byte
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def _samples(timestamps_ms: Sequence[int]) -> tuple[bytes, int]:
    """The samples with 0.0 for a value, and the length of each; length 0 when they differ (years before 1971)."""
    records = [_sample(milliseconds, b"\0" * 8) for milliseconds in timestamps_ms]
    sizes = {len(record) for record in records}
    return b"".join(records), sizes.pop() if len(sizes) == 1 else 0


def _sample(milliseconds: int, value: bytes) -> bytes:
    stamp = varint(milliseconds)
    return struct.pack("BBB", 0x12, 10 + len(stamp), 0x09) + value + b"\x10" + stamp


def _uneven_samples(timestamps_ms: Sequence[int], column: bytes) -> bytearray:
    values = (column[start : start + 8] for start in range(0, len(column), 8))
    return bytearray().join(_sample(when, value) for when, value in zip(timestamps_ms, values, strict=True))


@lru_cache(maxsize=_REMEMBERED)
def _labels(label_set: LabelSet, sample_bytes: int) -> bytes:
    """A series up to its samples."""
    labels = b"".join(_field(_text(name) + _text(value, 0x12)) for name, value in label_set)
    return b"\x0a" + varint(len(labels) + sample_bytes) + labels


def _text(text: str, tag: int = 0x0A) -> bytes:
    """Lone surrogates, which stand for bytes that were no UTF-8, become `?`."""
    return _field(text.encode(errors="replace"), tag)


def _field(content: bytes, tag: int = 0x0A) -> bytes:
    return bytes((tag,)) + varint(len(content)) + content
