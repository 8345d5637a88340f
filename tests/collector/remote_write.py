"""Builds remote write 1.0 bodies byte by byte, sound ones and broken ones; shares no code with the product."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import cramjam

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

HEADERS = {
    "Content-Encoding": "snappy",
    "Content-Type": "application/x-protobuf",
    "X-Prometheus-Remote-Write-Version": "0.1.0",
}


def varint(number: int) -> bytes:
    number &= (1 << 64) - 1
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def field(number: int, content: bytes) -> bytes:
    """A length-delimited field."""
    return varint(number << 3 | 2) + varint(len(content)) + content


def label(name: str | bytes, value: str | bytes) -> bytes:
    return field(1, field(1, _raw(name)) + field(2, _raw(value)))


def sample(value: float, milliseconds: int) -> bytes:
    return field(2, b"\x09" + struct.pack("<d", value) + b"\x10" + varint(milliseconds))


def series(labels: Iterable[tuple[str | bytes, str | bytes]], samples: Iterable[tuple[float, float]]) -> bytes:
    """`samples` as (value, Unix seconds); labels in the order given."""
    points = b"".join(sample(value, round(seconds * 1000)) for value, seconds in samples)
    return field(1, b"".join(label(*pair) for pair in labels) + points)


def simple(name: str, value: float, seconds: float, **labels: str) -> bytes:
    """One sound series with one sample."""
    return series(sorted([("__name__", name), *labels.items()]), [(value, seconds)])


def snappy(message: bytes) -> bytes:
    return bytes(cramjam.snappy.compress_raw(message))


def labels_of(body: bytes) -> list[list[tuple[str, str]]]:
    """Name and value of the labels of each series, wherever in the series they stand."""
    message = bytes(cramjam.snappy.decompress_raw(body))
    return [
        [_pair(content) for number, content in _fields(series_) if number == 1]
        for number, series_ in _fields(message)
        if number == 1
    ]


def _pair(label_: bytes) -> tuple[str, str]:
    parts = dict(_fields(label_))
    return parts[1].decode(), parts[2].decode()


def _fields(message: bytes) -> Iterator[tuple[int, bytes]]:
    """Number and content of each field; of a number only that it is there. Raises ValueError for what is no message."""
    position = 0
    while position < len(message):
        tag, position = _varint(message, position)
        number, kind = tag >> 3 & 0x1FFFFFFF, tag & 7
        length = {1: 8, 5: 4}.get(kind, 0)
        if kind == 0:
            _, position = _varint(message, position)
        elif kind == 2:
            length, position = _varint(message, position)
        elif length == 0:
            raise ValueError(f"wire type {kind}")
        yield number, message[position : position + length]
        position += length


def _varint(message: bytes, position: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        byte = message[position]
        position += 1
        number |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return number & ((1 << 64) - 1), position


def _raw(text: str | bytes) -> bytes:
    return text.encode() if isinstance(text, str) else text


_NAME = label("__name__", "up")
HOSTILE: dict[str, Callable[[bytes], bytes]] = {
    "a million labels": lambda point: field(1, b"".join(label(f"l{n}", "v") for n in range(1_000_000)) + point),
    "a million series": lambda point: field(1, _NAME + point) * 1_000_000,
    "16 million empty series": lambda _: b"\x0a\x00" * (16 << 20),
    "16 million empty samples": lambda _: field(1, _NAME + b"\x12\x00" * (16 << 20))[: 32 << 20],
    "2 million empty samples": lambda _: field(1, _NAME + b"\x12\x00" * 2_000_000),
    "2 million empty labels": lambda _: field(1, b"\x0a\x00" * 2_000_000),
    "one label of 30 MB": lambda _: field(1, label("__name__", "u" * 30_000_000)),
    "deep groups": lambda _: field(1, _NAME + b"\x2b" * 1_000_000),
    "deep groups in a label": lambda _: field(1, field(1, b"\x2b" * 1_000_000)),
    "20,000 series of 64 labels": lambda point: b"".join(
        field(1, _NAME + b"".join(label(f"l{n:02}", f"{s}") for n in range(63)) + point) for s in range(20_000)
    ),
}
"""Messages that are to end in a refusal, or at least soon. Each is made with an encoded sample of the time wanted."""
