"""uvicorn as we run it, alone or in each of several workers."""

from __future__ import annotations

import gc
import signal
import sys
from typing import TYPE_CHECKING, NamedTuple

import uvicorn

from haidang_collector.app import create_app
from haidang_collector.connection import BoundedConnection
from haidang_collector.ingest.egress import parse_networks
from haidang_collector.listener import Listener, Places

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable
    from pathlib import Path

    from haidang_collector.settings import Settings
    from haidang_collector.worker import Worker

KEEP_ALIVE_SECONDS = 75
"""Longer than the agents' push interval, so that a connection (and its TLS handshake) serves many pushes."""
GRACE_SECONDS = 10
GARBAGE = (10_000, 10, 100)
"""Objects, rounds, rounds (`gc.set_threshold`). With Python's own 700, 10, 10 the connections and layouts of a city's
agents are walked again and again while they come, in the middle of answers.
"""
SWITCH_SECONDS = 0.0005
"""A tenth of Python's own: while a thread works out a report, each answer waits so long at every system call."""


class Door(NamedTuple):
    """How one is let in: certificate and key for TLS, and how many connections at a time a process takes."""

    tls_cert: Path | None
    tls_key: Path | None
    connections: int


def serve(
    settings: Settings, door: Door, listener: socket.socket, worker: Worker, ready: Callable[[], None] = lambda: None
) -> None:
    """Until SIGTERM or SIGINT, with which it ends by SystemExit 0. Calls `ready` when requests are answered."""
    worker.count_with_others()
    config = uvicorn.Config(
        create_app(settings, worker=worker),
        ssl_certfile=door.tls_cert,
        ssl_keyfile=door.tls_key,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=GRACE_SECONDS,
        limit_concurrency=door.connections,
        http=BoundedConnection,
        ws="none",
        loop="asyncio",  # uvloop would accept past Listener
        access_log=False,
        server_header=False,
        proxy_headers=False,
        log_level="warning",
    )
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: sys.exit(0))  # uvicorn stops in order, then hands the signal on to this
    sys.setswitchinterval(SWITCH_SECONDS)
    gc.freeze()  # what was loaded stays: the collector of garbage need not walk it in the middle of an answer
    gc.set_threshold(*GARBAGE)
    _Server(config, ready).run(sockets=[Listener(listener, _places(settings))])


def _places(settings: Settings) -> Places:
    """Of this process."""
    most = -(-settings.connections_per_address // settings.workers)
    return Places(most, parse_networks(settings.trusted_proxies))


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._ready()
