"""What protobuf's own parser (upb) makes of a whole message: the measure of what ingest takes and passes on.

The rules are written down once more here, on the parsed objects; nothing is shared with the product but the list of
names that the centre alone tells.
"""

from __future__ import annotations

import random
import re
from typing import TYPE_CHECKING, Any, NamedTuple

import cramjam
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError
from haidang_collector.ingest.own_names import OWN_NAMES
from haidang_collector.ingest.refusal import Refusal

from tests.collector import remote_write as rw

if TYPE_CHECKING:
    from haidang_collector.ingest.batch import Batch, Checker
    from haidang_collector.registry.store import Identity

_Field = descriptor_pb2.FieldDescriptorProto
_SCHEMA: dict[str, list[tuple[str, int, int, str | None]]] = {
    "Label": [("name", 1, _Field.TYPE_BYTES, None), ("value", 2, _Field.TYPE_BYTES, None)],
    "Sample": [("value", 1, _Field.TYPE_FIXED64, None), ("timestamp", 2, _Field.TYPE_INT64, None)],
    "Histogram": [("timestamp", 15, _Field.TYPE_INT64, None)],
    "Series": [
        ("labels", 1, _Field.TYPE_MESSAGE, "Label"),
        ("samples", 2, _Field.TYPE_MESSAGE, "Sample"),
        ("histograms", 4, _Field.TYPE_MESSAGE, "Histogram"),
    ],
    "Write": [("series", 1, _Field.TYPE_MESSAGE, "Series")],
}
"""Values as fixed64, so that every bit of a NaN can be compared."""
NAME = re.compile(rb"[a-zA-Z_][a-zA-Z0-9_]*")
METRIC = re.compile(rb"[a-zA-Z_:][a-zA-Z0-9_:]*")
SERIES, METADATA, LABEL = 0x0A, 0x1A, 0x0A
LONGEST_LENGTH = 5
OF_FORM = ("malformed", "label")
"""Without its labels at their place, a series has no name."""
TAKEN = (b"agent", b"district", b"unit", b"job", b"instance")
OLDEST, NEWEST = 30 * 86_400_000, 300_000


def _message_class() -> Any:
    file = descriptor_pb2.FileDescriptorProto(name="tests_full_parse.proto", package="tests", syntax="proto3")
    for name, described in _SCHEMA.items():
        message = file.message_type.add(name=name)
        for field, number, kind, of in described:
            label = _Field.LABEL_REPEATED if of else _Field.LABEL_OPTIONAL
            added = message.field.add(name=field, number=number, label=label, type=kind)
            if of:
                added.type_name = f".tests.{of}"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("tests.Write"))


_WRITE = _message_class()


class Series(NamedTuple):
    labels: list[tuple[bytes, bytes]]
    samples: list[tuple[int, int]]
    """Bits of the value, milliseconds."""
    histograms: list[int]
    """Milliseconds."""


def parsed(message: bytes) -> list[Series] | None:
    """None for what is no message."""
    try:
        whole = _WRITE.FromString(message)
    except DecodeError:
        return None
    return [
        Series(
            [(each.name, each.value) for each in one.labels],
            [(each.value, each.timestamp) for each in one.samples],
            [each.timestamp for each in one.histograms],
        )
        for one in whole.series
    ]


def is_sound(all_series: list[Series], now_ms: int) -> bool:
    """Whether the rules for labels and times hold; sizes are not looked at."""
    return all(_labels_are_sound(each.labels) and _times_are_sound(each, now_ms) for each in all_series)


def _labels_are_sound(labels: list[tuple[bytes, bytes]]) -> bool:
    names = [name for name, _ in labels]
    metric = dict(labels).get(b"__name__", b"")
    return (
        names == sorted(set(names))
        and not set(names).intersection(TAKEN)
        and not any(name.startswith(b"__") and name != b"__name__" for name in names)
        and all(NAME.fullmatch(name) and len(name) <= 256 for name in names)
        and all(0 < len(value) <= 2048 and _is_text(value) for _, value in labels)
        and METRIC.fullmatch(metric) is not None
        and len(metric) <= 256
        and b":" not in metric
        and metric not in OWN_NAMES
    )


def _times_are_sound(series: Series, now_ms: int) -> bool:
    times = [at for _, at in series.samples] + series.histograms
    return all(now_ms - OLDEST <= at <= now_ms + NEWEST for at in times)


