"""The outbox on a disk that lies, tears, forgets or is full."""

from __future__ import annotations

import contextlib
import os
import random
import sqlite3
import subprocess
from typing import TYPE_CHECKING

import pytest
from haidang_agent import outbox_file
from haidang_agent.outbox import Outbox, OutboxError

from tests.agent.outboxes import AB, NOW, at, backlog, fill, held, noise, snapshot, take_all_room, times
from tests.disks import disk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "outbox.db"


def grown(path: Path, snapshots: int = 400) -> None:
    """An outbox of some hundred kilobytes, checkpointed and closed."""
    box = Outbox(path)
    for number in range(snapshots):
        box.append(noise(100, number), at(NOW + number), {"n": float(number)})
    box.close()


def set_aside(path: Path) -> list[Path]:
    return sorted(file for file in path.parent.iterdir() if ".corrupt-" in file.name)


def garbage(path: Path) -> None:
    path.write_bytes(random.Random(1).randbytes(50_000))


def no_database(path: Path) -> None:
    path.write_text("nothing of the kind\n")


def truncated(path: Path) -> None:
    os.truncate(path, path.stat().st_size * 2 // 3)


def torn(path: Path) -> None:
    os.truncate(path, 5000)


def another_schema(path: Path) -> None:
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA user_version = 99")
    database.close()


def another_database(path: Path) -> None:
    path.unlink()
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE photos(name)")
    database.close()


class TestCorruption:
    """A broken file costs what was in it, never the agent; and it is kept for whoever wants to look."""

    @pytest.mark.parametrize("spoil", [garbage, no_database, truncated, torn, another_schema, another_database])
    def test_found_at_the_start(self, path: Path, spoil: Callable[[Path], None]) -> None:
        """The file is renamed, its bytes unchanged, and work goes on with an empty one at once."""
        grown(path)
        spoil(path)
        bytes_before = path.read_bytes()
        box = Outbox(path)
        assert box.recall().last_layout == ()
        fill(box, [NOW])
        assert times(box) == [NOW]
        box.close()
        (aside,) = set_aside(path)
        assert aside.name.startswith("outbox.db.corrupt-20")
        assert len(aside.read_bytes()) == len(bytes_before)

    def test_met_at_run_time(self, path: Path) -> None:
        """A page goes bad under a running agent: one OutboxError, then all goes on, and the rest can be recovered."""
        grown(path, 2000)  # more than the cache of pages holds
        box = Outbox(path)
        assert box.stats().snapshots == 2000
        zero_page(path, path.stat().st_size // 4096 // 2)
        with pytest.raises(OutboxError, match=r"outbox\.db"):
            backlog(box)
        fill(box, [NOW, NOW + 1])
        assert times(box) == [NOW, NOW + 1]
        box.close()
        assert set_aside(path)

    def test_any_page(self, path: Path) -> None:
        """Whichever page it is, nothing but OutboxError comes out, and two calls later all works."""
        grown(path, 60)
        sound = path.read_bytes()
        for page in range(len(sound) // 4096):
            path.write_bytes(sound)
            box = Outbox(path)
            assert box.stats().snapshots == 60
            zero_page(path, page)
            use(box)
            use(box)
            assert box.append(snapshot(1.0, 2.0), at(2 * NOW + page), {})
            assert box.newest() is not None
            box.close()
            for file in path.parent.iterdir():
                file.unlink()

    def test_a_row_that_is_garbled(self, path: Path) -> None:
        """SQLite has no checksums: bits turned within a snapshot show when it is unpacked."""
        grown(path, 3)
        with sqlite3.connect(path) as database:
            database.execute("UPDATE snapshot SET packed = zeroblob(500) WHERE timestamp_ms = ?", (NOW + 1,))
        database.close()
        box = Outbox(path)
        with pytest.raises(OutboxError, match="garbled"):
            backlog(box)
        fill(box, [NOW])
        assert times(box) == [NOW]
        box.close()

    def test_that_cannot_be_set_aside(self, path: Path) -> None:
        """As while another program holds the file, on Windows: an OutboxError each time, until it can."""
        grown(path, 2000)
        box = Outbox(path)
        assert box.stats().snapshots == 2000
        with held(path):
            zero_page(path, path.stat().st_size // 4096 // 2)
            with pytest.raises(OutboxError, match="busy"):
                backlog(box)
        box.close()
        garbage(path)
        with held(path), pytest.raises(OutboxError, match="busy"):
            box.stats()
        fill(box, [NOW])
        assert times(box) == [NOW]
        box.close()

    def test_a_batch_of_the_file_set_aside_settles_nothing_else(self, path: Path) -> None:
        """While a batch is under way, its file may be replaced: the answer must not settle what is in the new one."""
        box = Outbox(path)
        fill(box, [NOW, NOW + 1])
        batch = backlog(box)
        assert batch is not None
        box.close()
        garbage(path)
        fill(box, [NOW, NOW + 1, NOW + 2])
        box.settle(batch.ids)
        assert times(box) == [NOW, NOW + 1, NOW + 2]
        box.close()


def zero_page(path: Path, page: int) -> None:
    with path.open("r+b") as file:
        file.seek(page * 4096)
        file.write(b"\0" * 4096)


def use(box: Outbox) -> None:
    for call in (box.newest, lambda: backlog(box), box.totals, box.recall, box.stats):
        with contextlib.suppress(OutboxError):
            call()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 1 MB."""
    with disk(tmp_path / "disk", "1m") as folder:
        yield folder


class TestFullDisk:
    """Other files filled the disk."""

    def test_nothing_acknowledged_is_lost(self, small_disk: Path) -> None:
        """An append that has no room says so; when there is room again, it works, and all acknowledged are there."""
        box = Outbox(small_disk / "outbox.db")
        acknowledged: list[int] = []
        full: OutboxError | None = None
        while full is None:
            number = len(acknowledged)
            try:
                box.append(noise(100, number), at(NOW + number), {"n": float(number)})
                acknowledged.append(NOW + number)
            except OutboxError as failed:
                full = failed
        assert "is there space on this disk" in str(full)
        assert len(acknowledged) > 100
        with pytest.raises(OutboxError):
            box.append(noise(100, 1), at(NOW + 10_000), {"n": 0.0})
        assert box.totals() == {"n": len(acknowledged) - 1}, "it can still be read"
        subprocess.run(["mount", "-o", "remount,size=4m", str(small_disk)], check=True)
        assert box.append(noise(100, 1), at(NOW + 10_000), {"n": 0.0})
        assert times(box) == [*acknowledged, NOW + 10_000]
        assert box.stats().lost == {}
        box.close()

    @pytest.mark.parametrize("unit", ["U1", "U2"])
    def test_what_is_to_be_remembered_can_be_read(self, small_disk: Path, unit: str) -> None:
        """After a start on the full disk, where SQLite finds no room for its journal. Not what is another unit's."""
        box = Outbox(small_disk / "outbox.db")
        box.belong_to("a-1", "U1")
        box.append(snapshot(1.0, 2.0), at(NOW), {"n": 1.0}, {"seen": 2})
        box.close()
        with pytest.raises(OSError, match="No space left"):
            take_all_room(small_disk / "filler")
        with pytest.raises(OutboxError, match="is there space"):
            box.belong_to("a-2", unit)
        with pytest.raises(OutboxError, match="is there space"):
            box.stats()
        assert box.recall() == (({"n": 1.0}, {"seen": 2}, AB) if unit == "U1" else ({}, {}, ()))
        (small_disk / "filler").unlink()
        assert box.append(snapshot(1.0, 2.0), at(NOW + 1), {})
        assert times(box) == [*([NOW] if unit == "U1" else []), NOW + 1]
        box.close()

    def test_full_before_the_first(self, small_disk: Path) -> None:
        """Not even the tables can be made: later they are."""
        filler = small_disk / "filler"
        filler.write_bytes(b"x" * ((1 << 20) - 4096))
        box = Outbox(small_disk / "outbox.db")
        with pytest.raises(OutboxError):
            box.append(snapshot(1.0, 2.0), at(NOW), {})
        filler.unlink()
        assert box.append(snapshot(1.0, 2.0), at(NOW), {})
        assert times(box) == [NOW]
        box.close()
        assert set_aside(small_disk / "outbox.db") == []


def test_no_folder(tmp_path: Path) -> None:
    """The state folder is missing: an OutboxError with the path."""
    box = Outbox(tmp_path / "nowhere" / "outbox.db")
    with pytest.raises(OutboxError, match="nowhere"):
        box.stats()


def test_a_file_that_is_removed_under_it_is_begun_anew(path: Path) -> None:
    """Else all goes into a file that nobody finds again: the agent's next start would know nothing."""
    box = Outbox(path)
    box.append(noise(100, 1), at(NOW), {"n": 1.0})
    path.unlink()  # and not its journals

    box.append(noise(100, 2), at(NOW + 1), {"n": 2.0})
    box.close()

    assert Outbox(path).totals() == {"n": 2.0}
    assert times(Outbox(path)) == [NOW + 1]


def test_a_file_that_is_replaced_under_it_is_left(path: Path) -> None:
    """As by `export`, which finds it corrupt and begins a new one; what the other program writes there stays."""
    box = Outbox(path)
    box.append(noise(100, 1), at(NOW), {"n": 1.0})
    outbox_file.set_aside(path, ValueError("broken"))
    other = Outbox(path)
    other.append(noise(50, 3), at(NOW + 1), {"m": 3.0})

    box.append(noise(100, 2), at(NOW + 2), {"n": 2.0})
    box.close()
    other.append(noise(50, 4), at(NOW + 3), {"m": 4.0})
    other.close()

    again = Outbox(path)
    assert again.totals() == {"n": 2.0, "m": 4.0}
    assert times(again) == [NOW + 1, NOW + 2, NOW + 3]
    again.close()
    (aside,) = (file for file in set_aside(path) if not file.name.endswith(("-wal", "-shm")))
    before = Outbox(aside)
    assert times(before) == [NOW]
    before.close()


@pytest.mark.parametrize("ask", [Outbox.recall, Outbox.newest, backlog])
def test_a_layout_that_another_process_deletes_meanwhile(path: Path, ask: Callable[[Outbox], object]) -> None:
    """`export` reads beside the running agent; it must not take a sound file for a corrupt one."""
    agents, exports = Outbox(path), Outbox(path)
    fill(agents, [NOW])
    expected = ask(exports)
    exports.close()
    moved = 0

    def meanwhile(statement: str) -> None:
        nonlocal moved
        if "FROM layout" in statement and not moved:
            moved = len(times(agents))
            agents.append(noise(5, 1), at(NOW + 1), {})

    with exports.transaction() as database:
        database.set_trace_callback(meanwhile)
    assert ask(exports) == expected
    assert moved == 1
    assert ask(exports) != expected
    assert set_aside(path) == []
    agents.close()
    exports.close()
