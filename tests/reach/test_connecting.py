"""IPv6 and IPv4 by turns, as a browser does (RFC 8305): one that is dead keeps nobody waiting."""

from __future__ import annotations

import contextlib
import socket
import time
from typing import TYPE_CHECKING

import pytest
from haidang_reach.connecting import connect
from haidang_reach.faults import FaultError
from haidang_reach.waiting import Loop

from tests.reach.asking import ask
from tests.servers import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

Place = tuple[int, object]
SECONDS = 10.0


@contextlib.contextmanager
def deaf(family: socket.AddressFamily, host: str) -> Iterator[Place]:
    """Its queue is full, so that whoever comes waits."""
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(socket.create_server((host, 0), family=family, backlog=0))
        for _ in range(4):
            waiting = stack.enter_context(socket.socket(family))
            waiting.setblocking(False)
            waiting.connect_ex(server.getsockname())
        yield family, server.getsockname()


def reached(*places: Place) -> object:
    """The address that took the connection."""
    with Loop() as loop:
        (connection,) = loop.run([(0.0, connect(places, "a name", time.monotonic() + SECONDS))])
    with connection:
        return connection.getpeername()


def test_a_family_that_is_silent_is_passed_over() -> None:
    with deaf(socket.AF_INET6, "::1") as silent, socket.create_server(("127.0.0.1", 0)) as server:
        assert reached(silent, (socket.AF_INET, server.getsockname())) == server.getsockname()
    with (
        deaf(socket.AF_INET, "127.0.0.1") as silent,
        socket.create_server(("::1", 0), family=socket.AF_INET6) as server,
    ):
        assert reached(silent, (socket.AF_INET6, server.getsockname())) == server.getsockname()


def test_a_family_that_refuses_is_passed_over() -> None:
    refusing = (socket.AF_INET6, ("::1", free_port(), 0, 0))
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert reached(refusing, (socket.AF_INET, server.getsockname())) == server.getsockname()
    with pytest.raises(FaultError) as failed:
        reached(refusing, (socket.AF_INET, ("127.0.0.1", free_port())))

    assert failed.value.fault == "refused"


def test_which_version_answered_is_told() -> None:
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as server:
        port = server.getsockname()[1]

        assert ask(f"http://[::1]:{port}/", seconds=1).version == 6
        assert ask(f"http://[::1]:{port}/", seconds=1, family="ipv4").fault == "name_unknown"
