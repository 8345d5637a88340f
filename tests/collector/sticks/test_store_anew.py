"""A part counts as taken, and its agent is told so, only when the store that took it is sure to keep it."""

from __future__ import annotations

import asyncio
import io
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import httpx
import pytest
from haidang_agent import outbox_export
from haidang_agent.credentials import Credentials
from haidang_agent.outbox import Outbox
from haidang_collector.app import create_app
from haidang_collector.ingest.store_start import StoreStart
from haidang_collector.registry.database import Database
from haidang_collector.registry.fleet_tables import ImportedFrame
from haidang_collector.settings import Settings
from haidang_collector.sticks import taking
from haidang_collector.sticks.file import frames
from haidang_collector.sticks.taking import SAFE_SECONDS, keep_marking, mark_safe
from haidang_collector.worker import Worker
from sqlalchemy import select, update
from starlette.testclient import TestClient

from tests.agent.outboxes import fill
from tests.agent.shipping import recent
from tests.collector.running import UNIT, add_agent, database_url
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from haidang_collector.sticks.file import Frame

FIRST, SECOND = "1790000000.00", "1790000500.00"


class Store(httpx.AsyncBaseTransport):
    """Takes everything, and says that it runs since `since`; empty: says nothing of it; `status` 0: nor anything."""

    def __init__(self) -> None:
        self.since = FIRST
        self.status = 200
        self.writes = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/metrics":
            if not self.status:
                raise httpx.ConnectError("refused")
            return httpx.Response(
                self.status, text=f"process_start_time_seconds {self.since}\n" if self.since else "up 1\n"
            )
        self.writes += 1
        return httpx.Response(204)


class City:
    """A registry with one agent, which exported one part, and the store of its collector."""

    def __init__(self, folder: Path) -> None:
        self.url = database_url(folder)
        self.settings = Settings(database_url=self.url, store_write_url="http://store.example/api/v1/write")
        self.store = Store()
        self.agent, self.bearer = add_agent(self.url)
        outbox = Outbox(folder / "outbox.db")
        fill(outbox, recent(3))
        out = io.BytesIO()
        outbox_export.write(outbox, Credentials(self.bearer.rpartition(".")[2], self.agent, UNIT), out, time.time())
        outbox.close()
        out.seek(0)
        self.part: Frame = next(frames(out))

    @contextmanager
    def collector(self, worker: int = 1) -> Iterator[TestClient]:
        """Started now: it asks the store since when it has been running."""
        app = create_app(self.settings, store_transport=self.store, worker=Worker(number=worker))
        with TestClient(app, base_url="http://127.0.0.1", client=("127.0.0.1", 50_000)) as client:
            yield client

    def is_stored(self, client: TestClient, **query: str) -> bool:
        """The part is brought; False: it counted as taken already."""
        before = self.store.writes
        answer = client.post("/api/v1/import", content=self.part.encode(), params=query).json()
        assert answer["again"] is (self.store.writes == before)
        return not answer["again"]

    def imported_long_ago(self) -> None:
        """Long enough for the part to be safe, but nobody has seen it yet."""
        with self.collector() as client:
            self.is_stored(client)
        with self.registry() as database, database.write() as session:
            earlier = datetime.now(UTC) - timedelta(seconds=SAFE_SECONDS + 5)
            session.execute(update(ImportedFrame).values(at=earlier))

    def told(self, client: TestClient) -> str:
        """What the agent hears of its export."""
        asked = {"Authorization": self.bearer, "Haidang-Export": self.part.export}
        return client.get("/api/v1/agent/config", headers=asked).headers["haidang-imported"]

    @contextmanager
    def registry(self) -> Iterator[Database]:
        database = Database(self.url)
        yield database
        database.close()


@pytest.fixture
def city(tmp_path: Path) -> City:
    return City(tmp_path)


def test_a_part_is_stored_again_where_the_store_began_anew_before_it_was_safe(city: City) -> None:
    with city.collector() as client:
        assert [city.is_stored(client), city.is_stored(client)] == [True, False]

    city.store.since = SECOND
    with city.collector() as client:
        assert [city.is_stored(client), city.is_stored(client)] == [True, False]


def test_an_agent_is_told_when_the_store_has_run_on_for_two_minutes(city: City) -> None:
    with city.collector() as client, city.registry() as database:
        city.is_stored(client)
        at = time.time()
        for since, later in ((FIRST, SAFE_SECONDS - 5), (SECOND, SAFE_SECONDS + 5)):
            mark_safe(database, since, at + later)
            assert city.told(client) == ""

        mark_safe(database, FIRST, at + SAFE_SECONDS + 5)
        assert city.told(client) == "0"


