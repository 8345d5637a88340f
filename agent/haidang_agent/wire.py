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
    from collections.abc import Sequence

    from haidang_agent.snapshot import LabelSet, Layout

_VALUE_AT = 3
"""Where the float64 stands in an encoded sample: after its tag, its length and the tag of `value`."""


def encode(layout: Layout, timestamps_ms: Sequence[int], values: Sequence[array[float]]) -> bytes:
    """A WriteRequest in a snappy block: `values[i][s]` is the value of series `layout[s]` at `timestamps_ms[i]`.

    `timestamps_ms` must ascend. The bits of a NaN, and so the stale marker, are kept.
    """
    template, size = _samples(timestamps_ms)
    width = len(layout)
    matrix = array("d", b"".join(row.tobytes() for row in values))
    parts: list[bytes | bytearray] = []
    for series, labels in enumerate(_encoded_labels(layout)):
        column = matrix[series::width].tobytes()
        samples = bytearray(template)
        if size:
            for byte in range(8):
                samples[_VALUE_AT + byte :: size] = column[byte::8]
        else:
            samples = _uneven_samples(timestamps_ms, column)
        parts += (b"\x0a", varint(len(labels) + len(samples)), labels, samples)
    return bytes(cramjam.snappy.compress_raw(b"".join(parts)))


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


@lru_cache(maxsize=2)
def _encoded_labels(layout: Layout) -> tuple[bytes, ...]:
    return tuple(_labels(label_set) for label_set in layout)


def _labels(label_set: LabelSet) -> bytes:
    return b"".join(_field(_text(name) + _text(value, 0x12)) for name, value in label_set)


def _text(text: str, tag: int = 0x0A) -> bytes:
    """Lone surrogates, which stand for bytes that were no UTF-8, become `?`."""
    return _field(text.encode(errors="replace"), tag)


def _field(content: bytes, tag: int = 0x0A) -> bytes:
    return bytes((tag,)) + varint(len(content)) + content
