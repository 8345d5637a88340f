"""A snapshot: everything the agent knows at one instant, as parallel series and values."""

from __future__ import annotations

import math
import struct
from array import array
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    from haidang_agent.probe import Sample

LabelSet = tuple[tuple[str, str], ...]
"""Label pairs sorted by name, `__name__` among them, no empty value (remote write 1.0)."""

Layout = tuple[LabelSet, ...]
"""The series of a snapshot, in the order of its values."""

STALE_NAN: float = struct.unpack("<d", struct.pack("<Q", 0x7FF0000000000002))[0]
"""Prometheus' stale marker: ends a series (remote write 1.0, "Stale markers")."""

STALE_BITS = struct.pack("<Q", 0x7FF0000000000002)
LONGEST_MEMORY = 10_000


class Snapshot(NamedTuple):
    """`values[i]` (float64) belongs to the series `layout[i]`; the time is given when it is stored."""

    layout: Layout
    values: array[float]


class SnapshotBuilder:
    """Turns the samples of one instant into a snapshot, and ends the series that are no longer among them."""

    def __init__(self, last_layout: Layout) -> None:
        self._live = set(last_layout)
        self._steady: Layout | None = last_layout
        """Of a snapshot that shows all of `_live` and nothing else; one of the same layout changes nothing of it."""
        self._label_sets: dict[tuple[str, tuple[str, ...]], LabelSet] = {}

    def build(self, samples: Iterable[Sample], *, complete: bool) -> Snapshot:
        """NaN is left out: what is unknown is absent.

        A series that vanished since the last kept snapshot gets a stale marker, but only when `complete`: right after
        a start, some probes have not had their first run yet.
        """
        values = {self._label_set(sample): sample.value for sample in samples if not math.isnan(sample.value)}
        layout = tuple(values)
        if complete and layout != self._steady:
            values.update(dict.fromkeys(sorted(self._live.difference(values)), STALE_NAN))
            layout = tuple(values)
        return Snapshot(layout, array("d", values.values()))

    def keep(self, snapshot: Snapshot) -> None:
        """The snapshot is in the outbox: what it ended is ended, what it shows goes on."""
        if snapshot.layout == self._steady and not any(map(math.isnan, snapshot.values)):
            return
        for label_set, value in zip(*snapshot, strict=True):
            if math.isnan(value):
                self._live.discard(label_set)
            else:
                self._live.add(label_set)
        self._steady = snapshot.layout if len(snapshot.layout) == len(self._live) else None

    def _label_set(self, sample: Sample) -> LabelSet:
        key = (sample.metric.name, sample.labels)
        if key not in self._label_sets:
            if len(self._label_sets) > LONGEST_MEMORY:
                self._label_sets.clear()
            named = {"__name__": sample.metric.name, **dict(zip(sample.metric.labels, sample.labels, strict=True))}
            self._label_sets[key] = tuple(sorted((name, value) for name, value in named.items() if value))
        return self._label_sets[key]
