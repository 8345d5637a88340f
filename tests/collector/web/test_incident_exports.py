"""Exports of incidents where the database goes away: before the first byte, and after it."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import httpx
import pytest
import uvicorn
from haidang_collector.app import create_app
from haidang_collector.incidents import finding
from sqlalchemy import text

from tests.servers import free_port
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from tests.collector.web.conftest import Web

GONE, BACK = "ALTER TABLE incident RENAME TO gone", "ALTER TABLE gone RENAME TO incident"


def execute(web: Web, statement: str) -> None:
    with web.registry.database.write() as session:
        session.execute(text(statement))


@contextmanager
def listening(app: ASGIApp) -> Iterator[str]:
    """The application behind uvicorn, as in earnest: what a connection is told of an error is the server's doing."""
    server = uvicorn.Server(uvicorn.Config(app, port=free_port(), log_config=None, ws="none"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        eventually("uvicorn listens", lambda: server.started, seconds=20)
        yield f"http://127.0.0.1:{server.config.port}"
    finally:
        server.should_exit = True
        thread.join()


@pytest.mark.parametrize("ending", ["csv", "json"])
def test_an_export_that_cannot_begin_says_so(city: Web, ending: str) -> None:
    city.alert("DOWN")
    execute(city, GONE)

    answer = city.client.get(f"/incidents.{ending}")

    assert answer.status_code == 503
    assert answer.headers["content-type"].startswith("text/html")
    assert "content-disposition" not in answer.headers
    execute(city, BACK)
    assert city.client.get(f"/incidents.{ending}").status_code == 200


@pytest.mark.parametrize("ending", ["csv", "json"])
def test_an_export_that_breaks_off_does_not_end_as_a_whole_one(
    city: Web, ending: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(finding, "BATCH", 2)
    for number in range(5):
        city.alert("DOWN", name=f"A{number}")
    app = create_app(city.settings, store_transport=httpx.MockTransport(city.answer))

    async def breaking(scope: Scope, receive: Receive, send: Send) -> None:
        is_there = True

        async def send_and_break(message: Message) -> None:
            nonlocal is_there
            await send(message)
            if message["type"] == "http.response.body" and is_there:
                is_there = False
                execute(city, GONE)

        await app(scope, receive, send_and_break)

    got: list[bytes] = []
    with (
        listening(breaking) as url,
        httpx.stream("GET", f"{url}/incidents.{ending}") as answer,
        pytest.raises(httpx.RemoteProtocolError, match="incomplete"),
    ):
        got.extend(answer.iter_bytes())

    assert answer.status_code == 200
    assert got
