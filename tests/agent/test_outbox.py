"""The outbox keeps what it acknowledged, within its bounds, whatever happens to the process, the disk and the file."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from array import array
from typing import TYPE_CHECKING

import pytest
from haidang_agent import outbox_file
from haidang_agent.outbox import Outbox, OutboxError
from haidang_agent.snapshot import STALE_NAN

from tests.agent.outboxes import AB, ABC, DAY, NOW, at, backlog, fill, held, layout, noise, snapshot, times
from tests.disks import disk

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "outbox.db"


@pytest.fixture
def outbox(path: Path) -> Iterator[Outbox]:
    box = Outbox(path)
    yield box
    box.close()


def reopened(box: Outbox, path: Path, *, max_bytes: int = 256 << 20, max_age_seconds: float = 30 * 86400.0) -> Outbox:
    box.close()
    return Outbox(path, max_bytes=max_bytes, max_age_seconds=max_age_seconds)


class TestOrder:
    """What comes out, and in which order."""

    def test_newest_and_backlog(self, outbox: Outbox) -> None:
        """The newest is the last in time; the backlog begins at the oldest and excludes both borders."""
        fill(outbox, [NOW, NOW + 1, NOW + 2, NOW + 3])
        newest = outbox.newest()
        assert newest is not None
        assert newest.timestamps_ms == [NOW + 3]
        assert newest.layout == AB
        assert newest.values == [array("d", [NOW + 3.0, 1.0])]
        between = outbox.backlog(NOW + 3, NOW, 10)
        assert between is not None
        assert between.timestamps_ms == [NOW + 1, NOW + 2]
        assert [values[0] for values in between.values] == [NOW + 1, NOW + 2]
        first_two = backlog(outbox, most=2 * len(AB))
        assert first_two is not None
        assert first_two.timestamps_ms == [NOW, NOW + 1]

    def test_a_batch_is_measured_by_its_own_width(self, outbox: Outbox) -> None:
        """What is measured now may be far less than what was measured then."""
        for number in range(5):
            outbox.append(snapshot(1, 2, 3, of=ABC), at(NOW + number), {})
        outbox.append(snapshot(1, of=layout("a")), at(NOW + 5), {})

        sizes = [len(batch.ids) for most in (7, 9, 1, 100) if (batch := backlog(outbox, most=most)) is not None]

        assert sizes == [2, 3, 1, 5]

    def test_nothing_in_it(self, outbox: Outbox) -> None:
        """An empty outbox has no newest, no backlog, no layout and no counters."""
        assert outbox.newest() is None
        assert backlog(outbox) is None
        assert outbox.recall().last_layout == ()
        assert outbox.totals() == {}
        assert outbox.stats().snapshots == 0
        assert outbox.stats().oldest_timestamp is None

    def test_settled_snapshots_are_gone(self, outbox: Outbox) -> None:
        """The others stay; those refused are counted, those stored are not."""
        fill(outbox, [NOW, NOW + 1, NOW + 2])
        batch = backlog(outbox)
        assert batch is not None
        outbox.settle(batch.ids[:1])
        outbox.settle(batch.ids[1:2], "refused")
        assert outbox.stats().lost == {"refused": 1}
        assert outbox.stats().snapshots_total == 3
        assert times(outbox) == [NOW + 2]

    def test_a_batch_has_one_layout(self, outbox: Outbox) -> None:
        """A batch ends where the layout changes, also where it changes back."""
        for when, names in enumerate(["a", "a", "b", "a"]):
            outbox.append(snapshot(1.0, of=layout(names)), at(NOW + when), {})
        found = []
        while (batch := backlog(outbox)) is not None:
            found.append((batch.layout, batch.timestamps_ms))
            outbox.settle(batch.ids)
        assert found == [(layout("a"), [NOW, NOW + 1]), (layout("b"), [NOW + 2]), (layout("a"), [NOW + 3])]

    def test_a_time_that_is_not_later_is_left_out(self, outbox: Outbox, path: Path) -> None:
        """The store takes no second sample of one time; such a snapshot is counted, also after a restart."""
        fill(outbox, [NOW])
        assert not outbox.append(snapshot(2.0, 2.0), at(NOW), {"n": 9.0})
        box = reopened(outbox, path)
        assert not box.append(snapshot(3.0, 3.0), at(NOW - 1), {"n": 9.0})
        assert box.stats().lost == {"clock": 2}
        assert box.totals() == {}
        assert times(box) == [NOW]
        assert not box.append(snapshot(3.0, 3.0), at(NOW), {}), "settled or not"
        box.close()


class TestMemory:
    """What is known after a restart."""

    def test_snapshots_and_totals_are_one(self, outbox: Outbox, path: Path) -> None:
        """The counters are those that the last stored snapshot shows; of a failed append neither is there."""
        outbox.append(snapshot(1.0, 1.0), at(NOW), {"n": 1.0, "m": 5.0})
        outbox.append(snapshot(2.0, 1.0), at(NOW + 1), {"n": 2.0})
        with pytest.raises(sqlite3.IntegrityError):
            outbox.append(snapshot(3.0, 1.0), at(NOW + 2), {"n": float("nan")})  # a NOT NULL of the table
        box = reopened(outbox, path)
        assert box.totals() == {"n": 2.0, "m": 5.0}
        assert times(box) == [NOW, NOW + 1]
        assert box.stats().samples_total == 4
        box.close()

    def test_the_last_layout_outlives_everything(self, outbox: Outbox, path: Path) -> None:
        """It is needed for stale markers after a restart, when all has long been settled."""
        fill(outbox, [NOW])
        outbox.append(snapshot(1, 2, 3, of=ABC), at(NOW + 1), {})
        assert outbox.recall().last_layout == ABC
        box = reopened(outbox, path)
        assert box.recall().last_layout == ABC
        times(box)
        box = reopened(box, path)
        assert box.stats().snapshots == 0
        assert box.recall().last_layout == ABC
        box.close()

    def test_layouts_that_nothing_needs_are_deleted(self, outbox: Outbox, path: Path) -> None:
        """A layout is some kilobytes of text, and a switched-off probe makes a new one."""
        for number in range(20):
            outbox.append(snapshot(1.0, of=layout(f"n{number}")), at(NOW + number), {})
            times(outbox)
        outbox.close()
        with sqlite3.connect(path) as database:
            assert database.execute("SELECT count(*) FROM layout").fetchone() == (1,)
        database.close()

    def test_stale_markers_are_no_samples(self, outbox: Outbox) -> None:
        """They are kept bit for bit, but not counted as measured."""
        outbox.append(snapshot(1.0, STALE_NAN), at(NOW), {})
        batch = outbox.newest()
        assert batch is not None
        assert batch.values[0].tobytes() == array("d", [1.0, STALE_NAN]).tobytes()
        assert outbox.stats().samples_total == 1

    def test_only_the_owner_may_read_it(self, outbox: Outbox, path: Path) -> None:
        """It says what a school's network looks like."""
        fill(outbox, [NOW])
        assert path.stat().st_mode & 0o077 == 0


