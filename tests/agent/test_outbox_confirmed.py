"""What the centre has confirmed stays for two minutes, and waits again when the centre's store began anew."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from haidang_agent import outbox_file
from haidang_agent.outbox import Outbox
from haidang_agent.outbox_confirmed import KEPT_MS
from haidang_agent.stamp import Stamp

from tests.agent.outboxes import DAY, NOW, at, backlog, fill, noise, snapshot, times
from tests.agent.scripted_centre import CONFIG, Asked, Say, scripted_centre
from tests.agent.shipping import drained, recent, shipping
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SINCE, LATER = "1790000000.25", "1790000900.00"


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    with closing(Outbox(tmp_path / "outbox.db")) as box:
        yield box


def confirm(outbox: Outbox, most: int, *, since: str = SINCE, now: int = NOW) -> int:
    batch = backlog(outbox)
    assert batch is not None
    return outbox.confirm(batch.ids[:most], since, now)


def test_confirmed_waits_no_more(outbox: Outbox) -> None:
    fill(outbox, [NOW, NOW + 1, NOW + 2])

    assert confirm(outbox, 2) == 0
    assert outbox.stats().snapshots == 1
    assert outbox.stats().oldest_timestamp == (NOW + 2) / 1000
    assert times(outbox) == [NOW + 2]
    assert outbox.newest() is None


def test_another_store_makes_all_of_it_wait_again(tmp_path: Path) -> None:
    """
    Also where the agent was started anew in between; but not what that other store has confirmed itself.
    """
    with closing(Outbox(tmp_path / "outbox.db")) as before:
        fill(before, [NOW, NOW + 1, NOW + 2])
        confirm(before, 2)
    with closing(Outbox(tmp_path / "outbox.db")) as outbox:
        assert outbox.stats().snapshots == 1
        assert confirm(outbox, 1, since=LATER) == 2
        assert confirm(outbox, 1, since=LATER) == 0

        assert times(outbox) == [NOW + 1]
        assert outbox.stats().lost == {}


def test_it_goes_when_the_store_has_confirmed_more_two_minutes_later(tmp_path: Path) -> None:
    """
    Not before: a centre that was away for an hour may come back with an empty store.
    """
    path = tmp_path / "outbox.db"
    with closing(Outbox(path)) as outbox, closing(sqlite3.connect(path)) as file:
        fill(outbox, [NOW, NOW + 1, NOW + 2])
        confirm(outbox, 1)
        outbox.append(noise(1, 1), at(NOW + 3_600_000), {})
        assert file.execute("SELECT count(*) FROM snapshot").fetchone() == (4,)
        confirm(outbox, 1, now=NOW + KEPT_MS)
        assert file.execute("SELECT count(*) FROM snapshot").fetchone() == (4,)
        confirm(outbox, 1, now=NOW + KEPT_MS + 1)
        assert file.execute("SELECT count(*) FROM snapshot").fetchone() == (3,)


def test_it_gives_way_before_anything_that_waits(tmp_path: Path) -> None:
    with closing(Outbox(tmp_path / "outbox.db", max_bytes=1 << 20)) as outbox:
        for number in range(60):
            outbox.append(noise(1000, number), at(NOW + number), {})
        confirm(outbox, 50)
        for number in range(60, 130):
            outbox.append(noise(1000, number), at(NOW + number), {})

        assert outbox.stats().lost == {}
        assert confirm(outbox, 1, since=LATER) == 0, "it had to go"
        assert times(outbox) == list(range(NOW + 51, NOW + 130))


def test_an_agent_that_does_not_know_of_it_sends_it_once_more(tmp_path: Path) -> None:
    """
    After a rollback. What it has removed meanwhile is not missed by the newer one.
    """
    path = tmp_path / "outbox.db"
    with closing(Outbox(path)) as outbox:
        fill(outbox, [NOW, NOW + 1])
        confirm(outbox, 2)
    with closing(sqlite3.connect(path)) as old, old:
        assert old.execute("SELECT count(*) FROM snapshot").fetchone() == (2,)
        old.execute("DELETE FROM snapshot")
    with closing(Outbox(path)) as outbox:
        fill(outbox, [NOW + 2])
        assert outbox.stats().snapshots == 1
        assert confirm(outbox, 1, since=LATER) == 0


def test_the_shipper_brings_again_what_the_store_may_have_lost(outbox: Outbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("haidang_agent.shipper.AGAIN_SPREAD_SECONDS", 0.2)
    when = recent(5)
    since = SINCE

    def answer(asked: Asked) -> Say:
        return Say() if asked.path == CONFIG else Say(headers={"Haidang-Store-Since": since})

    fill(outbox, when[:4])
    with scripted_centre() as centre:
        centre.answer = answer
        with shipping(outbox, centre.url) as shipper:
            drained(outbox, seconds=60)
            since = LATER
            fill(outbox, when[4:])
            shipper.wake()
            eventually("they came again", lambda: len(centre.writes) >= 4, seconds=60)
            drained(outbox, seconds=60)
        sent = [write.times for write in centre.writes if "haidang-goodbye" not in write.headers]
    assert sent == [when[3:4], when[:3], when[4:], when[:4]]


def test_a_centre_that_does_not_say_so_is_believed_at_once(outbox: Outbox, tmp_path: Path) -> None:
    with scripted_centre() as centre:
        fill(outbox, recent(3))
        centre.answer = lambda asked: Say(headers={} if asked.path == CONFIG else {"Haidang-Store-Since": "today"})
        with shipping(outbox, centre.url):
            drained(outbox, seconds=60)
    with closing(sqlite3.connect(tmp_path / "outbox.db")) as file:
        assert file.execute("SELECT count(*) FROM snapshot").fetchone() == (0,)


def test_a_centre_whose_clock_is_put_back_loses_nothing(outbox: Outbox) -> None:
    fill(outbox, [NOW - 15_000, NOW])
    confirm(outbox, 2)
    back = NOW - 60_000

    outbox.restamp("b1", now_ms=back, offset_ms=-60_000, started_ms=0, wall_less_monotonic_ms=0)

    stamps = (Stamp(back + 1 + number, "b1", NOW + 1 + number, 0) for number in range(6))
    assert all(outbox.append(snapshot(1.0, 1.0), stamp, {}) for stamp in stamps)
    assert outbox.stats().lost == {}


def test_what_the_centre_has_keeps_its_time_when_its_clock_is_put_back(outbox: Outbox) -> None:
    for moment in (NOW - 15_000, NOW):
        outbox.append(snapshot(1.0, 1.0), Stamp(moment, "b1", moment, moment), {})
    confirm(outbox, 2)

    outbox.restamp("b1", now_ms=NOW - 600_000, offset_ms=-600_000, started_ms=0, wall_less_monotonic_ms=0)
    outbox.append(snapshot(1.0, 1.0), Stamp(NOW - 500_000, "b1", NOW + 100_000, 0), {})
    newest = outbox.newest()
    assert newest is not None
    outbox.confirm(newest.ids, LATER, NOW - 500_000)

    assert times(outbox)[:2] == [NOW - 15_000, NOW]


def test_what_the_centre_has_is_not_lost_by_age(tmp_path: Path) -> None:
    with closing(Outbox(tmp_path / "outbox.db")) as before:
        fill(before, [NOW + number * 15_000 for number in range(9)])
        confirm(before, 9, now=NOW + 121_000)
    later = NOW + 70 * DAY
    with closing(Outbox(tmp_path / "outbox.db")) as outbox:
        fill(outbox, [later])
        newest = outbox.newest()
        assert newest is not None

        assert outbox.confirm(newest.ids, LATER, later) == 0
        assert outbox.stats().lost == {}


def test_what_another_agent_had_confirmed_is_not_brought_in_the_new_ones_name(outbox: Outbox) -> None:
    outbox.belong_to("a-1", "U1")
    fill(outbox, [NOW, NOW + 1])
    confirm(outbox, 1)

    outbox.belong_to("a-1", "U1")
    assert confirm(outbox, 1, since=LATER) == 1

    confirm(outbox, 1, since=LATER)
    outbox.belong_to("a-2", "U1")
    fill(outbox, [NOW + 2])
    newest = outbox.newest()
    assert newest is not None
    assert outbox.confirm(newest.ids, SINCE, NOW) == 0


def test_nor_is_the_rest_of_it_where_it_is_more_than_one_transaction_may_remove(tmp_path: Path) -> None:
    small = 1 << 20
    many = 2 * outbox_file.rows_at_once(small) + 1
    with closing(Outbox(tmp_path / "outbox.db", max_bytes=small)) as outbox:
        outbox.belong_to("a-1", "U1")
        fill(outbox, list(range(NOW, NOW + many)))
        confirm(outbox, many)

        outbox.belong_to("a-2", "U1")
        with outbox.transaction() as database:
            kept = database.execute("SELECT (SELECT count(*) FROM snapshot), count(*) FROM confirmed").fetchone()

    assert kept == (0, 0)
