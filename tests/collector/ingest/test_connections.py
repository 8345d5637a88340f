from __future__ import annotations

import asyncio
import contextlib
import ssl
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import httpx
import pytest
from haidang_collector.ingest.connections import LONGEST_BODY, LONGEST_HEAD, KeptConnections

from tests.agent.intrusion.authority import Authority
from tests.servers import free_port

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Sequence
    from pathlib import Path

NO_CONTENT = b"HTTP/1.1 204 No Content\r\n\r\n"
SAID = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 4\r\n\r\nsaid"


@dataclass
class Store:
    """Says one answer after the other, whatever is asked; b"" closes the connection, and is no answer."""

    answers: list[bytes]
    connections: int = 0
    serving: int = 0
    quiet: asyncio.Event = field(default_factory=asyncio.Event)
    requests: list[bytes] = field(default_factory=list)
    port: int = 0

    def __post_init__(self) -> None:
        self.quiet.set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.serving += 1
        self.quiet.clear()
        with self._leaving(writer), contextlib.suppress(asyncio.IncompleteReadError, OSError):
            while self.answers:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
                self.requests.append(head + await reader.readexactly(length))
                answer = self.answers.pop(0)
                writer.write(answer)
                if not answer or (b"content-length" not in answer.lower() and answer != NO_CONTENT):
                    break

    @contextlib.contextmanager
    def _leaving(self, writer: asyncio.StreamWriter) -> Iterator[None]:
        try:
            yield
        finally:
            writer.close()
            self.serving -= 1
            if not self.serving:
                self.quiet.set()


@contextlib.asynccontextmanager
async def answering(*answers: bytes, tls: ssl.SSLContext | None = None) -> AsyncIterator[Store]:
    store = Store(list(answers))
    server = await asyncio.start_server(store.serve, "127.0.0.1", 0, ssl=tls)
    store.port = server.sockets[0].getsockname()[1]
    async with server:
        yield store
        await store.quiet.wait()


async def ask(network: KeptConnections, port: int, url: str = "http://127.0.0.1:{}/api/v1/write") -> httpx.Response:
    return await network.handle_async_request(httpx.Request("POST", url.format(port), content=b"payload"))


def asked(answers: Sequence[bytes], times: int = 1, *, seconds: float = 20) -> tuple[list[httpx.Response], Store]:
    """The answers to so many requests, one after the other."""

    async def run() -> tuple[list[httpx.Response], Store]:
        async with answering(*answers) as store, contextlib.aclosing(KeptConnections(2, seconds)) as network:
            return [await ask(network, store.port) for _ in range(times)], store

    return asyncio.run(run())


def test_a_connection_serves_many_requests() -> None:
    answers, store = asked([NO_CONTENT, SAID, NO_CONTENT], 3)

    assert [(each.status_code, each.text) for each in answers] == [(204, ""), (400, "said"), (204, "")]
    assert store.connections == 1
    assert all(each.endswith(b"\r\n\r\npayload") for each in store.requests)


def test_a_connection_that_the_store_closed_meanwhile_is_replaced() -> None:
    """
    The request goes out on the old one, nothing comes back, and it is asked again.
    """
    answers, store = asked([NO_CONTENT, b"", NO_CONTENT], 2)

    assert [each.status_code for each in answers] == [204, 204]
    assert store.connections == 2


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (
            b"HTTP/1.1 500 Oh\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbad \r\n6;x=y\r\nsample\r\n0\r\n\r\n",
            "bad sample",
        ),
        (b"HTTP/1.1 500 Oh\r\n\r\nto the end", "to the end"),
        (b"HTTP/1.1 103 Soon\r\nLink: x\r\n\r\nHTTP/1.1 500 Oh\r\n\r\nannounced", "announced"),
        (b"HTTP/1.0 500 Oh\r\nContent-Length: 3\r\n\r\nold", "old"),
        (b"HTTP/1.1 500 Oh\r\nConnection: close\r\ncontent-length:3\r\n\r\nbye", "bye"),
        (b"HTTP/1.1 500 Oh\r\n\r\n" + b"x" * (LONGEST_BODY + 9), "x" * 100),
    ],
    ids=["chunked", "without length", "announced", "HTTP/1.0", "close", "endless"],
)
def test_what_the_store_says_is_read_however_it_says_it(answer: bytes, text: str) -> None:
    answers, store = asked([answer, NO_CONTENT], 2)

    assert answers[0].text[:100] == text
    assert len(answers[0].content) <= LONGEST_BODY
    assert (answers[1].status_code, store.connections) == (204, 2)


def chunked(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)


def with_length(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)


@pytest.mark.parametrize("said", [chunked, with_length])
def test_who_expects_a_long_answer_gets_all_of_it_by_a_client(said: Callable[[bytes], bytes]) -> None:
    body = b"x" * (LONGEST_BODY + 9)

    async def run() -> bytes:
        async with (
            answering(said(body)) as store,
            httpx.AsyncClient(transport=KeptConnections(1, 20, longest=len(body))) as client,
        ):
            url = f"http://127.0.0.1:{store.port}/api/v1/query"
            async with client.stream("POST", url, content=b"payload") as answer:
                return b"".join([part async for part in answer.aiter_bytes()])

    assert asyncio.run(run()) == body


