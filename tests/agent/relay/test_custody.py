"""What a relay keeps: on the disk, bounded, nothing dropped in silence, nothing twice."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from haidang_agent.outbox import OutboxError
from haidang_agent.outbox_confirmed import KEPT_MS
from haidang_agent.relay.custody import AGENT_PART, OVERHEAD_BYTES, Custody, FullError
from haidang_agent.relay.frame import Label

from tests.agent.outboxes import held
from tests.disks import disk

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ROOM = 1 << 20


@pytest.fixture
def custody(tmp_path: Path) -> Iterator[Custody]:
    with closing(Custody(tmp_path / "relay.db", ROOM)) as opened:
        yield opened


def label(agent: str = "a-1", newest_ms: int = 1) -> Label:
    return Label(agent, "0" * 32, newest_ms, 10)


def test_what_is_taken_survives_kill_9(tmp_path: Path) -> None:
    taking = (
        "import sys, pathlib\n"
        "from haidang_agent.relay.custody import Custody\n"
        "from haidang_agent.relay.frame import Label\n"
        "custody = Custody(pathlib.Path(sys.argv[1]), 1 << 20)\n"
        "for number in range(3):\n"
        "    custody.take(b'frame %d' % number, Label('a-1', '0' * 32, number, 10), '10.0.0.1')\n"
        "print('taken', flush=True)\n"
        "sys.stdin.read()\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", taking, tmp_path / "relay.db"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"taken\n"
        process.send_signal(signal.SIGKILL)

    with closing(Custody(tmp_path / "relay.db", ROOM)) as again:
        assert again.stats().frames == 3
        assert again.stats().bytes == 3 * (7 + OVERHEAD_BYTES)


def test_a_frame_that_comes_twice_is_there_once(custody: Custody) -> None:
    for _ in range(2):
        custody.take(b"the same", label(), "10.0.0.1")
    assert custody.stats().frames == 1


def test_what_went_to_the_centre_is_not_taken_again(custody: Custody) -> None:
    """
    Who hears a frame pass in the school's network could otherwise have it handed over without end, and the unit's
    limit at the centre used up.
    """
    custody.take(b"heard", label(), "10.0.0.1")
    custody.settle(custody.newest({})[0], "forwarded")
    custody.take(b"heard", label(), "10.0.0.9")
    assert (custody.stats().frames, custody.stats().bytes) == (0, 0)


def test_the_newest_of_each_agent_first_then_the_oldest_of_all(custody: Custody) -> None:
    for agent, newest in (("a-1", 1), ("a-1", 5), ("a-2", 2), ("a-2", 7), ("a-1", 3)):
        custody.take(f"{agent} {newest}".encode(), label(agent, newest), "10.0.0.1")

    def body(number: int | None) -> bytes:
        waiting = None if number is None else custody.read(number)
        return b"" if waiting is None else waiting.body

    assert [body(each) for each in custody.newest({})] == [b"a-2 7", b"a-1 5"]
    assert [body(each) for each in custody.newest({"a-2": 7})] == [b"a-1 5"]
    assert body(custody.oldest()) == b"a-1 1"
    assert body(custody.oldest(["a-1"])) == b"a-2 2"
    assert custody.oldest(["a-1", "a-2"]) is None


def test_full_is_said_and_what_was_there_stays(custody: Custody) -> None:
    """
    An agent has an eighth, an address a quarter, and all of it together is the room that there is.
    """
    frame = bytes(ROOM // AGENT_PART - OVERHEAD_BYTES)
    custody.take(frame, label("a-1"), "10.0.0.1")
    with pytest.raises(FullError, match="this agent's part"):
        custody.take(b"more", label("a-1"), "10.0.0.2")
    custody.take(b"2" + frame[1:], label("a-2"), "10.0.0.1")
    with pytest.raises(FullError, match="this address's part"):
        custody.take(b"more", label("a-3"), "10.0.0.1")
    for number in range(3, 3 + AGENT_PART - 2):
        custody.take(bytes([number]) + frame[1:], label(f"a-{number}"), f"10.0.{number // 2}.0")
    with pytest.raises(FullError, match="custody is full"):
        custody.take(b"more", label("a-99"), "10.0.9.9")
    assert (custody.stats().frames, custody.stats().bytes) == (AGENT_PART, ROOM)

    custody.settle(custody.newest({})[0], "forwarded")
    custody.take(b"more", label("a-99"), "10.0.9.9")


def test_what_became_of_them_is_counted_over_a_restart(tmp_path: Path) -> None:
    for outcome in ("forwarded", "signature", "forwarded"):
        with closing(Custody(tmp_path / "relay.db", ROOM)) as custody:
            custody.take(outcome.encode(), label(), "10.0.0.1")
            for number in custody.newest({}):
                custody.settle(number, outcome)
                custody.settle(number, outcome)
            stats = custody.stats()
    assert (stats.frames, stats.bytes, stats.oldest_timestamp) == (0, 0, None)
    assert stats.counted == {"forwarded": 2, "signature": 1}


def test_what_is_handed_over_once_more_is_counted_once(tmp_path: Path) -> None:
    """
    After a start the relay does not know any more what the centre has confirmed.
    """
    for since in ("1790000000.00", "1790000000.00", "1790000900.00"):
        with closing(Custody(tmp_path / "relay.db", ROOM)) as custody:
            custody.take(b"1", label(), "10.0.0.1")
            (number,) = custody.newest({})
            custody.confirm(number, since, "forwarded", "too_old")
    assert custody.stats().counted == {"forwarded": 1, "too_old": 1}

    custody.settle(number, "signature")
    assert custody.stats().counted == {"forwarded": 1, "too_old": 1, "signature": 1}
    custody.close()


def test_a_file_that_is_replaced_under_it_is_left(tmp_path: Path) -> None:
    """
    `export` found it broken and set it aside: what is taken from then on is where it will be looked for.
    """
    file, aside = tmp_path / "relay.db", tmp_path / "aside"
    aside.mkdir()
    with closing(Custody(file, ROOM, "U1")) as custody:
        for number in range(3):
            custody.take(b"%d" % number, label(), "10.0.0.1")
            assert (custody.stats().frames, custody.stats().bytes) == (1, 1 + OVERHEAD_BYTES)
            with closing(Custody(file, ROOM)) as other:
                assert other.stats().frames == 1
            (gone,) = custody.newest({})
            for part in tmp_path.glob("relay.db*"):
                part.rename(aside / part.name)
            assert custody.newest({}) == []
            custody.take(b"a new one", label(), "10.0.0.1")
            custody.settle(gone, "forwarded")
            assert custody.stats().frames == 1
            custody.settle(custody.newest({})[0])


def test_what_is_kept_for_another_unit_is_set_aside_whole(tmp_path: Path) -> None:
    """
    What a relay of before kept, which noted no unit, is this one's.
    """
    file = tmp_path / "relay.db"
    for number, unit in enumerate(("", "U1", "U1")):
        with closing(Custody(file, ROOM, unit)) as custody:
            custody.take(b"%d" % number, label(), "10.0.0.1")
            assert custody.stats().frames == number + 1
    with closing(Custody(file, ROOM, "U2")) as custody:
        assert (custody.stats().frames, custody.stats().bytes) == (0, 0)
        custody.take(b"2", label(), "10.0.0.1")
        assert custody.stats().frames == 1
    (aside,) = tmp_path.glob("relay.db.unit-*")
    with closing(Custody(aside, ROOM)) as custody:
        assert custody.stats().frames == 3
    with closing(Custody(file, ROOM)) as custody:
        assert custody.stats().frames == 1


def test_another_units_that_cannot_be_set_aside_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "relay.db"
    with closing(Custody(file, ROOM, "U1")) as custody:
        custody.take(b"1", label(), "10.0.0.1")
    with closing(Custody(file, ROOM, "U2")) as custody:
        with held(file):
            for tried in (custody.stats, lambda: custody.take(b"2", label(), "10.0.0.1")):
                with pytest.raises(OutboxError, match="busy"):
                    tried()
        assert custody.stats().frames == 0
    assert len(list(tmp_path.glob("relay.db.unit-*"))) == 1


def test_a_file_that_is_none_is_set_aside(tmp_path: Path) -> None:
    (tmp_path / "relay.db").write_bytes(b"this is no database, and long enough to be looked at" * 100)
    with closing(Custody(tmp_path / "relay.db", ROOM)) as custody:
        with pytest.raises(OSError, match=r"relay\.db"):
            custody.stats()
        custody.take(b"a frame", label(), "10.0.0.1")
        assert custody.stats().frames == 1
    assert len(list(tmp_path.glob("relay.db.corrupt-*"))) == 1


def test_a_file_that_is_none_and_cannot_be_set_aside_is_said(tmp_path: Path) -> None:
    (tmp_path / "relay.db").write_bytes(b"this is no database, and long enough to be looked at" * 100)
    with closing(Custody(tmp_path / "relay.db", ROOM)) as custody:
        with held(tmp_path / "relay.db"), pytest.raises(OutboxError, match="busy"):
            custody.stats()
        with pytest.raises(OutboxError, match="is there space"):
            custody.stats()
        assert custody.stats().frames == 0


def test_a_disk_that_has_become_read_only_is_said_and_nothing_is_lost(tmp_path: Path) -> None:
    """
    As of a worn memory card, which Linux then mounts so; another error would end the agent's threads.
    """
    with disk(tmp_path / "state", "4m") as state, closing(Custody(state / "relay.db", ROOM)) as custody:
        custody.take(b"a frame", label(), "10.0.0.1")
        custody.close()
        subprocess.run(["mount", "-o", "remount,ro", state], check=True)
        for tried in (custody.stats, lambda: custody.take(b"more", label(), "10.0.0.1"), lambda: custody.settle(1, "")):
            with pytest.raises(OutboxError, match=r"relay\.db"):
                tried()
        subprocess.run(["mount", "-o", "remount,rw", state], check=True)
        assert custody.stats().frames == 1


def test_what_the_centre_has_gives_way_to_what_comes(custody: Custody, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    It is kept for two minutes, and no longer than there is room; what waits is never dropped for it.
    """
    part = b"x" * (ROOM // AGENT_PART - OVERHEAD_BYTES - 1)
    custody.take(b"1" + part, label(newest_ms=1), "10.0.0.1")
    with pytest.raises(FullError):
        custody.take(b"2", label(newest_ms=2), "10.0.0.1")
    assert custody.confirm(custody.newest({})[0], "1790000000.00", "forwarded") == 0
    assert (custody.stats().frames, custody.stats().bytes) == (0, ROOM // AGENT_PART)
    custody.take(b"2", label(newest_ms=2), "10.0.0.1")
    assert (custody.stats().frames, custody.stats().bytes) == (1, 1 + OVERHEAD_BYTES)

    custody.confirm(custody.newest({})[0], "1790000000.00", "forwarded")
    real = time.monotonic
    monkeypatch.setattr("time.monotonic", lambda: real() + KEPT_MS / 1000 + 1)
    custody.take(b"3", label(newest_ms=3), "10.0.0.1")
    custody.confirm(custody.newest({})[0], "1790000000.00", "forwarded")
    assert custody.stats().bytes == 1 + OVERHEAD_BYTES
    assert custody.stats().counted == {"forwarded": 3}
