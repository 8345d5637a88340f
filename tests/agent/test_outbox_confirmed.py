"""What the centre has confirmed stays for two minutes, and waits again when the centre's store began anew."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from haidang_agent.outbox import Outbox
from haidang_agent.outbox_confirmed import KEPT_MS

from tests.agent.outboxes import NOW, at, backlog, fill, noise, times
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
    batch = backlog(outbox, most=most)
    assert batch is not None
    return outbox.confirm(batch.ids, since, now)


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
