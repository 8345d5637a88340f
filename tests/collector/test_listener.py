from __future__ import annotations

import ipaddress
import logging
import socket
from contextlib import ExitStack

import pytest
from haidang_collector.listener import Listener, Places

PROXIES = (ipaddress.ip_network("10.0.0.0/24"), ipaddress.ip_network("2001:db8:1::/48"))


def places(most: int = 2) -> Places:
    return Places(most, PROXIES)


@pytest.mark.parametrize(
    ("first", "then"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("192.0.2.1", "::ffff:192.0.2.1"),
        ("2001:db8::1", "2001:db8::ffff:1"),
        ("127.0.0.2", "127.0.0.2"),
        ("fe80::1%eth0", "fe80::1%eth0"),
    ],
)
def test_an_address_has_so_many_places_and_no_more(first: str, then: str) -> None:
    kept = places()

    taken = [kept.take(host) is not None for host in (first, first, then)]

    assert taken == [True, True, False]


@pytest.mark.parametrize("free", ["127.0.0.1", "::1", "::ffff:127.0.0.1", "10.0.0.7", "2001:db8:1::7"])
def test_this_machine_and_proxies_are_not_counted(free: str) -> None:
    kept = places()

    assert all(kept.take(free) is not None for _ in range(10))


@pytest.mark.parametrize(("one", "other"), [("192.0.2.1", "192.0.2.2"), ("2001:db8::1", "2001:db8:0:1::1")])
def test_no_address_takes_anothers_places(one: str, other: str) -> None:
    kept = places()
    for _ in range(5):
        kept.take(one)

    assert kept.take(other) is not None


def test_a_place_that_was_given_back_is_free_again() -> None:
    kept = places()
    leave, _ = kept.take("192.0.2.1"), kept.take("192.0.2.1")
    assert leave is not None

    leave()

    assert kept.take("192.0.2.1") is not None
    assert kept.take("192.0.2.1") is None


def test_it_is_logged_once_until_half_of_them_are_given_back(caplog: pytest.LogCaptureFixture) -> None:
    kept = places(4)
    given = [leave for _ in range(8) if (leave := kept.take("192.0.2.1"))]
    given.pop()()
    for _ in range(3):
        kept.take("192.0.2.1")

    said = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]

    assert len(said) == 1
    assert said[0].startswith("192.0.2.1 has 4 connections open")


def test_many_in_vain_leave_the_event_loop_its_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Whoever listens without waiting is told that nobody came, although more are there.
    """
    monkeypatch.setattr("haidang_collector.listener.TURNED_AWAY_AT_ONCE", 5)
    with ExitStack() as stack:
        listener = stack.enter_context(Listener(socket.create_server(("127.0.0.1", 0)), Places(1)))
        listener.setblocking(False)
        where = listener.getsockname()
        for address in ("127.0.0.2",) * 7 + ("127.0.0.3",):
            stack.enter_context(socket.create_connection(where, timeout=60, source_address=(address, 0)))
        first = stack.enter_context(listener.accept()[0])

        with pytest.raises(BlockingIOError):
            listener.accept()
        second = stack.enter_context(listener.accept()[0])

        assert [each.getpeername()[0] for each in (first, second)] == ["127.0.0.2", "127.0.0.3"]
