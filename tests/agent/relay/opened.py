"""A relay's port on loopback, and a wire that remembers what passed it."""

from __future__ import annotations

import socket
import threading
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from haidang_agent.relay.custody import Custody
from haidang_agent.relay.dialler import Collector
from haidang_agent.relay.door import Door
from haidang_agent.relay.settings import Networks

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

UNIT_KEY = bytes(range(32))
LOOPBACK = "127.0.0.1"


@dataclass
class Opened:
    """`taken` is set when something came into custody."""

    door: Door
    custody: Custody
    taken: threading.Event

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.door.port}"

    def ask(self, content: bytes, *, end: bool = True) -> bytes:
        """All that it answers until it ends the connection."""
        with socket.create_connection((LOOPBACK, self.door.port), 30) as connection:
            connection.sendall(content)
            if end:
                connection.shutdown(socket.SHUT_WR)
            return everything(connection)


@contextmanager
def opened(
    folder: Path, url: str, *, networks: Sequence[str] = (), key: bytes = UNIT_KEY, max_bytes: int = 5 << 20
) -> Iterator[Opened]:
    """For a collector at `url`."""
    parts = urlsplit(url)
    custody, taken = Custody(folder / "relay.db", max_bytes), threading.Event()
    door = Door(f"{LOOPBACK}:0", Collector(parts.hostname or "", parts.port or 0), Networks(networks), custody,
                lambda: key, taken.set)  # fmt: skip
    door.start()
    try:
        yield Opened(door, custody, taken)
    finally:
        door.stop(30)
        assert "relay" not in {thread.name for thread in threading.enumerate()}
        custody.close()


def everything(connection: socket.socket) -> bytes:
    received = bytearray()
    while data := connection.recv(1 << 16):
        received += data
    return bytes(received)


@dataclass
class Wire:
    """Passes connections on to `port`; `passed` are the bytes of both directions."""

    port: int
    passed: bytearray = field(default_factory=bytearray)


@contextmanager
def tapped(port: int) -> Iterator[Wire]:
    """A wire to a port of loopback."""
    with closing(socket.create_server((LOOPBACK, 0))) as server:
        wire = Wire(server.getsockname()[1])

        def accept() -> None:
            while True:
                try:
                    here, _ = server.accept()
                except OSError:
                    return
                there = socket.create_connection((LOOPBACK, port))
                for source, sink in ((here, there), (there, here)):
                    threading.Thread(target=pump, args=(source, sink), daemon=True).start()

        def pump(source: socket.socket, sink: socket.socket) -> None:
            try:
                while data := source.recv(1 << 16):
                    wire.passed.extend(data)
                    sink.sendall(data)
            except OSError:
                pass
            finally:
                source.close()
                sink.close()

        threading.Thread(target=accept, daemon=True).start()
        yield wire
        server.shutdown(socket.SHUT_RDWR)