def test_what_was_safe_once_stays_so_when_the_store_begins_anew_and_can_be_stored_again(city: City) -> None:
    """As after a back-up of the store was restored."""
    with city.collector() as client, city.registry() as database:
        city.is_stored(client)
        mark_safe(database, FIRST, time.time() + SAFE_SECONDS + 5)

    city.store.since = SECOND
    with city.collector() as client:
        assert (city.is_stored(client), city.told(client)) == (False, "0")
        assert city.is_stored(client, again="true")
        assert city.told(client) == "", "until the store has run on for two minutes again"


def test_a_collector_sees_by_itself_that_parts_are_safe(city: City) -> None:
    """One that was started after the import, too."""
    city.imported_long_ago()

    with city.collector() as client:
        eventually("the part is safe", lambda: city.told(client) == "0", seconds=10, every=0.6)


def test_of_several_workers_one_sees_it_for_all(city: City) -> None:
    city.imported_long_ago()
    with city.collector(worker=2) as client:
        time.sleep(1.0)
        assert city.told(client) == ""

    with city.collector(worker=1) as client:
        eventually("the part is safe", lambda: city.told(client) == "0", seconds=10, every=0.6)


def test_where_nothing_is_to_be_marked_nothing_is_written(city: City) -> None:
    with city.collector() as client, city.registry() as database, city.registry() as other:
        city.is_stored(client)
        with other.write() as session:
            session.connection()
            mark_safe(database, FIRST, time.time())
            mark_safe(database, SECOND, time.time() + SAFE_SECONDS + 5)


def test_what_fails_otherwise_than_was_foreseen_is_told_and_does_not_end_it(
    city: City, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken(httpx.AsyncBaseTransport):
        asked = 0

        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            self.asked += 1
            if self.asked == 1:
                raise RuntimeError("a fault of the network's library")
            return await city.store.handle_async_request(request)

    async def marks() -> None:
        start = StoreStart(city.settings, Broken())
        task = asyncio.create_task(keep_marking(database, start))
        while not await asyncio.to_thread(is_safe):
            assert not task.done()
            await asyncio.sleep(0.05)
        task.cancel()

    def is_safe() -> bool:
        with database.read() as connection:
            return connection.scalars(select(ImportedFrame.store_since)).all() == [""]

    city.imported_long_ago()
    monkeypatch.setattr(taking, "LOOK_SECONDS", 1.1)
    with city.registry() as database:
        asyncio.run(asyncio.wait_for(marks(), 20))

    assert "agents are not told yet what came on sticks" in caplog.text
    assert "a fault of the network's library" in caplog.text


def test_parts_of_long_ago_are_forgotten_when_another_stick_comes(city: City) -> None:
    with city.collector() as client, city.registry() as database:
        city.is_stored(client)
        with database.write() as session:
            long_ago = datetime.now(UTC) - timedelta(days=91)
            session.execute(update(ImportedFrame).values(export="an old one", at=long_ago))
        city.is_stored(client)

        with database.read() as connection:
            assert connection.scalars(select(ImportedFrame.export)).all() == [city.part.export]


@pytest.mark.parametrize("status", [0, 429, 502, 503])
def test_a_store_that_is_to_say_it_is_waited_for(city: City, status: int) -> None:
    """Just after a power cut, say. Else the part would count as safe before it is on the store's disk."""
    with city.collector() as client:
        city.is_stored(client)

    city.store.status = status
    with city.collector() as client:
        answer = client.post("/api/v1/import", content=city.part.encode(), params={"again": "true"})
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
        assert (city.store.writes, city.told(client)) == (1, "")

        city.store.status, city.store.since = 200, SECOND
        deadline = time.monotonic() + 10
        while client.post("/api/v1/import", content=city.part.encode()).status_code != 200:
            assert time.monotonic() < deadline
            time.sleep(0.2)
        assert (city.store.writes, city.told(client)) == (2, "")


def test_what_is_safe_need_not_wait_for_the_store(city: City) -> None:
    with city.collector() as client, city.registry() as database:
        city.is_stored(client)
        mark_safe(database, FIRST, time.time() + SAFE_SECONDS + 5)

    city.store.status = 0
    with city.collector() as client:
        assert not city.is_stored(client)


def test_of_a_store_that_says_nothing_parts_are_safe_at_once(city: City) -> None:
    city.store.since = ""
    with city.collector() as client:
        assert [city.is_stored(client), city.is_stored(client)] == [True, False]
        assert city.told(client) == "0"
        assert city.is_stored(client, again="true")
