"""What an export takes, and what follows for the outbox: nothing before the centre has it."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest
from haidang_agent import outbox_export
from haidang_agent.credentials import Credentials
from haidang_agent.outbox import Outbox
from haidang_agent.stamp import Stamp
from haidang_collector.sticks.file import frames

from tests.agent.outboxes import ABC, NOW, at, backlog, fill, snapshot, times

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from haidang_agent.outbox_export import Exported

WHO = Credentials("k" * 43, "a-1", "TH-001")


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    box = Outbox(tmp_path / "outbox.db")
    yield box
    box.close()


def export(outbox: Outbox) -> Exported:
    return outbox_export.write(outbox, WHO, io.BytesIO(), NOW / 1000)


def test_nothing_leaves_by_being_exported(outbox: Outbox) -> None:
    fill(outbox, [NOW, NOW + 1, NOW + 2])

    done = export(outbox)

    assert (done.frames, done.snapshots, done.samples, done.untimed) == (1, 3, 6, 0)
    assert (done.first_ms, done.last_ms) == (NOW, NOW + 2)
    assert outbox_export.waiting(outbox) == done.export
    assert times(outbox) == [NOW, NOW + 1, NOW + 2]


def test_what_the_centre_has_is_settled_and_nothing_else(outbox: Outbox) -> None:
    """Three parts, by layout; later snapshots are in none."""
    fill(outbox, [NOW, NOW + 1])
    outbox.append(snapshot(1, 2, 3, of=ABC), at(NOW + 2), {})
    fill(outbox, [NOW + 3])
    done = export(outbox)
    assert done.frames == 3
    fill(outbox, [NOW + 4])

    outbox_export.settle(outbox, done.export, "0,2")
    assert outbox_export.waiting(outbox)
    outbox_export.settle(outbox, done.export, "0-2")

    assert outbox_export.waiting(outbox) == ""
    assert times(outbox) == [NOW + 4]
    assert outbox.stats().lost == {}


@pytest.mark.parametrize("said", ["", "1", "-1", "0-", "x", "0;1", "99999-1", "0 ", "\u0660"])
def test_what_is_no_part_of_it_settles_nothing(outbox: Outbox, said: str) -> None:
    fill(outbox, [NOW])
    outbox_export.settle(outbox, export(outbox).export, said)

    assert times(outbox) == [NOW]


def test_what_was_sent_meanwhile_is_forgotten(outbox: Outbox) -> None:
    fill(outbox, [NOW])
    export(outbox)
    assert times(outbox) == [NOW]

    assert outbox_export.waiting(outbox) == ""


def test_a_second_export_takes_the_place_of_the_first(outbox: Outbox) -> None:
    fill(outbox, [NOW])
    first = export(outbox)
    fill(outbox, [NOW + 1])
    second = export(outbox)

    assert first.export != second.export == outbox_export.waiting(outbox)
    assert second.snapshots == 2


def test_what_the_centre_has_of_an_earlier_export_settles_nothing_of_a_later_one(outbox: Outbox) -> None:
    """Somebody exported again while the agent asked about the first."""
    fill(outbox, [NOW])
    first = export(outbox)
    fill(outbox, [NOW + 1])
    export(outbox)

    outbox_export.settle(outbox, first.export, "0")

    assert times(outbox) == [NOW, NOW + 1]


def test_an_outbox_with_nothing_in_it(outbox: Outbox) -> None:
    assert export(outbox)[1:] == (0, 0, 0, None, None, 0, 0, 0)
    assert outbox_export.waiting(outbox) == ""


def test_what_is_of_others_comes_after_ones_own_as_far_as_it_fits(
    outbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the centre has of theirs settles nothing here."""
    monkeypatch.setattr(outbox_export, "HIGHEST_NUMBER", 3)
    fill(outbox, [NOW])
    out = io.BytesIO()

    done = outbox_export.write(outbox, WHO, out, NOW / 1000, [b"first", b"second", b"third"])

    assert (done.frames, done.others) == (1, 2)
    found = list(frames(io.BytesIO(out.getvalue())))
    assert [(part.number, part.body) for part in found[1:]] == [(1, b"first"), (2, b"second"), (3, b"")]
    outbox_export.settle(outbox, done.export, "1-99999")
    assert times(outbox) == [NOW]


def test_what_has_no_time_is_left_out_until_the_clock_is_trusted(outbox: Outbox) -> None:
    """After a restart without contact; the third lies before what is known, and stays without a time."""
    fill(outbox, [NOW])
    for monotonic_ms, wall_ms in ((10, NOW + 60_000), (20, NOW + 75_000), (30, NOW - 5), (40, NOW + 90_000)):
        outbox.append(snapshot(1.0, 2.0), Stamp(None, "boot", monotonic_ms, wall_ms), {})
    assert (export(outbox).snapshots, export(outbox).untimed) == (1, 4)

    assert outbox_export.trust_clock(outbox) == 3

    assert (export(outbox).snapshots, export(outbox).untimed) == (4, 1)
    batch = backlog(outbox)
    assert batch is not None
    assert batch.timestamps_ms == [NOW, NOW + 60_000, NOW + 75_000, NOW + 90_000]
    assert not outbox.append(snapshot(1.0, 2.0), at(NOW + 80_000), {}), "time does not run back after it"
