"""Labels of a series: checked, and cut where ours go in between.

The same few hundred label sets come from every school, every 15 seconds. So what is remembered of a set is not for
whom, but only where to cut: the cuts serve all agents, and the memory does not grow with the city.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING

from google.protobuf.message import DecodeError

from haidang_collector.ingest.messages import parse_labels
from haidang_collector.ingest.own_names import is_own
from haidang_collector.ingest.refusal import BAD_REQUEST, Refusal, malformed
from haidang_collector.ingest.wire import varint

if TYPE_CHECKING:
    from collections.abc import Sequence

OURS = (b"agent", b"district", b"unit")
"""Labels that ingest adds, in their order."""
RESERVED = frozenset(OURS) | {b"job", b"instance"}
"""Labels that no agent may bring: the centre says who somebody is, and what was scraped."""

METRIC_NAME = re.compile(rb"[a-zA-Z_:][a-zA-Z0-9_:]*")
LABEL_NAME = re.compile(rb"[a-zA-Z_][a-zA-Z0-9_]*")
LONGEST_NAME = 256
LONGEST_VALUE = 2048

REMEMBERED_SETS = 65_536
REMEMBERED_BYTES = 512
"""Longer label sets are rare and are checked every time, so that the memory stays below 100 MiB whatever is sent."""

Cuts = tuple[bytes, bytes, bytes, bytes]
"""Encoded labels before `agent`, between it and `district`, between that and `unit`, and after."""


class LabelBook:
    """Knows the label sets seen lately. Thread-safe."""

    def __init__(self) -> None:
        self._remembered = lru_cache(maxsize=REMEMBERED_SETS)(cut)

    def cut(self, labels: bytes) -> Cuts:
        """Raises Refusal."""
        return self._remembered(labels) if len(labels) <= REMEMBERED_BYTES else cut(labels)


def cut(labels: bytes) -> Cuts:
    """`labels` is a run of encoded TimeSeries.labels. Raises Refusal that names the label."""
    try:
        pairs = [(label.name, label.value) for label in parse_labels(labels).labels]
    except DecodeError:
        raise malformed("labels are no protobuf") from None
    _check(pairs)
    names = [name for name, _ in pairs]
    marks = [0, *(bisect_left(names, ours) for ours in OURS), len(names)]
    encoded = [encode(name, value) for name, value in pairs]
    before, second, third, after = (b"".join(encoded[start:stop]) for start, stop in pairwise(marks))
    return before, second, third, after


def encode(name: bytes, value: bytes) -> bytes:
    """One TimeSeries.labels field."""
    label = b"".join((b"\x0a", varint(len(name)), name, b"\x12", varint(len(value)), value))
    return b"\x0a" + varint(len(label)) + label


def readable(labels: bytes) -> str:
    """For an error text: `wan_up{isp="VNPT"}`, shortened, or "" when not even that can be read."""
    try:
        pairs = {label.name: label.value for label in parse_labels(labels).labels}
    except DecodeError:
        return ""
    name = pairs.pop(b"__name__", b"").decode(errors="replace")
    inner = ",".join(f'{_text(key)}="{_text(value)}"' for key, value in pairs.items())
    return f"{name}{{{inner}}}"[:200]


def _check(pairs: Sequence[tuple[bytes, bytes]]) -> None:
    metric = None
    previous = b""
    for name, value in pairs:
        if name in RESERVED:
            raise Refusal(BAD_REQUEST, "reserved_label", f"label {_text(name)!r} is the centre's to give; leave it out")
        if name == b"__name__":
            metric = value
        elif name.startswith(b"__"):
            raise _bad(name, "begins with __, which is kept for internal use")
        if len(name) > LONGEST_NAME or not LABEL_NAME.fullmatch(name):
            raise _bad(name, f"is no label name ([a-zA-Z_][a-zA-Z0-9_]*, at most {LONGEST_NAME} characters)")
        if name <= previous:
            raise _bad(name, f"comes after {_text(previous)!r}: names must be sorted and unique")
        _check_value(name, value)
        previous = name
    if metric is None:
        raise Refusal(BAD_REQUEST, "label", "no label '__name__'")
    if len(metric) > LONGEST_NAME or not METRIC_NAME.fullmatch(metric):
        what = f"{_text(metric)!r} is no metric name ([a-zA-Z_:][a-zA-Z0-9_:]*, at most {LONGEST_NAME} characters)"
        raise Refusal(BAD_REQUEST, "label", what)
    if is_own(metric):
        raise Refusal(BAD_REQUEST, "reserved_label", f"metric {_text(metric)!r} is the centre's to tell; leave it out")


def _check_value(name: bytes, value: bytes) -> None:
    if not value:
        raise _bad(name, "has an empty value; leave it out")
    if len(value) > LONGEST_VALUE:
        raise _bad(name, f"has a value of {len(value)} bytes; {LONGEST_VALUE} are allowed")
    try:
        value.decode()
    except UnicodeDecodeError as broken:
        raise _bad(name, f"is no UTF-8 at byte {broken.start} of its value") from None


def _bad(name: bytes, what: str) -> Refusal:
    return Refusal(BAD_REQUEST, "label", f"label {_text(name)!r} {what}")


def _text(raw: bytes) -> str:
    return raw[:80].decode(errors="backslashreplace")
