"""One request from bytes to bytes: decoded, checked, labelled with the agent's unit, encoded for the store.

Pure and without waiting, so it runs in a thread. Each series is looked at by itself: memory is bounded by the limits,
whatever the bytes are. Samples are passed on as they came; only their timestamps are read.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from google.protobuf.message import DecodeError

from haidang_collector.ingest.labels import LabelBook, encode, readable
from haidang_collector.ingest.layouts import REMEMBERED_LAYOUTS_BYTES, Layouts, Ours, is_plain
from haidang_collector.ingest.messages import parse_points
from haidang_collector.ingest.refusal import BAD_REQUEST, TOO_LARGE, Refusal, malformed
from haidang_collector.ingest.sketch import Sketch
from haidang_collector.ingest.wire import compress, decompress, labels_end, split_series, varint

if TYPE_CHECKING:
    from collections.abc import Iterable

    from haidang_collector.ingest.labels import Cuts
    from haidang_collector.registry.store import Identity
    from haidang_collector.settings import Settings

LONGEST_SERIES = 4 << 20
"""Bytes of one series, so that the parser cannot be made to build more than some 100 MB of objects at a time."""

SAMPLE_COSTS_BYTES = 24
"""Decoded bytes that take about as long to check in full as one sample takes in all: mostly they are labels."""

SHORT_MESSAGE = 256 << 10
"""Decoded bytes; some 2,000 series. What is longer is always checked in full, in a thread."""


@dataclass(frozen=True, slots=True)
class Batch:
    """What goes to the store. `newest` is the time of the newest sample, Unix seconds; None without samples.

    `seen` are the series of it; the same object where they are those of an earlier request that was recognised.
    `cost` is what it counts for against the sender's limits, in samples.
    """

    payload: bytes
    series: int
    samples: int
    newest: float | None
    seen: Sketch = field(compare=False)
    cost: int = field(compare=False)


class Window(NamedTuple):
    """The time that samples may be of; milliseconds since 1970."""

    oldest: int
    now: int
    newest: int

    def holds(self, stamps: Iterable[int]) -> bool:
        return all(self.oldest <= stamp <= self.newest for stamp in stamps)

    def check(self, oldest: int, newest: int) -> None:
        if oldest < self.oldest:
            days = (self.now - self.oldest) / 86_400_000
            raise Refusal(BAD_REQUEST, "too_old", f"sample of {_date(oldest)} is older than {days:g} days")
        if newest > self.newest:
            seconds = (self.newest - self.now) / 1000
            text = f"sample of {_date(newest)} is more than {seconds:g} s in the future; here it is {_date(self.now)}"
            raise Refusal(BAD_REQUEST, "in_future", text)


class _Series(NamedTuple):
    """`labels` and `points` as they came; `stamps` are the times of the samples, in milliseconds."""

    labels: bytes
    cuts: Cuts
    points: bytes
    stamps: list[int]

    def with_labels(self, ours: Ours) -> tuple[bytes, ...]:
        """As a field of the message, with our labels in their places."""
        before, second, third, after = self.cuts
        content = (before, ours[0], second, ours[1], third, ours[2], after, self.points)
        return (b"\x0a", varint(sum(map(len, content))), *content)


class Checker:
    """Thread-safe; one for the whole process, because it remembers label sets and layouts: a worker its share."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._book = LabelBook()
        self._layouts = Layouts(REMEMBERED_LAYOUTS_BYTES // settings.workers)

    def recognise(self, body: bytes, sender: Identity, now: float) -> Batch | None:
        """What `check` returns, for the request that comes most: that of last time, with new values and times.

        None for whatever has to be looked at by `check`. Takes a fraction of a millisecond, and so needs no thread.
        """
        try:
            message = decompress(body, SHORT_MESSAGE)
        except Refusal:
            return None
        layout = self._layouts.find(sender.agent, len(message))
        if layout is None:
            return None
        spliced = layout.splice(message, _labels(sender))
        if spliced is None or not self.window(now).holds(spliced.stamps):
            return None
        size, newest = spliced.series, max(spliced.stamps) / 1000
        return Batch(compress(spliced.message), size, size, newest, layout.seen, cost=size)

    def check(self, body: bytes, sender: Identity, now: float) -> Batch:
        """`now` in Unix seconds. Raises Refusal, and nothing else whatever the body is."""
        limits, window, ours = self._settings, self.window(now), _labels(sender)
        message = decompress(body, limits.max_decoded_bytes)
        labelled: list[bytes] = []
        plain: list[bytes] = []
        seen: set[bytes] = set()
        samples, newest = 0, None
        all_series = _split(message, limits.max_series)
        for number, series in enumerate(all_series):
            try:
                taken = self._taken_apart(series)
                if taken.stamps:
                    latest = max(taken.stamps)
                    window.check(min(taken.stamps), latest)
                    newest = latest if newest is None or latest > newest else newest
            except Refusal as refusal:
                refusal.looked_at = sum(map(len, all_series[: number + 1]))
                raise _placed(refusal, number, series, limits.max_labels) from None
            samples += len(taken.stamps)
            if samples > limits.max_samples:
                text = f"body: more than {limits.max_samples} samples; send fewer at once"
                raise Refusal(TOO_LARGE, "too_large", text, looked_at=len(message))
            labelled += taken.with_labels(ours)
            seen.add(taken.labels)
            if is_plain(taken.labels, taken.points):
                plain.append(taken.labels)
        sketch = Sketch(seen)
        if plain and len(plain) == len(all_series) and len(message) <= SHORT_MESSAGE:
            self._layouts.keep(sender.agent, plain, sketch)
        payload, cost = compress(b"".join(labelled)), max(samples, len(message) // SAMPLE_COSTS_BYTES)
        return Batch(payload, len(all_series), samples, None if newest is None else newest / 1000, sketch, cost)

    def window(self, now: float) -> Window:
        """`now` in Unix seconds."""
        oldest, newest = now - self._settings.backfill_window_seconds, now + self._settings.future_tolerance_seconds
        return Window(oldest=int(oldest * 1000), now=int(now * 1000), newest=int(newest * 1000))

    def _taken_apart(self, series: bytes) -> _Series:
        if len(series) > LONGEST_SERIES:
            raise Refusal(TOO_LARGE, "too_large", f"{len(series)} bytes; {LONGEST_SERIES} are allowed for one series")
        end = labels_end(series, self._settings.max_labels)
        labels, points = series[:end], series[end:]
        return _Series(labels, self._book.cut(labels), points, _stamps(points))


def _split(message: bytes, most: int) -> list[bytes]:
    try:
        return split_series(message, most)
    except Refusal as refusal:
        refusal.looked_at = len(message)
        raise


def _stamps(encoded: bytes) -> list[int]:
    try:
        points = parse_points(encoded)
    except DecodeError:
        raise malformed("samples are no protobuf") from None
    if points.labels:
        raise malformed("a label stands after the first sample; labels come first")
    stamps = [sample.timestamp for sample in points.samples]
    stamps += [histogram.timestamp for histogram in points.histograms]
    return stamps


def _labels(sender: Identity) -> Ours:
    return (
        encode(b"agent", sender.agent.encode()),
        encode(b"district", sender.district.encode()),
        encode(b"unit", sender.unit.encode()),
    )


def _placed(refusal: Refusal, number: int, series: bytes, max_labels: int) -> Refusal:
    """The same refusal, saying which series it is about."""
    try:
        name = readable(series[: labels_end(series, max_labels)])
    except Refusal:
        name = ""
    where = f"series {number} {name}".rstrip()
    return Refusal(refusal.status, refusal.reason, f"{where}: {refusal.text}", looked_at=refusal.looked_at)


def _date(milliseconds: int) -> str:
    try:
        return f"{datetime.fromtimestamp(milliseconds / 1000, UTC):%Y-%m-%dT%H:%M:%SZ}"
    except (ValueError, OverflowError, OSError):
        return f"{milliseconds} ms"
