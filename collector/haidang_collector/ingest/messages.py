"""The few protobuf messages of remote write 1.0 that we look into (prometheus/prompb: types.proto).

They are described here instead of in generated code, which would bind us to one version of the protobuf runtime.
Labels stay bytes: a set of labels is looked up as it came, and is only taken apart when it is new.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, cast

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

if TYPE_CHECKING:
    from collections.abc import MutableSequence, Sequence

_Field = descriptor_pb2.FieldDescriptorProto
_ONE, _MANY = _Field.LABEL_OPTIONAL, _Field.LABEL_REPEATED
_PACKAGE = "haidang.remote_write"

_MESSAGES: dict[str, list[tuple[str, int, _Field.Label.ValueType, _Field.Type.ValueType | str]]] = {
    "Label": [("name", 1, _ONE, _Field.TYPE_BYTES), ("value", 2, _ONE, _Field.TYPE_BYTES)],
    "Labels": [("labels", 1, _MANY, "Label")],
    "Sample": [("value", 1, _ONE, _Field.TYPE_DOUBLE), ("timestamp", 2, _ONE, _Field.TYPE_INT64)],
    "Histogram": [("timestamp", 15, _ONE, _Field.TYPE_INT64)],
    "Points": [
        ("labels", 1, _MANY, _Field.TYPE_BYTES),
        ("samples", 2, _MANY, "Sample"),
        ("histograms", 4, _MANY, "Histogram"),
    ],
}


class Label(Protocol):
    name: bytes
    value: bytes


class Labels(Protocol):
    """A TimeSeries of which only the labels are wanted."""

    labels: Sequence[Label]


class Stamped(Protocol):
    timestamp: int
    """Milliseconds since 1970."""


class Points(Protocol):
    """A TimeSeries without its leading labels; `labels` are those that stand among the samples all the same."""

    labels: Sequence[bytes]
    samples: MutableSequence[Stamped]
    histograms: MutableSequence[Stamped]

    def SerializeToString(self) -> bytes: ...  # noqa: N802 - protobuf's name


def _pool() -> descriptor_pool.DescriptorPool:
    file = descriptor_pb2.FileDescriptorProto(name="haidang_remote_write.proto", package=_PACKAGE, syntax="proto3")
    for name, described in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for field_name, number, label, kind in described:
            field = message.field.add(name=field_name, number=number, label=label)
            if isinstance(kind, str):
                field.type, field.type_name = _Field.TYPE_MESSAGE, f".{_PACKAGE}.{kind}"
            else:
                field.type = kind
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return pool


_POOL = _pool()
_POINTS, _LABELS = (
    message_factory.GetMessageClass(_POOL.FindMessageTypeByName(f"{_PACKAGE}.{name}")) for name in ("Points", "Labels")
)


def parse_points(data: bytes) -> Points:
    """Raises google.protobuf.message.DecodeError."""
    return cast("Points", _POINTS.FromString(data))


def parse_labels(data: bytes) -> Labels:
    """Raises google.protobuf.message.DecodeError."""
    return cast("Labels", _LABELS.FromString(data))
