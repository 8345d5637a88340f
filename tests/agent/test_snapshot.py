"""What becomes of samples: one layout, unknown left out, vanished series ended."""

from __future__ import annotations

import math
import struct

from haidang_agent.probe import Metric, Sample
from haidang_agent.snapshot import STALE_BITS, SnapshotBuilder
from hypothesis import given
from hypothesis import strategies as st

UP = Metric("school_wan_up", "1 if the WAN works.", ("wan", "isp"))
WANS = st.sets(st.sampled_from("abcd"))
LABELS = (("__name__", "school_wan_up"), ("isp", "VNPT"), ("wan", "wan1"))


def stale(value: float) -> bool:
    return struct.pack("<d", value) == STALE_BITS


def test_labels_are_sorted_and_never_empty() -> None:
    snapshot = SnapshotBuilder(()).build([Sample(UP, 1.0, ("wan1", ""))], complete=True)

    assert snapshot.layout == ((("__name__", "school_wan_up"), ("wan", "wan1")),)


def test_what_is_unknown_is_absent() -> None:
    assert SnapshotBuilder(()).build([Sample(UP, math.nan, ("wan1", "VNPT"))], complete=True).layout == ()


def test_a_vanished_series_is_ended_once() -> None:
    builder = SnapshotBuilder(())
    builder.keep(builder.build([Sample(UP, 1.0, ("wan1", "VNPT"))], complete=True))
    ended = builder.build([], complete=True)
    builder.keep(ended)

    assert ended.layout == (LABELS,)
    assert stale(ended.values[0])
    assert builder.build([], complete=True).layout == ()


def test_the_end_is_told_again_when_its_snapshot_could_not_be_stored() -> None:
    builder = SnapshotBuilder((LABELS,))
    builder.build([], complete=True)

    assert builder.build([], complete=True).layout == (LABELS,)


def test_after_a_start_nothing_is_ended_before_every_probe_has_run() -> None:
    builder = SnapshotBuilder((LABELS,))
    builder.keep(builder.build([], complete=False))

    assert builder.build([], complete=False).layout == ()
    assert stale(builder.build([], complete=True).values[0])


@given(WANS, st.lists(st.tuples(WANS, st.booleans(), st.booleans()), max_size=12))
def test_a_series_is_ended_when_it_is_gone_and_only_then(
    live: set[str], steps: list[tuple[set[str], bool, bool]]
) -> None:
    """
    `live` at first is what the run before had told.
    """
    builder = SnapshotBuilder(tuple((("__name__", UP.name), ("wan", wan)) for wan in sorted(live)))
    for shown, complete, stored in steps:
        snapshot = builder.build([Sample(UP, 1.0, (wan, "")) for wan in sorted(shown)], complete=complete)
        told = {dict(labels)["wan"]: value for labels, value in zip(*snapshot, strict=True)}

        assert {wan for wan, value in told.items() if not stale(value)} == shown
        assert {wan for wan, value in told.items() if stale(value)} == (live - shown if complete else set())
        if stored:
            builder.keep(snapshot)
            live = shown if complete else live | shown
