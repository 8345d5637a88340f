"""The outer layers of a remote write 1.0 body: snappy block, WriteRequest, and where a series' labels end.

These are walked by hand: a protobuf parser would build millions of objects out of two-byte messages before anything
could be counted, and the samples of a series are to be passed on as they are, not to be built anew.
"""

from __future__ import annotations

import cramjam

from haidang_collector.ingest.refusal import BAD_REQUEST, TOO_LARGE, Refusal, malformed

SERIES_TAG = 0x0A
"""WriteRequest.timeseries, and TimeSeries.labels: field 1, length-delimited."""
METADATA_TAG = 0x1A
"""WriteRequest.metadata: field 3; not part of remote write 1.0, but Prometheus sends it. It is passed over."""

MORE = 0x80
"""Bit of a varint's byte: another one follows."""
LONGEST_VARINT = 5
"""Bytes of a length; protobuf has no message of 2 GiB or more."""


def decompress(body: bytes, max_bytes: int) -> bytes:
    """The decoded block. What it claims to be is looked at before anything is allocated."""
    try:
        claimed = cramjam.snappy.decompress_raw_len(body)
        if claimed > max_bytes:
            raise Refusal(TOO_LARGE, "too_large", f"body: {claimed} bytes decoded, {max_bytes} are allowed")
        return bytes(cramjam.snappy.decompress_raw(body))
    except cramjam.DecompressionError as broken:
        raise Refusal(BAD_REQUEST, "encoding", f"body: no snappy block: {broken}") from None


def compress(message: bytes) -> bytes:
    return bytes(cramjam.snappy.compress_raw(message))


def varint(number: int) -> bytes:
    """A length as protobuf writes it."""
    if number < MORE:
        return bytes((number,))
    return bytes((number & 0x7F | MORE,)) + varint(number >> 7)


def split_series(message: bytes, max_series: int) -> list[bytes]:
    """The TimeSeries of a WriteRequest. Metadata counts among the `max_series`, for it takes as long to pass over."""
    series: list[bytes] = []
    position, end, fields = 0, len(message), 0
    while position < end:
        tag = message[position]
        start, stop = _extent(message, position)
        if tag == SERIES_TAG:
            series.append(message[start:stop])
        elif tag != METADATA_TAG:
            raise malformed(f"byte {position}: tag {tag:#04x} is no field of a remote write 1.0 WriteRequest")
        fields += 1
        if fields > max_series:
            raise Refusal(TOO_LARGE, "too_large", f"body: more than {max_series} series; send fewer at once")
        position = stop
    return series


def labels_end(series: bytes, max_labels: int) -> int:
    """Where the labels of a TimeSeries end; every known sender writes them first."""
    position, end, count = 0, len(series), 0
    while position < end and series[position] == SERIES_TAG:
        count += 1
        if count > max_labels:
            raise Refusal(BAD_REQUEST, "label", f"more than {max_labels} labels")
        position = _extent(series, position)[1]
    return position


def _extent(message: bytes, position: int) -> tuple[int, int]:
    """Start and end of the content of the length-delimited field whose tag stands at `position`."""
    try:
        length = message[position + 1]
        start = position + 2
        if length >= MORE:
            length, start = _long_length(message, position + 1)
    except IndexError:
        raise malformed(f"byte {position}: the message ends inside a field") from None
    stop = start + length
    if stop > len(message):
        raise malformed(f"byte {position}: a field of {length} bytes runs past the end at {len(message)}")
    return start, stop


def _long_length(message: bytes, position: int) -> tuple[int, int]:
    length = 0
    for index in range(LONGEST_VARINT):
        byte = message[position + index]
        length |= (byte & 0x7F) << (7 * index)
        if byte < MORE:
            return length, position + index + 1
    raise malformed(f"byte {position}: a length of more than {LONGEST_VARINT} bytes")