def _is_text(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True


def _must_be_refused(refusal: Refusal, message: bytes, whole: list[Series] | None, now_ms: int) -> str:
    """Raises AssertionError where a full parse takes it, and no stricter rule is there to say why ingest does not."""
    if whole is None or not is_sound(whole, now_ms):
        return "refused"
    assert stricter_rule(message), f"refused, although it is sound: {refusal.text}; {message.hex()}"
    assert refusal.reason in OF_FORM, f"refused for another reason than its form: {refusal.text}"
    return "refused for its form"


def stricter_rule(message: bytes) -> str | None:
    """Of ingest, for a message that protobuf takes: other decoders read such bytes in ways of their own.

    None where no such rule applies: then ingest has to take what is sound.
    """
    at = 0
    while at < len(message):
        if message[at] not in (SERIES, METADATA):
            return "a field that remote write 1.0 has not, or a tag not in its shortest form"
        start, stop = _extent(message, at)
        rule = _stricter_with_series(message[start:stop]) if message[at] == SERIES else None
        if start - at > 1 + LONGEST_LENGTH or rule:
            return rule or "a length of more bytes than any needs"
        at = stop
    return None


def _stricter_with_series(series: bytes) -> str | None:
    at = 0
    while at < len(series) and series[at] == LABEL:
        start, stop = _extent(series, at)
        if start - at > 1 + LONGEST_LENGTH:
            return "a label's length of more bytes than any needs"
        at = stop
    [rest] = _WRITE.FromString(rw.field(1, series[at:])).series
    return "a label that does not stand before all samples" if rest.labels else None


def _extent(message: bytes, tag_at: int) -> tuple[int, int]:
    """Start and end of a field's content; the message is one that protobuf takes."""
    length, start = 0, tag_at + 1
    while True:
        byte = message[start]
        length |= (byte & 0x7F) << (7 * (start - tag_at - 1))
        start += 1
        if byte < 0x80:
            return start, start + length


def compare(checker: Checker, message: bytes, sender: Identity, now: float) -> str:
    """What came of it. Raises AssertionError where that is not as it must be.

    `recognised` or `taken` is nothing that a full parse refuses; what is passed on are all its series and samples, and
    our labels. `refused` is what a full parse refuses, `refused for its form` what a stricter rule names.
    """
    body = rw.snappy(message)
    whole = parsed(message)
    known = checker.recognise(body, sender, now)
    try:
        batch: Batch | None = checker.check(body, sender, now)
    except Refusal as refused:
        refusal = refused
        batch = None
    assert known is None or known == batch, "the short way differs from the long one"
    if batch is None:
        return _must_be_refused(refusal, message, whole, round(now * 1000))
    assert whole is not None, "taken, although it is no message"
    assert is_sound(whole, round(now * 1000)), "taken, although a full parse refuses it"
    ours = [(b"agent", sender.agent.encode()), (b"district", sender.district.encode()), (b"unit", sender.unit.encode())]
    wanted = [each._replace(labels=sorted(each.labels + ours)) for each in whole]
    assert parsed(bytes(cramjam.snappy.decompress_raw(batch.payload))) == wanted
    return "taken" if known is None else "recognised"


def generated(noise: random.Random, now: float) -> bytes:
    """A message as agents and other senders write it; sometimes with a label, value or time that is not allowed."""
    return b"".join(_series(noise, now) for _ in range(noise.randint(1, 6)))


def _series(noise: random.Random, now: float) -> bytes:
    names = sorted({noise.choice(("class", "isp", "kind", "v", "wan")) for _ in range(noise.randint(0, 4))})
    odd_name = noise.random() < 0.02
    labels = [("__name__", noise.choice(("a:b", "ALERTS", "school_day") if odd_name else ("up", "school_wan_up")))]
    labels += [(name, noise.choice(("1", "Quận 1", "x" * 200))) for name in names]
    if noise.random() < 0.05:
        labels.insert(noise.randint(0, len(labels)), (noise.choice(("unit", "job", "__x", "1", "")), "v"))
    count = 1 if noise.random() < 0.8 else noise.randint(0, 3)
    return rw.series(labels, [(noise.random(), now + noise.choice((0, -15, -60, 299))) for _ in range(count)])


def mutated(noise: random.Random, message: bytes) -> bytes:
    """The message with one to three bytes changed, put in, taken out or swapped with its neighbour's place."""
    piece = bytearray(message)
    for _ in range(noise.randint(1, 3)):
        at = noise.randrange(len(piece)) if piece else 0
        match noise.randrange(4):
            case 0 if piece:
                piece[at] = noise.randrange(256)
            case 1 if piece:
                piece[at] ^= 1 << noise.randrange(8)
            case 2:
                piece[at:at] = bytes(noise.randrange(256) for _ in range(noise.randint(1, 3)))
            case _:
                del piece[at : at + noise.randint(1, 3)]
    return bytes(piece)


def with_new_samples(noise: random.Random, message: bytes, now: float) -> bytes:
    """The same series, each sample with another value and time: what an agent sends 15 seconds later."""
    whole = parsed(message)
    if whole is None:
        return message
    return b"".join(
        rw.series(each.labels, [(noise.random(), now - noise.choice((0, 15))) for _ in each.samples]) for each in whole
    )


def in_another_form(noise: random.Random, message: bytes) -> bytes:
    """The same to protobuf, written as no sender does: long lengths, unknown fields, labels after samples."""
    whole = parsed(message)
    if whole is None:
        return message
    return b"".join(_odd_series(noise, each) for each in whole)


def _odd_series(noise: random.Random, series: Series) -> bytes:
    parts = [_odd_field(noise, 1, rw.field(1, name) + rw.field(2, value)) for name, value in series.labels]
    samples = [b"\x09" + value.to_bytes(8, "little") + b"\x10" + rw.varint(at) for value, at in series.samples]
    parts += [_odd_field(noise, 2, each) for each in samples]
    if noise.random() < 0.05:
        parts.insert(noise.randint(0, len(parts)), _odd_field(noise, noise.choice((3, 5, 900)), b"\x08\x07"))
    if noise.random() < 0.05:
        parts.append(parts.pop(0))
    odd = _odd_field(noise, noise.choice((2, 3)), b"") if noise.random() < 0.1 else b""
    return odd + _odd_field(noise, 1, b"".join(parts))


def _odd_field(noise: random.Random, number: int, content: bytes) -> bytes:
    """Now and then with a length of up to eight bytes."""
    length = rw.varint(len(content))
    padding = noise.choice((1, 2, 3, 4, 5, 6)) if noise.random() < 0.05 else 0
    if padding:
        length = length[:-1] + bytes((length[-1] | 0x80,)) + b"\x80" * (padding - 1) + b"\x00"
    return rw.varint(number << 3 | 2) + length + content
