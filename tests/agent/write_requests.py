"""Remote write requests, read by google.protobuf."""

from __future__ import annotations

import struct
from typing import Any

import cramjam
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

_FIELD = descriptor_pb2.FieldDescriptorProto
_ONE, _MANY = _FIELD.LABEL_OPTIONAL, _FIELD.LABEL_REPEATED
MESSAGES: dict[str, list[tuple[str, int, Any, Any]]] = {
    "Label": [("name", 1, _ONE, _FIELD.TYPE_STRING), ("value", 2, _ONE, _FIELD.TYPE_STRING)],
    "Sample": [("value", 1, _ONE, _FIELD.TYPE_DOUBLE), ("timestamp", 2, _ONE, _FIELD.TYPE_INT64)],
    "TimeSeries": [("labels", 1, _MANY, "Label"), ("samples", 2, _MANY, "Sample")],
    "WriteRequest": [("timeseries", 1, _MANY, "TimeSeries")],
}
"""prometheus/prompb, remote.proto and types.proto, as far as remote write 1.0 samples go."""


def _write_request() -> type[Any]:
    file = descriptor_pb2.FileDescriptorProto(name="tests_agent_wire.proto", package="tests.agent", syntax="proto3")
    for name, fields in MESSAGES.items():
        message = file.message_type.add(name=name)
        for field_name, number, label, kind in fields:
            field = message.field.add(name=field_name, number=number, label=label)
            if isinstance(kind, str):
                field.type, field.type_name = _FIELD.TYPE_MESSAGE, f".tests.agent.{kind}"
            else:
                field.type = kind
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("tests.agent.WriteRequest"))


WRITE_REQUEST = _write_request()


def decode(body: bytes) -> list[tuple[list[tuple[str, str]], list[tuple[bytes, int]]]]:
    """Series with their labels and samples; a value as its eight bytes, so that NaNs can be told apart."""
    request = WRITE_REQUEST.FromString(bytes(cramjam.snappy.decompress_raw(body)))
    return [
        (
            [(label.name, label.value) for label in series.labels],
            [(struct.pack("<d", sample.value), sample.timestamp) for sample in series.samples],
        )
        for series in request.timeseries
    ]