def test_what_the_store_says_unasked_is_no_answer() -> None:
    """Taken for the next one's, a 204 would let an agent forget what was never stored."""
    answers, store = asked([NO_CONTENT + SAID, NO_CONTENT], 2)

    assert [each.status_code for each in answers] == [204, 204]
    assert store.connections == 2


def test_what_comes_in_pieces_and_without_a_length_is_read_to_the_end() -> None:
    async def in_pieces(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"payload")
        for piece in (b"HTTP/1.0 500 Oh\r\n\r\ntoo old", b" sample"):
            writer.write(piece)
            await asyncio.sleep(0.05)
        writer.close()

    async def run() -> str:
        async with (
            await asyncio.start_server(in_pieces, "127.0.0.1", 0) as server,
            contextlib.aclosing(KeptConnections(1, 20)) as network,
        ):
            return (await ask(network, server.sockets[0].getsockname()[1])).text

    assert asyncio.run(run()) == "too old sample"


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (b"SSH-2.0-OpenSSH\r\n\r\n", httpx.RemoteProtocolError),
        (b"HTTP/1.1 abc\r\n\r\n", httpx.RemoteProtocolError),
        (b"HTTP/1.1 204 No\r\nno header\r\n\r\n", httpx.RemoteProtocolError),
        (b"HTTP/1.1 204 No\r\nA: b", httpx.RemoteProtocolError),
        (b"HTTP/1.1 204 No\r\nA: " + b"b" * LONGEST_HEAD + b"\r\n\r\n", httpx.RemoteProtocolError),
        (b"HTTP/1.1 400 No\r\nContent-Length: -4\r\n\r\n", httpx.RemoteProtocolError),
        (b"HTTP/1.1 400 No\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", httpx.RemoteProtocolError),
        (b"HTTP/1.1 400 No\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nshort", httpx.RemoteProtocolError),
        (b"HTTP/1.1 400 No\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1" * 2 * LONGEST_HEAD, httpx.RemoteProtocolError),
        (b"", httpx.ReadError),
    ],
)
def test_no_answer_of_http_is_an_error(answer: bytes, error: type[httpx.HTTPError]) -> None:
    with pytest.raises(error):
        asked([answer])


def test_a_store_that_keeps_us_waiting_is_left() -> None:
    with pytest.raises(httpx.ReadTimeout):
        asked([b"HTTP/1.1 400 No\r\nContent-Length: 4\r\n\r\n", b""], seconds=2)


@pytest.mark.parametrize("url", ["http://127.0.0.1:{}/", "https://127.0.0.1:{}/"])
def test_nobody_there_is_a_connection_error(url: str) -> None:
    with pytest.raises(httpx.ConnectError):
        asyncio.run(ask(KeptConnections(1, 5), free_port(), url))


def test_a_store_whose_certificate_nobody_vouches_for_is_not_written_to(tmp_path: Path) -> None:
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(Authority(tmp_path, "unknown").issue("127.0.0.1"))

    async def run() -> bytes:
        async with answering(NO_CONTENT, tls=tls) as store, contextlib.aclosing(KeptConnections(1, 5)) as network:
            with pytest.raises(httpx.ConnectError):
                await ask(network, store.port, "https://127.0.0.1:{}/")
            return b"".join(store.requests)

    assert asyncio.run(run()) == b""


def test_name_and_password_of_the_address_go_along() -> None:
    async def run() -> bytes:
        async with answering(NO_CONTENT) as store, contextlib.aclosing(KeptConnections(1, 5)) as network:
            await ask(network, store.port, "http://haidang:m%20k@127.0.0.1:{}/api/v1/write?x=1")
            return store.requests[0]

    request = asyncio.run(run())
    assert request.startswith(b"POST /api/v1/write?x=1 HTTP/1.1\r\n")
    assert b"\r\nAuthorization: Basic aGFpZGFuZzptIGs=\r\n" in request


def test_who_gets_no_turn_is_told_so_and_takes_nobodys_place() -> None:
    async def run() -> list[int]:
        asked, answering_now, gone = asyncio.Event(), asyncio.Event(), asyncio.Event()

        async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with contextlib.suppress(asyncio.IncompleteReadError):
                while True:
                    await reader.readuntil(b"payload")
                    asked.set()
                    await answering_now.wait()
                    writer.write(NO_CONTENT)
            writer.close()
            gone.set()

        async with await asyncio.start_server(slow, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            async with contextlib.aclosing(KeptConnections(1, 3600, turn_seconds=0.05)) as network:
                first = asyncio.create_task(ask(network, port))
                await asked.wait()
                for _ in range(3):
                    with pytest.raises(httpx.PoolTimeout):
                        await ask(network, port)
                answering_now.set()
                statuses = [(await first).status_code, (await ask(network, port)).status_code]
            await gone.wait()
        return statuses

    assert asyncio.run(run()) == [204, 204]


def test_no_more_are_asked_at_once_than_allowed() -> None:
    async def run() -> int:
        async with answering(*[NO_CONTENT] * 10) as store, contextlib.aclosing(KeptConnections(2, 20)) as network:
            await asyncio.gather(*(ask(network, store.port) for _ in range(10)))
            return store.connections

    assert asyncio.run(run()) <= 2
