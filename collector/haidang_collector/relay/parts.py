"""The body of a frame taken apart by time, so that only those of its snapshots are lost that are refused.

An agent halves its own push that was refused. A relay, or who brings a stick, cannot halve what another has signed, so
it is done here, where the signature was checked.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter, deque
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from anyio import to_thread
from google.protobuf.message import DecodeError

from haidang_collector.ingest.batch import LONGEST_SERIES
from haidang_collector.ingest.messages import parse_points
from haidang_collector.ingest.refusal import TOO_LARGE, UNAVAILABLE, Refusal, malformed
from haidang_collector.ingest.wire import compress, decompress, labels_end, split_series, varint

if TYPE_CHECKING:
    from collections.abc import Iterator

    from haidang_collector.ingest.batch import Batch
    from haidang_collector.ingest.messages import Points, Stamped
    from haidang_collector.ingest.refusal import Reason
    from haidang_collector.ingest.routes import Ingest
    from haidang_collector.registry.facts import Identity

OF_SOME = frozenset({"too_old", "in_future", "store_refused"})
"""Reasons that may hold for some snapshots of a frame only; any other is of its series, which all of them share."""
MOST_TRIES = 128
"""Enough to find each of 64 snapshots; of more, a part that is refused still may take a sound one with it."""


PATIENCE, PATIENCE_SECONDS = 3, 1.0
"""So often, and so long each time, a busy store is waited for once a part is stored: else all begins anew."""


class Kept(NamedTuple):
    """`newest` of the batches that were stored, `samples` of all of them.

    `refused` are snapshots by reason, `why` is of the first of them.
    """

    newest: Batch
    samples: int
    refused: Counter[Reason]
    why: str


async def keep(ingest: Ingest, body: bytes, writer: Identity) -> Kept:
    """Store what can be stored. Raises Refusal where nothing can, or where it is to come again later.

    The larger parts go first, so that what is not tried any more is small.
    """
    waiting, tried, patience = deque([body]), 0, PATIENCE
    stored: list[Batch] = []
    refusals: list[Refusal] = []
    refused: Counter[Reason] = Counter()
    while waiting:
        part, tried = waiting.popleft(), tried + 1
        try:
            stored.append(await ingest.keep(part, writer))
        except Refusal as refusal:
            if refusal.status == UNAVAILABLE and stored and patience:
                patience, tried = patience - 1, tried - 1
                waiting.appendleft(part)
                await asyncio.sleep(PATIENCE_SECONDS)
                continue
            if refusal.reason not in OF_SOME:
                raise
            cut = partial(_cut, ingest, part, refusal.reason)
            parts, snapshots = await to_thread.run_sync(cut, limiter=ingest.threads)
            if len(parts) > 1 and tried + len(waiting) < MOST_TRIES:
                waiting += parts
                continue
            refusals.append(refusal)
            refused[refusal.reason] += snapshots
    if not stored:
        raise refusals[0]
    newest = max(stored, key=lambda batch: batch.newest or 0.0)
    samples = sum(batch.samples for batch in stored)
    return Kept(newest, samples, refused, refusals[0].text if refusals else "")


def _cut(ingest: Ingest, body: bytes, reason: str) -> tuple[list[bytes], int]:
    """The parts to try instead, one where there is nothing to part; and how many snapshots it holds. Raises Refusal."""
    most, window = ingest.settings.max_decoded_bytes, ingest.checker.window(time.time())
    times = moments(body, most, ingest.settings.max_samples)
    if len(times) <= 1:
        return [body], len(times)
    at = {"too_old": window.oldest, "in_future": window.newest + 1}.get(reason, times[len(times) // 2])
    return [part for part in divide(body, at, most) if part], len(times)


def moments(body: bytes, most_bytes: int, most_samples: int) -> list[int]:
    """The times of its samples, milliseconds since 1970, ascending.

    Raises Refusal: of a body that was refused for a sample's time, nobody looked at what stands behind that sample.
    """
    found: set[int] = set()
    samples = 0
    for _, points in _series(body, most_bytes):
        samples += len(points.samples) + len(points.histograms)
        if samples > most_samples:
            raise Refusal(TOO_LARGE, "too_large", f"body: more than {most_samples} samples; send fewer at once")
        found.update(each.timestamp for each in _stamped(points))
    return sorted(found)


def divide(body: bytes, at: int, most_bytes: int) -> tuple[bytes, bytes]:
    """The samples before `at` and the others, each part a body of its own; b"" for one without any. As `moments`."""
    early, late = (
        b"".join(
            part for labels, points in _series(body, most_bytes) for part in _of_time(labels, points, at, is_early)
        )
        for is_early in (True, False)
    )
    return early and compress(early), late and compress(late)


def _of_time(labels: bytes, points: Points, at: int, is_early: bool) -> tuple[bytes, ...]:
    """The series with its samples of the one side only, as a field of the message; nothing where it has none."""
    for field in (points.samples, points.histograms):
        kept = [each for each in field if (each.timestamp < at) is is_early]
        del field[:]
        field.extend(kept)
    if not _stamped(points):
        return ()
    content = points.SerializeToString()
    return (b"\x0a", varint(len(labels) + len(content)), labels, content)


def _series(body: bytes, most_bytes: int) -> Iterator[tuple[bytes, Points]]:
    message = decompress(body, most_bytes)
    for series in split_series(message, len(message)):
        if len(series) > LONGEST_SERIES:
            raise Refusal(TOO_LARGE, "too_large", f"{LONGEST_SERIES} bytes are allowed for one series")
        end = labels_end(series, len(series))
        try:
            yield series[:end], parse_points(series[end:])
        except DecodeError:
            raise malformed("samples are no protobuf") from None


def _stamped(points: Points) -> list[Stamped]:
    return [*points.samples, *points.histograms]