APPENDER = """
import sys
from array import array
from pathlib import Path
from haidang_agent.outbox import Outbox, OutboxError
from haidang_agent.snapshot import Snapshot
from haidang_agent.stamp import Stamp
outbox = Outbox(Path(sys.argv[1]))
layout = ((("__name__", "n"),),)
number = int(outbox.totals().get("n", 0))
while True:
    number += 1
    outbox.append(Snapshot(layout, array("d", [number])), Stamp(number), {"n": float(number)})
    sys.stdout.write(f"{number}\\n")
    sys.stdout.flush()
"""


def test_what_was_acknowledged_survives_a_kill(path: Path) -> None:
    """kill -9 at any instant: all acknowledged snapshots are there, without a gap, and the counters fit the last."""
    chance = random.Random(7)
    for _ in range(6):
        with subprocess.Popen([sys.executable, "-c", APPENDER, str(path)], stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            said = b"".join(process.stdout.readline() for _ in range(chance.randint(1, 150)))
            os.kill(process.pid, signal.SIGKILL)
            said += process.stdout.read()
        acknowledged = int(said.rpartition(b"\n")[0].rpartition(b"\n")[2])
        box = Outbox(path)
        batch = backlog(box)
        assert batch is not None
        assert batch.timestamps_ms == list(range(1, len(batch.ids) + 1))
        assert acknowledged <= batch.timestamps_ms[-1] <= acknowledged + 1
        assert [values[0] for values in batch.values] == batch.timestamps_ms
        assert box.totals() == {"n": batch.timestamps_ms[-1]}
        box.close()


def test_every_append_is_synced(path: Path) -> None:
    """No test can cut the power; SQLite's documentation promises it for synchronous=FULL (2) in WAL mode."""
    database = outbox_file.open_or_set_aside(path, 1 << 20)
    assert database.execute("PRAGMA synchronous").fetchone() == (2,)
    assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    database.close()


class TestBounds:
    """Size and age."""

    def test_the_cap_holds_on_the_disk(self, tmp_path: Path) -> None:
        """5 MB are 5 MB, journal included, at every instant: a disk of that size never fills up.

        What had to go was first thinned, then the oldest was dropped; all of it is counted.
        """
        cap = 5_000_000
        with disk(tmp_path / "disk", f"{cap // 1024}k") as folder:
            box = Outbox(folder / "outbox.db", max_bytes=cap)
            for number in range(8_500):
                assert box.append(noise(120, number), at(NOW + 30_000 * number), {"n": float(number)})
            stats = box.stats()
            assert stats.bytes > cap // 2, "the room is used"
            assert stats.snapshots + sum(stats.lost.values()) == 8_500
            assert stats.lost.keys() == {"size", "thinned"}
            kept = times(box)
            assert kept[-2_800:] == [NOW + 30_000 * number for number in range(8_500 - 2_800, 8_500)]
            assert len(kept) == stats.snapshots
            box.close()

    def test_a_cap_too_small_for_anything(self, path: Path) -> None:
        """Smaller than the empty tables: nothing can be kept, and the agent does not hang over it."""
        box = Outbox(path, max_bytes=8192)
        for number in range(3):
            assert box.append(noise(100, number), at(NOW + number), {})
        assert box.stats().lost == {"size": 2}
        box.close()

    def test_thinned_before_dropped(self, path: Path) -> None:
        """Older than a day: one a minute; than a week: one in five; the last day whole; the ends of series all."""
        box = Outbox(path)
        began = NOW - NOW % 300_000
        middle, late, now = began + 5 * DAY, began + 8 * DAY + DAY // 2, began + 9 * DAY
        ends = {began + 20_000, middle + 20_000}
        for start in (began, middle, late):
            for when in range(start, start + 900_000, 10_000):
                box.append(snapshot(float(when), STALE_NAN if when in ends else 1.0), at(when), {})
        box = reopened(box, path, max_bytes=used(path) * 8 // 7)
        number = 0
        while not box.stats().lost:
            box.append(noise(100, number), at(now + number), {})
            number += 1
        stats, kept = box.stats(), times(box)
        assert kept[-number:] == list(range(now, now + number))
        assert kept[:-number] == [
            *sorted({*range(began, began + 900_000, 300_000), began + 20_000}),
            *sorted({*range(middle, middle + 900_000, 60_000), middle + 20_000}),
            *range(late, late + 900_000, 10_000),
        ]
        assert stats.lost == {"thinned": 90 - 4 + 90 - 16}, "nothing had to be dropped"
        box.close()

    def test_a_long_outage_is_thinned_from_half_full_on(self, path: Path) -> None:
        """So that it drains soon; and what is not older than a day stays whole."""
        box = Outbox(path, max_bytes=5_000_000)
        old = range(NOW - NOW % 60_000, NOW + 600 * 20_000, 20_000)
        for number, when in enumerate(old):
            assert box.append(noise(400, number), at(when), {})
        assert box.stats().lost == {}
        new = range(NOW + 3 * DAY, NOW + 3 * DAY + 100 * 20_000, 20_000)
        for number, when in enumerate(new):
            assert box.append(noise(400, -number), at(when), {})
        assert box.stats().lost.keys() == {"thinned"}
        kept = times(box)
        assert kept[-len(new) :] == list(new)
        assert kept[: -len(new)] == list(old)[::3]
        box.close()

    def test_the_age_limit(self, outbox: Outbox, path: Path) -> None:
        """What is older than allowed, by the centre's time, is dropped and counted."""
        fill(outbox, [NOW, NOW + 500, NOW + 2_000])
        box = reopened(outbox, path, max_age_seconds=10.0)
        fill(box, [NOW + 10_600])
        assert box.stats().lost == {"age": 2}
        assert box.stats().oldest_timestamp == (NOW + 2_000) / 1000
        box.close()

    def test_the_age_limit_in_a_long_outage(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Snapshots come more often than ages are looked at, and no restart comes in between."""
        seconds = 0.0
        monkeypatch.setattr(time, "monotonic", lambda: seconds)
        box = Outbox(path, max_age_seconds=100.0)
        for number in range(16):
            seconds = 15.0 * number
            fill(box, [NOW + 15_000 * number])
        assert box.stats().lost == {"age": 6}, "as of the look at 180 s"
        assert times(box) == [NOW + 15_000 * number for number in range(6, 16)]
        box.close()


def used(path: Path) -> int:
    with sqlite3.connect(path) as database:
        pages = outbox_file.used_bytes(database)
    database.close()
    return pages


class TestWhatProbesRemember:
    """Memory that is stored with the snapshots."""

    def test_it_comes_back_with_the_counters_of_its_snapshot(self, outbox: Outbox, path: Path) -> None:
        """Keys that are not told again stay; a value is replaced as a whole."""
        outbox.append(snapshot(1.0, 1.0), at(NOW), {"x": 1.0}, {"a": [1, None, "ế"], "b": {"c": 2}})
        outbox.append(snapshot(1.0, 1.0), at(NOW + 1), {"x": 2.0}, {"b": {"d": 3}})
        again = reopened(outbox, path)

        assert again.memory() == {"a": [1, None, "ế"], "b": {"d": 3}}
        assert again.totals() == {"x": 2.0}
        assert outbox_file.look_into_memory(path) == again.memory()
        again.close()

    def test_what_was_not_stored_is_not_remembered(self, outbox: Outbox) -> None:
        """A snapshot whose time is not after the last one's is left out with its memory."""
        outbox.append(snapshot(1.0, 1.0), at(NOW), {}, {"a": 1})

        assert not outbox.append(snapshot(1.0, 1.0), at(NOW), {}, {"a": 2})
        assert outbox.memory() == {"a": 1}

    def test_an_outbox_of_before_has_none(self, outbox: Outbox) -> None:
        """Made by a version that kept no memory."""
        outbox.append(snapshot(1.0, 1.0), at(NOW), {})

        assert outbox.memory() == {}

    def test_where_there_is_no_file_it_says_so(self, tmp_path: Path) -> None:
        """And makes none."""
        with pytest.raises(sqlite3.OperationalError):
            outbox_file.look_into_memory(tmp_path / "none.db")
        assert list(tmp_path.iterdir()) == []


class TestWhose:
    """A machine that is enrolled anew, for its unit or another one."""

    def test_another_unit_gets_nothing_of_the_first(
        self, outbox: Outbox, path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Snapshots, counters, what probes remember: all of it stays on the disk, under another name."""
        outbox.belong_to("a-1", "U1")
        outbox.append(snapshot(1.0, 1.0), at(NOW), {"n": 1.0}, {"device": "seen"})
        box = reopened(outbox, path)
        box.belong_to("a-2", "U2")
        assert (backlog(box), box.totals(), box.memory(), box.recall().last_layout) == (None, {}, {}, ())
        fill(box, [NOW + 1])
        box = reopened(box, path)
        box.belong_to("a-2", "U2")
        assert times(box) == [NOW + 1]
        box.close()
        (aside,) = path.parent.glob("outbox.db.unit-*")
        assert f"of unit U1; they are kept as {aside.name}" in caplog.text
        before = Outbox(aside)
        assert (times(before), before.totals(), before.memory()) == ([NOW], {"n": 1.0}, {"device": "seen"})
        before.close()

    def test_the_same_unit_goes_on_under_another_id(self, outbox: Outbox, path: Path) -> None:
        """Its history is its own."""
        outbox.belong_to("a-1", "U1")
        outbox.append(snapshot(1.0, 1.0), at(NOW), {"n": 1.0})
        box = reopened(outbox, path)
        box.belong_to("a-2", "U1")
        assert box.totals() == {"n": 1.0}
        assert times(box) == [NOW]
        box.close()

    def test_what_was_measured_before_enrolment_is_the_first_units(self, outbox: Outbox, path: Path) -> None:
        """Also what an older version stored, which did not note the unit."""
        fill(outbox, [NOW])
        outbox.belong_to("a-1", "U1")
        assert outbox.stats().snapshots == 1
        box = reopened(outbox, path)
        box.belong_to("a-2", "U2")
        assert box.stats().snapshots == 0
        box.close()

    def test_nothing_is_read_until_the_other_units_is_out_of_the_way(self, outbox: Outbox, path: Path) -> None:
        """Another program holds the file: no word of it comes out, and later a new one is begun."""
        outbox.belong_to("a-1", "U1")
        fill(outbox, [NOW])
        box = reopened(outbox, path)
        with held(path):
            for ask in (lambda: box.belong_to("a-2", "U2"), box.newest, box.totals, lambda: fill(box, [NOW + 1])):
                with pytest.raises(OutboxError, match="busy"):
                    ask()
        fill(box, [NOW + 1])
        assert times(box) == [NOW + 1]
        box.close()

    def test_a_new_file_is_noted_too(self, outbox: Outbox, path: Path) -> None:
        """The first one was removed under the running agent."""
        outbox.belong_to("a-1", "U1")
        path.unlink()
        fill(outbox, [NOW])
        box = reopened(outbox, path)
        box.belong_to("a-2", "U2")
        assert box.stats().snapshots == 0
        box.close()
