"""The relay's port: passes connections on to the collector and nowhere else, and takes frames into custody.

Bounded whatever comes: connections in all and by address, bytes and time of a head, bytes and time of a body, silence
in a tunnel. One thread with an event loop, for most of its connections only wait.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import ipaddress
import logging
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from haidang_agent.listening import AGAIN_SECONDS, Port
from haidang_agent.outbox import OutboxError
from haidang_agent.relay import frame as frames
from haidang_agent.relay.custody import FullError
from haidang_agent.relay.deposits import PATH, PROOF_HEADER, RECEIPT_HEADER
from haidang_agent.relay.dialler import Dialler
from haidang_agent.relay.request import HEAD_BYTES, PHRASES, Head, RefusalError, answer, read_body, read_head
from haidang_agent.relay.tunnel import authority

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from haidang_agent.relay.custody import Custody
    from haidang_agent.relay.dialler import Collector
    from haidang_agent.relay.settings import Networks

log = logging.getLogger(__name__)

MOST_CONNECTIONS, MOST_OF_ADDRESS = 256, 64
"""A computer room behind a router of its own is one address."""
MOST_TURNED_AWAY = 16
"""Of those that there is no place for, so many at a time are given the time to read why."""
BODIES_AT_ONCE, BODIES_OF_ADDRESS = 8, 2
IDLE_SECONDS = 120.0
"""Agents push every 15 s at least; half of a connection whose other half has gone would stay for ever."""
OK = 200
CHUNK_BYTES = 1 << 16
LINGER_SECONDS = 1.0
CLOSE_SECONDS = 10.0
NOBODY = ipaddress.ip_address("0.0.0.0")


class Door:
    """Listens from the start on, or as soon as the machine has the address; `start()` answers.

    Raises OSError where it cannot listen.
    """

    def __init__(
        self, listen: str, collector: Collector, networks: Networks, custody: Custody,
        unit_key: Callable[[], bytes], on_taken: Callable[[], object],
    ) -> None:  # fmt: skip
        """`networks` are those of the machines that may come in; `on_taken` is called when a frame is on the disk."""
        self._dialler = Dialler(collector)
        self._networks = networks
        self._custody = custody
        self._unit_key = unit_key
        self._on_taken = on_taken
        self._target = authority(*collector).lower()
        self._open: Counter[str] = Counter()
        self._bodies: Counter[str] = Counter()
        self._turned_away = 0
        self.answers = Counter(dict.fromkeys((OK, *PHRASES), 0))
        """What was asked here since the start, by the status answered."""
        self._listen_at = Port("[relay] listen", listen)
        self._socket = self._listen_at.open()
        self._loop = asyncio.new_event_loop()
        self._stopping = asyncio.Event()
        self._disk = ThreadPoolExecutor(1, "relay disk")
        self._thread = threading.Thread(target=self._run, name="relay", daemon=True)

    @property
    def port(self) -> int | None:
        """None before it listens."""
        return self._listen_at.number

    @property
    def connections(self) -> int:
        """That are open now."""
        return sum(list(self._open.values()))

    def start(self) -> None:
        self._thread.start()

    def stop(self, deadline_seconds: float) -> None:
        """Connections are cut; the agents behind come back when the relay does."""
        if self._thread.ident is None:
            if self._socket is not None:
                self._socket.close()
            self._loop.close()
            return
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join(deadline_seconds)

    def _run(self) -> None:
        self._loop.run_until_complete(self._listen())
        self._disk.shutdown()
        self._loop.close()

    async def _listen(self) -> None:
        while self._socket is None:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), AGAIN_SECONDS)
                return
            self._socket = self._listen_at.open()
        server = await asyncio.start_server(self._welcome, sock=self._socket, limit=HEAD_BYTES)
        await self._stopping.wait()
        server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _welcome(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        address = _address(writer)
        try:
            await self._let_in(address, reader, writer)
        except (OSError, asyncio.IncompleteReadError) as left:
            log.debug("a connection to the relay ended: %r", left)
        except asyncio.CancelledError:  # the relay stops; asyncio.streams would log it as a fault
            log.debug("a connection to the relay was cut")
        finally:
            writer.close()

    async def _let_in(self, address: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with self._place(address):
                try:
                    await self._serve(address, reader, writer)
                finally:
                    await _close(writer)
        except RefusalError as refused:
            self._tell(writer, refused.status, {}, str(refused))
            if self._turned_away < MOST_TURNED_AWAY:
                self._turned_away += 1
                try:
                    await _linger(reader, writer)
                finally:
                    self._turned_away -= 1

    async def _serve(self, address: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await read_head(reader)
            if head.method == "CONNECT":
                await self._tunnel(head, reader, writer)
            else:
                self._tell(writer, 201, {RECEIPT_HEADER: await self._deposit(head, address, reader)})
        except RefusalError as refused:
            self._tell(writer, refused.status, {}, str(refused))
            await _linger(reader, writer)

    def _tell(self, writer: asyncio.StreamWriter, status: int, headers: Mapping[str, str], text: str = "") -> None:
        self.answers[status] += 1
        writer.write(answer(status, headers, text))

    async def _tunnel(self, head: Head, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if head.target.lower() != self._target:
            raise RefusalError(403, f"this relay goes to {self._target} only")
        there, thither = await self._dialler.dial()
        try:
            self.answers[OK] += 1
            writer.write(b"HTTP/1.1 200 OK\r\nHaidang-Relay: 1\r\n\r\n")
            await _pump_both(reader, writer, there, thither)
        finally:
            await _close(thither)

    async def _deposit(self, head: Head, address: str, reader: asyncio.StreamReader) -> str:
        """The receipt, once the frame is on the disk."""
        if head.target != PATH:
            raise RefusalError(404, f"a relay knows CONNECT and POST {PATH}")
        if head.method != "POST":
            raise RefusalError(405, "only POST")
        key = self._unit_key()
        if not key:
            raise RefusalError(503, "this relay was not told the unit's key yet")
        length = head.length(frames.LONGEST_FRAME)
        with self._body_place(address):
            body = await read_body(reader, length)
            shown = head.headers.get(PROOF_HEADER.lower(), "").encode()
            if not hmac.compare_digest(shown, frames.proof(key, body).encode()):
                raise RefusalError(403, "not from an agent of this unit")
            try:
                await self._loop.run_in_executor(self._disk, self._custody.take, body, frames.read_label(body), address)
            except frames.BadFrameError as bad:
                raise RefusalError(400, str(bad)) from None
            except FullError as full:
                raise RefusalError(507, str(full)) from None
            except OutboxError as closed:
                log.warning("nothing can be taken into custody: %s", closed)
                raise RefusalError(507, "this relay's disk refuses it") from None
        self._on_taken()
        return frames.receipt(key, body)

    @contextlib.contextmanager
    def _place(self, address: str) -> Iterator[None]:
        if not self._networks.hold(address):
            raise RefusalError(403, "this relay is for the school's own network")
        if self._open.total() >= MOST_CONNECTIONS or self._open[address] >= MOST_OF_ADDRESS:
            raise RefusalError(503, "too many connections")
        with _counted(self._open, address):
            yield

    @contextlib.contextmanager
    def _body_place(self, address: str) -> Iterator[None]:
        if self._bodies.total() >= BODIES_AT_ONCE or self._bodies[address] >= BODIES_OF_ADDRESS:
            raise RefusalError(503, "others are depositing; come again")
        with _counted(self._bodies, address):
            yield


class _Tunnel:
    """When a byte moved last, in either direction."""

    def __init__(self) -> None:
        self.moved = time.monotonic()

    async def pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while data := await source.read(CHUNK_BYTES):
            self.moved = time.monotonic()
            sink.write(data)
            await sink.drain()
            self.moved = time.monotonic()


async def _pump_both(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter,
    there: asyncio.StreamReader, thither: asyncio.StreamWriter,
) -> None:  # fmt: skip
    """Until one side ends, or nothing has moved for too long."""
    tunnel = _Tunnel()
    pumps = [asyncio.create_task(tunnel.pump(reader, thither)), asyncio.create_task(tunnel.pump(there, writer))]
    try:
        while (left := tunnel.moved + IDLE_SECONDS - time.monotonic()) > 0:
            ended, _ = await asyncio.wait(pumps, timeout=left, return_when=asyncio.FIRST_COMPLETED)
            if ended:
                break
    finally:
        for pump in pumps:
            pump.cancel()
        await asyncio.gather(*pumps, return_exceptions=True)


async def _linger(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Let pass what is still on its way here: a connection closed on it is reset, and the answer may be lost."""
    writer.write_eof()
    left = frames.LONGEST_FRAME
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(LINGER_SECONDS):
            while left > 0 and (data := await reader.read(CHUNK_BYTES)):
                left -= len(data)


async def _close(writer: asyncio.StreamWriter) -> None:
    """What was written goes out first, unless the other side does not take it."""
    writer.close()
    try:
        async with asyncio.timeout(CLOSE_SECONDS):
            await writer.wait_closed()
    except (OSError, asyncio.CancelledError):
        writer.transport.abort()
        raise


@contextlib.contextmanager
def _counted(counts: Counter[str], name: str) -> Iterator[None]:
    counts[name] += 1
    try:
        yield
    finally:
        counts[name] -= 1
        if not counts[name]:
            del counts[name]


def _address(writer: asyncio.StreamWriter) -> str:
    """Without the scope of a link-local one, and an IPv4 one as such."""
    peer = writer.get_extra_info("peername")
    address = ipaddress.ip_address(str(peer[0]).partition("%")[0]) if peer else NOBODY
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return str(mapped or address)
