"""Snapshots for the tests of the outbox, the clock and the shipper."""

from __future__ import annotations

import random
import struct
import subprocess
from array import array
from contextlib import contextmanager
from typing import TYPE_CHECKING

from haidang_agent.snapshot import LabelSet, Layout, Snapshot
from haidang_agent.stamp import Stamp

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from haidang_agent.outbox import Batch, Outbox

NOW = 1_790_000_000_000
"""Milliseconds since 1970, some day in 2026."""
DAY = 86_400_000


def layout(*names: str) -> Layout:
    return tuple((("__name__", name),) for name in names)


AB = layout("a", "b")
ABC = layout("a", "b", "c")


def snapshot(*values: float, of: Layout = AB) -> Snapshot:
    return Snapshot(of, array("d", values))


def noise(width: int, seed: int) -> Snapshot:
    """Values that do not compress."""
    return Snapshot(wide(width), array("d", random.Random(seed).randbytes(8 * width)))


def wide(width: int) -> Layout:
    return tuple((("__name__", f"series_{at}"),) for at in range(width))


def at(milliseconds: int) -> Stamp:
    return Stamp(milliseconds)


def fill(outbox: Outbox, times: list[int]) -> None:
    """One snapshot a time; its first value is the time."""
    for when in times:
        assert outbox.append(snapshot(float(when), 1.0), at(when), {})


def backlog(outbox: Outbox, *, most: int = 10**9) -> Batch | None:
    """`most`: samples."""
    return outbox.backlog(2**62, -(2**62), most)


def times(outbox: Outbox) -> list[int]:
    """Those of all snapshots that have one, oldest first, over all layouts; empties the outbox."""
    found: list[int] = []
    while (batch := backlog(outbox)) is not None:
        found += batch.timestamps_ms
        outbox.settle(batch.ids)
    return found


Samples = dict[tuple[LabelSet, int], bytes]
"""The bits of each sample."""


def samples(taken: Snapshot, milliseconds: int) -> Samples:
    return {
        (labels, milliseconds): struct.pack("<d", value)
        for labels, value in zip(taken.layout, taken.values, strict=True)
    }


@contextmanager
def held(file: Path) -> Iterator[None]:
    """It can be read and written, but not renamed."""
    subprocess.run(["mount", "--bind", str(file), str(file)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(file)], check=True)


def take_all_room(ballast: Path) -> None:
    """Of the disk it is on; the OSError says that there is none left."""
    with ballast.open("wb", buffering=0) as out:
        while True:
            out.write(b"x" * 4096)
