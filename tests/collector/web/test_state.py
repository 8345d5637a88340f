"""What the store of measurements may do to the pages: nothing but be unknown."""

from __future__ import annotations

import asyncio
import gzip
import itertools
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import httpx
import pytest
from haidang_collector.web import state
from haidang_collector.web.state import MOST_ANSWER_BYTES, Measurements, Series, UnansweredError

if TYPE_CHECKING:
    from collections.abc import Iterator

PIECE = b" " * (256 << 10)
SAYS_ONE = b'{"data": {"result": [{"metric": {"unit": "A"}, "value": [0, "1"]}]}}'


class Store:
    """A store on loopback. `says`: the pieces of its answer, one at a time; `sent`: how many bytes it got rid of."""

    def __init__(self, says: Iterator[bytes], encoding: str = "") -> None:
        self.says, self.encoding, self.sent = says, encoding, 0
        self.url = ""

    async def asked(self) -> list[Series]:
        async with httpx.AsyncClient(trust_env=False) as client:
            return await Measurements(client, self.url).query("up")

    @contextmanager
    def serving(self) -> Iterator[Store]:
        store = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(200)
                if store.encoding:
                    self.send_header("Content-Encoding", store.encoding)
                self.end_headers()
                for piece in store.says:
                    try:
                        self.wfile.write(piece)
                    except ConnectionError:
                        return
                    store.sent += len(piece)

            def log_message(self, *_: object) -> None:
                """The test looks at what came back."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield self
        finally:
            server.shutdown()
            thread.join()
            server.server_close()


def told(says: Iterator[bytes], encoding: str = "") -> list[Series]:
    with Store(says, encoding).serving() as store:
        return asyncio.run(store.asked())


def test_an_answer_in_pieces_is_read() -> None:
    assert told(iter([SAYS_ONE[:20], PIECE * 8, SAYS_ONE[20:]])) == [({"unit": "A"}, 1.0)]


def test_an_endless_answer_is_given_up() -> None:
    with Store(itertools.repeat(PIECE)).serving() as store:
        with pytest.raises(UnansweredError, match="more than 16 MiB"):
            asyncio.run(store.asked())

        assert store.sent < 2 * MOST_ANSWER_BYTES


def test_a_little_that_becomes_much_is_not_unpacked() -> None:
    with pytest.raises(UnansweredError, match="compresses"):
        told(iter([gzip.compress(SAYS_ONE + PIECE * 400)]), "gzip")


def test_an_answer_that_takes_for_ever_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Each piece comes in time, the end never.
    """
    monkeypatch.setattr(state, "ANSWER_SECONDS", 0.5)
    slow = threading.Event()

    def drops() -> Iterator[bytes]:
        while not slow.wait(0.05):
            yield b" "

    with pytest.raises(UnansweredError):
        told(drops())
    slow.set()


@pytest.mark.parametrize("text", [b"[" * 100_000, b'{"data": {"result": [[]]}}', b"\xff", b""], ids=range(4))
def test_what_is_no_answer(text: bytes) -> None:
    with pytest.raises(UnansweredError):
        told(iter([text]))
