"""Alertmanager's posts, many at once: one transaction keeps what waited, and too many are refused, not lost."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from haidang_collector.incidents.finding import Wanted, count
from haidang_collector.incidents.intake import MOST_TOGETHER, MOST_WAITING, FullError, Intake
from haidang_collector.registry.database import Database
from haidang_collector.registry.incidents import Notification
from haidang_collector.settings import Settings
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from tests.collector.incidents.conftest import START, fill
from tests.collector.registry.filled import filled_database
from tests.collector.running import client_of
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import httpx
    from haidang_collector.registry.incidents import News
    from sqlalchemy.orm import Session


class Listener:
    """In the place of who plans messages: how much news each transaction had."""

    def __init__(self) -> None:
        self.told: list[int] = []

    def __call__(self, session: Session, news: Sequence[News], heard: object) -> None:
        del session, heard
        self.told.append(len(news))


@pytest.fixture
def database(tmp_path: Path, filled: Path) -> Iterator[Database]:
    with filled_database(f"sqlite:///{tmp_path / 'registry.db'}", filled, fill) as found:
        yield found


def post(*numbers: int) -> Notification:
    alerts: list[dict[str, Any]] = [
        {
            "status": "firing",
            "labels": {"alertname": f"A{number}", "unit": "U1", "severity": "critical"},
            "startsAt": (START + timedelta(seconds=number)).isoformat(),
            "endsAt": "0001-01-01T00:00:00Z",
            "fingerprint": f"f{number}",
        }
        for number in numbers
    ]
    return Notification.model_validate({"version": "4", "alerts": alerts})


def held(database: Database) -> closing[sqlite3.Connection]:
    """Another process that writes."""
    connection = sqlite3.connect(str(database.url.database), isolation_level=None, check_same_thread=False)
    connection.execute("BEGIN IMMEDIATE")
    return closing(connection)


def test_what_comes_while_another_writes_is_one_transaction(database: Database) -> None:
    listener = Listener()

    async def post_all() -> None:
        intake = Intake(database, listener)  # type: ignore[arg-type]
        with held(database):
            first = asyncio.create_task(intake.keep(post(0)))
            await _all_begin()
            others = [asyncio.create_task(intake.keep(post(number))) for number in range(1, 50)]
            await _all_begin()
        await asyncio.gather(first, *others)

    asyncio.run(post_all())
    assert count(database, Wanted()) == 50
    assert listener.told == [1, 49]


def test_many_alerts_are_several_transactions(database: Database) -> None:
    listener = Listener()

    async def post_all() -> None:
        intake = Intake(database, listener)  # type: ignore[arg-type]
        await asyncio.gather(*(intake.keep(post(number, number + 1)) for number in range(0, 2 * MOST_TOGETHER, 2)))

    asyncio.run(post_all())
    assert count(database, Wanted()) == 2 * MOST_TOGETHER
    assert sum(listener.told) == 2 * MOST_TOGETHER
    assert max(listener.told) <= MOST_TOGETHER


def test_more_than_can_wait_is_refused_and_what_waits_is_kept(database: Database) -> None:
    async def post_all() -> list[BaseException | None]:
        intake = Intake(database, None)
        with held(database):
            waiting = [
                asyncio.create_task(intake.keep(post(*range(first, first + MOST_TOGETHER))))
                for first in range(0, MOST_WAITING + MOST_TOGETHER, MOST_TOGETHER)
            ]
            await asyncio.sleep(0)
            with pytest.raises(FullError):
                await waiting.pop()
        kept = await asyncio.gather(*waiting, return_exceptions=True)
        await intake.keep(post(MOST_WAITING + MOST_TOGETHER))
        return kept

    assert set(asyncio.run(post_all())) == {None}
    assert count(database, Wanted()) == MOST_WAITING + 1


def test_a_post_that_is_larger_than_what_may_wait_is_kept_where_nothing_waits(database: Database) -> None:
    asyncio.run(Intake(database, None).keep(post(*range(MOST_WAITING + 1))))

    assert count(database, Wanted()) == MOST_WAITING + 1


def test_while_the_database_fails_each_is_told_so_and_then_goes_on(database: Database) -> None:
    async def post_all() -> None:
        intake = Intake(database, None)
        _rename(database, "incident", "hidden")
        failed = await asyncio.gather(*(intake.keep(post(number)) for number in range(5)), return_exceptions=True)
        assert all(isinstance(each, SQLAlchemyError) for each in failed)
        _rename(database, "hidden", "incident")
        await asyncio.gather(*(intake.keep(post(number)) for number in range(5)))

    asyncio.run(post_all())
    assert count(database, Wanted()) == 5


def test_who_hangs_up_takes_nobody_along(database: Database) -> None:
    async def post_all() -> None:
        intake = Intake(database, None)
        tasks = [asyncio.create_task(intake.keep(post(number))) for number in range(3)]
        await asyncio.sleep(0)
        tasks[0].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    asyncio.run(post_all())
    assert count(database, Wanted()) == 3


def test_alertmanager_is_asked_to_come_back_while_too_much_waits(tmp_path: Path) -> None:
    settings = Settings(database_url=f"sqlite:///{tmp_path / 'registry.db'}", operator_password="x")
    with client_of(settings) as client, ThreadPoolExecutor(1) as pool:
        client.auth = ("an", "x")

        def send(*numbers: int) -> httpx.Response:
            return client.post("/api/v1/alertmanager", json=json.loads(post(*numbers).model_dump_json()))

        registry = client.app.state.registry  # type: ignore[attr-defined]
        intake = client.app.state.intake  # type: ignore[attr-defined]
        with held(registry.database):
            first = pool.submit(send, *range(MOST_WAITING))
            eventually("all wait", lambda: intake._waiting == MOST_WAITING, seconds=10)
            refused = send(MOST_WAITING)
        kept = first.result()
        again = send(MOST_WAITING)

        assert (refused.status_code, refused.headers["Retry-After"]) == (503, "5")
        assert (kept.status_code, again.status_code) == (200, 200)
        assert count(registry.database, Wanted()) == MOST_WAITING + 1


async def _all_begin() -> None:
    """Whatever was asked for gets as far as it can without waiting for the database."""
    for _ in range(5):
        await asyncio.sleep(0)


def _rename(database: Database, old: str, new: str) -> None:
    with database.write() as session:
        session.execute(text(f"ALTER TABLE {old} RENAME TO {new}"))
