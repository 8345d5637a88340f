"""A snapshot: everything the agent knows at one instant, as parallel series and values."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from array import array

LabelSet = tuple[tuple[str, str], ...]
"""Label pairs sorted by name, `__name__` among them, no empty value (remote write 1.0)."""

Layout = tuple[LabelSet, ...]
"""The series of a snapshot, in the order of its values."""

STALE_NAN: float = struct.unpack("<d", struct.pack("<Q", 0x7FF0000000000002))[0]
"""Prometheus' stale marker: ends a series (remote write 1.0, "Stale markers")."""

STALE_BITS = struct.pack("<Q", 0x7FF0000000000002)


class Snapshot(NamedTuple):
    """`values[i]` (float64) belongs to the series `layout[i]`; the time is given when it is stored."""

    layout: Layout
    values: array[float]
