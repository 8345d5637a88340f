"""Since when the store has been running: read from itself, told with each answer, never guessed."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import httpx
from haidang_collector.ingest.store_start import FRESH_SECONDS, StoreStart
from haidang_collector.settings import Settings

from tests.collector import remote_write as rw
from tests.collector.running import add_agent, client_of, database_url
from tests.servers import prometheus

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

HEADER = "Haidang-Store-Since"


def told(answers: Sequence[httpx.Response | Exception]) -> list[str]:
    """What agents would hear after each of these answers of the store, ten seconds apart."""
    return [heard for heard, _ in after_each(answers)]


def tells(answers: Sequence[httpx.Response | Exception]) -> list[bool]:
    return [tells for _, tells in after_each(answers)]


def after_each(answers: Sequence[httpx.Response | Exception]) -> list[tuple[str, bool]]:
    async def all_told() -> list[tuple[str, bool]]:
        heard = []
        for now[0] in range(0, 10 * len(answers), 10):
            await start.read()
            heard.append(((await start.header()).get(HEADER, ""), start.tells))
        return heard

    def answer(_: httpx.Request) -> httpx.Response:
        said = answers[now[0] // 10]
        if isinstance(said, Exception):
            raise said
        return said

    now = [0]
    start = StoreStart(Settings(), httpx.MockTransport(answer), lambda: now[0])
    return asyncio.run(all_told())


def since(text: str, status: int = 200) -> httpx.Response:
    return httpx.Response(status, text=f"# TYPE x gauge\nprocess_start_time_seconds {text}\nprometheus_x 1\n")


def test_a_real_store_that_was_killed_began_anew(tmp_path: Path) -> None:
    async def both() -> tuple[str, str, str]:
        start = StoreStart(Settings(store_write_url=store.write_url))
        heard = []
        for change in (lambda: None, store.kill, store.start):
            await asyncio.to_thread(change)
            await start.read()
            heard.append((await start.header())[HEADER])
        await start.close()
        return heard[0], heard[1], heard[2]

    before = time.time()
    with prometheus(tmp_path) as store:
        first, away, second = asyncio.run(both())

    assert abs(float(first) - before) < 60
    assert away == first, "what is away may have lost nothing yet"
    assert float(second) > float(first)


def test_what_cannot_be_read_is_not_told_for_long() -> None:
    gone = httpx.ConnectError("refused")
    assert told([since("1.79e+09"), gone, gone]) == ["1790000000.00", "1790000000.00", ""]
    assert FRESH_SECONDS < 20


def test_no_start_is_no_start() -> None:
    answers = [httpx.Response(200, text="up 1\n"), since("1.79e+09", 404), since("e.e"), since("NaN"), since("")]
    assert told(answers) == [""] * len(answers)


def test_one_that_was_heard_once_or_does_not_answer_yet_tells() -> None:
    gone, silent, hidden, broken = httpx.ConnectError("refused"), httpx.Response(200), since("1", 401), since("1", 502)

    assert tells([gone, silent, broken, hidden, gone]) == [True, False, True, False, True]
    assert tells([since("1"), gone, gone, silent]) == [True] * 4
    assert tells([since("1"), since("2"), since("1"), gone]) == [True, True, False, False], "several stores never do"


def test_two_stores_behind_one_address_tell_nothing() -> None:
    """
    Else agents would bring everything again every few seconds.
    """
    assert told([since("1"), since("2"), since("1"), since("2")]) == ["1.00", "2.00", "", ""]


def test_a_cluster_is_not_asked() -> None:
    def never(request: httpx.Request) -> httpx.Response:
        raise AssertionError(request.url)

    settings = Settings(store="mimir", store_write_url="http://127.0.0.1:9009/api/v1/push")
    start = StoreStart(settings, httpx.MockTransport(never))
    asyncio.run(start.keep_reading())
    assert asyncio.run(start.header()) == {}


def test_every_push_that_was_stored_hears_it(tmp_path: Path) -> None:
    """
    The first one too. What is told is what was known before the store took it: it may have begun anew since.
    """

    def store(request: httpx.Request) -> httpx.Response:
        return since("1.79e+09") if request.method == "GET" else httpx.Response(204)

    url = database_url(tmp_path)
    _, authorization = add_agent(url)
    body, headers = rw.snappy(rw.simple("up", 1, time.time())), rw.HEADERS | {"Authorization": authorization}
    with client_of(Settings(database_url=url), store=httpx.MockTransport(store)) as client:
        answers = [client.post("/api/v1/write", content=body, headers=headers) for _ in range(2)]

    assert [(answer.status_code, answer.headers[HEADER]) for answer in answers] == [(204, "1790000000.00")] * 2


def test_a_store_whose_clock_was_put_right_twice_is_one_store() -> None:
    now, says = [0.0], ["1000"]

    async def after_weeks() -> dict[str, str]:
        for now[0], says[0] in ((0.0, "1000"), (86_400.0, "1001"), (20 * 86_400.0, "1000")):
            await start.read()
        return await start.header()

    start = StoreStart(Settings(), httpx.MockTransport(lambda _: since(says[0])), lambda: now[0])

    assert asyncio.run(after_weeks()) == {HEADER: "1000.00"}


def test_a_store_that_keeps_it_to_itself_is_not_asked_at_each_push() -> None:
    asked = 0

    def store(_: httpx.Request) -> httpx.Response:
        nonlocal asked
        asked += 1
        return httpx.Response(401)

    async def pushes() -> list[dict[str, str]]:
        return [await start.header() for _ in range(200)]

    start = StoreStart(Settings(), httpx.MockTransport(store), lambda: 0.0)

    assert asyncio.run(pushes()) == [{}] * 200
    assert asked == 1
