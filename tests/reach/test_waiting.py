"""Conversations go on beside one another, begin when they may, and end when they are stopped."""

from __future__ import annotations

import socket
import threading
import time

from haidang_reach.waiting import READ, Loop, Task, Want


def napping(name: str, seconds: float) -> Task[str]:
    yield Want(time.monotonic() + seconds, {})
    return name


def hearing(connection: socket.socket) -> Task[bytes]:
    with connection:
        ready = yield Want(time.monotonic() + 60, {connection: READ})
        return connection.recv(10) if ready else b""


def test_results_come_as_they_are_ready() -> None:
    with Loop() as loop:
        names = list(loop.run([(0.0, napping("late", 0.1)), (0.0, napping("soon", 0.02)), (0.0, napping("none", 0.0))]))

    assert names == ["none", "soon", "late"]


def test_none_begins_before_its_time() -> None:
    began = time.monotonic()
    with Loop() as loop:
        for name in loop.run([(began + 0.1, napping("one", 0.0)), (began + 0.2, napping("two", 0.0))]):
            assert time.monotonic() - began >= {"one": 0.1, "two": 0.2}[name]


def test_no_more_than_so_many_at_once() -> None:
    began = time.monotonic()
    with Loop() as loop:
        done = list(loop.run([(0.0, napping(str(number), 0.05)) for number in range(6)], at_once=2))

    assert len(done) == 6
    assert time.monotonic() - began >= 0.15


def test_what_is_stopped_gives_its_sockets_back() -> None:
    near, far = socket.socketpair()
    with far, Loop() as loop:
        threading.Timer(0.05, loop.stop).start()
        began = time.monotonic()

        assert list(loop.run([(0.0, hearing(near)), (began + 50, napping("never", 0.0))])) == []
        assert time.monotonic() - began < 5
        assert near.fileno() == -1


def test_one_that_is_over_may_be_stopped() -> None:
    with Loop() as loop:
        pass

    loop.stop()

    assert list(loop.run([(0.0, napping("never", 0.0))])) == []
