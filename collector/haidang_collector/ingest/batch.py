"""One request from bytes to bytes: decoded, checked, labelled with the agent's unit, encoded for the store.

Pure and without waiting, so it runs in a thread. Each series is looked at by itself: memory is bounded by the limits,
whatever the bytes are. Samples are passed on as they came; only their timestamps are read.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from google.protobuf.message import DecodeError

from haidang_collector.ingest.labels import LabelBook, encode, readable
from haidang_collector.ingest.messages import parse_points
from haidang_collector.ingest.refusal import BAD_REQUEST, TOO_LARGE, Refusal, malformed
from haidang_collector.ingest.wire import compress, decompress, labels_end, split_series, varint

if TYPE_CHECKING:
    from haidang_collector.registry.store import Identity
    from haidang_collector.settings import Settings

LONGEST_SERIES = 4 << 20
"""Bytes of one series, so that the parser cannot be made to build more than some 100 MB of objects at a time."""


@dataclass(frozen=True, slots=True)
class Batch:
    """What goes to the store. `newest` is the time of the newest sample, Unix seconds; None without samples."""

    payload: bytes
    series: int
    samples: int
    newest: float | None


class _Labels(NamedTuple):
    """Encoded, as they are put into each series."""

    agent: bytes
    district: bytes
    unit: bytes


class _Window(NamedTuple):
    """The time that samples may be of; milliseconds since 1970."""

    oldest: int
    now: int
    newest: int

    def check(self, oldest: int, newest: int) -> None:
        if oldest < self.oldest:
            days = (self.now - self.oldest) / 86_400_000
            raise Refusal(BAD_REQUEST, "too_old", f"sample of {_date(oldest)} is older than {days:g} days")
        if newest > self.newest:
            seconds = (self.newest - self.now) / 1000
            text = f"sample of {_date(newest)} is more than {seconds:g} s in the future; here it is {_date(self.now)}"
            raise Refusal(BAD_REQUEST, "in_future", text)


class Checker:
    """Thread-safe; one for the whole process, because it remembers label sets."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._book = LabelBook()

    def check(self, body: bytes, sender: Identity, now: float) -> Batch:
        """`now` in Unix seconds. Raises Refusal, and nothing else whatever the body is."""
        limits = self._settings
        window = _window(now, limits.backfill_window_seconds, limits.future_tolerance_seconds)
        ours = _labels(sender)
        message: list[bytes] = []
        samples, newest = 0, None
        all_series = split_series(decompress(body, limits.max_decoded_bytes), limits.max_series)
        for number, series in enumerate(all_series):
            try:
                labelled, stamps = self._label(series, ours)
                if stamps:
                    latest = max(stamps)
                    window.check(min(stamps), latest)
                    newest = latest if newest is None or latest > newest else newest
            except Refusal as refusal:
                raise _placed(refusal, number, series, limits.max_labels) from None
            samples += len(stamps)
            if samples > limits.max_samples:
                text = f"body: more than {limits.max_samples} samples; send fewer at once"
                raise Refusal(TOO_LARGE, "too_large", text)
            message += (b"\x0a", varint(len(labelled)), labelled)
        payload = compress(b"".join(message))
        return Batch(payload, len(all_series), samples, None if newest is None else newest / 1000)

    def _label(self, series: bytes, ours: _Labels) -> tuple[bytes, list[int]]:
        """The series with our labels, and its timestamps in milliseconds."""
        if len(series) > LONGEST_SERIES:
            raise Refusal(TOO_LARGE, "too_large", f"{len(series)} bytes; {LONGEST_SERIES} are allowed for one series")
        end = labels_end(series, self._settings.max_labels)
        before, second, third, after = self._book.cut(series[:end])
        points = series[end:]
        labelled = b"".join((before, ours.agent, second, ours.district, third, ours.unit, after, points))
        return labelled, _stamps(points)


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


def _window(now: float, backfill_seconds: float, tolerance_seconds: float) -> _Window:
    return _Window(
        oldest=int((now - backfill_seconds) * 1000), now=int(now * 1000), newest=int((now + tolerance_seconds) * 1000)
    )


def _labels(sender: Identity) -> _Labels:
    return _Labels(
        agent=encode(b"agent", sender.agent.encode()),
        district=encode(b"district", sender.district.encode()),
        unit=encode(b"unit", sender.unit.encode()),
    )


def _placed(refusal: Refusal, number: int, series: bytes, max_labels: int) -> Refusal:
    """The same refusal, saying which series it is about."""
    try:
        name = readable(series[: labels_end(series, max_labels)])
    except Refusal:
        name = ""
    where = f"series {number} {name}".rstrip()
    return Refusal(refusal.status, refusal.reason, f"{where}: {refusal.text}")


def _date(milliseconds: int) -> str:
    try:
        return f"{datetime.fromtimestamp(milliseconds / 1000, UTC):%Y-%m-%dT%H:%M:%SZ}"
    except (ValueError, OverflowError, OSError):
        return f"{milliseconds} ms"
