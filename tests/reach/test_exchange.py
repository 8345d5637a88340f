"""Each way in which a page is not to be had is named, and none of them takes longer than it may."""

from __future__ import annotations

import contextlib
import gzip
import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from haidang_reach.address import parse
from haidang_reach.answer import Answer
from haidang_reach.exchange import MOST_REDIRECTS, Question
from haidang_reach.faults import FAULTS, PHASES
from hypothesis import given
from hypothesis import strategies as st

from tests.agent.website.hostile import dripping, saying, serving
from tests.reach.asking import ask, ask_all
from tests.servers import free_port

Behaviour = Callable[[socket.socket, threading.Event], None]
OK = b"HTTP/1.1 200 OK\r\n"
SHORT = OK + b"Content-Length: 5\r\n\r\nxin c"
HELLO = saying(SHORT)
PASSED = {"resolve": True, "connect": True, "processing": True, "transfer": True}


def told(answer: bytes, path: str = "/", *, match: str = "", statuses: tuple[int, ...] = ()) -> Answer:
    with serving(saying(answer)) as port:
        return ask(f"http://127.0.0.1:{port}{path}", match=match, statuses=statuses)


def test_what_is_told_of_a_fault_has_no_control_characters() -> None:
    """
    It is shown at terminals, and a NUL is what PostgreSQL's text cannot hold.
    """
    answer = told("HTTP/1.1 302 Found\r\nLocation: http://a\0\x1b7\u2100/\r\n\r\n".encode())

    assert answer.fault == "redirects"
    assert answer.detail.isprintable()


def test_all_phases_are_passed_and_timed() -> None:
    answer = told(SHORT, match="xin")

    assert answer.passed() == PASSED | {"content": True}
    assert (answer.fault, answer.status, answer.version, answer.redirects) == (None, 200, 4, 0)
    assert set(answer.seconds) == PASSED.keys()
    assert all(0 <= seconds < 5 for seconds in answer.seconds.values())


def test_phases_are_timed_apart() -> None:
    def slow(connection: socket.socket, over: threading.Event) -> None:
        connection.recv(65536)
        over.wait(1)
        connection.sendall(OK + b"Content-Length: 2\r\n\r\nx")
        over.wait(1)
        connection.sendall(b"y")

    with serving(slow) as port:
        answer = ask(f"http://127.0.0.1:{port}/", seconds=60)

    assert answer.seconds["processing"] > 0.9
    assert answer.seconds["transfer"] > 0.2
    assert answer.seconds["connect"] < 0.9


@pytest.mark.parametrize(("answer", "fault"), [
    (b"HTTP/1.1 500 Loi\r\nContent-Length: 0\r\n\r\n", "status"), (b"HTTP/1.1 404 Khong co\r\n\r\n", "status"),
    (b"", "closed"), (b"HTTP/1.1 200 OK\r\nX: 1", "closed"), (b"SSH-2.0-OpenSSH_9.2\r\n", "malformed"),
    (b"HTTP/2 200\r\n\r\n", "malformed"), (OK + b"Content-Length: -1\r\n\r\n", "malformed"),
    (OK + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab", "malformed"),
    (OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", "malformed"),
    (OK + b"X: " + b"x" * 70000 + b"\r\n\r\n", "malformed"), (OK + b"X: 1\r\n" * 300 + b"\r\n", "malformed"),
    (b"HTTP/1.1 100 Continue\r\n\r\n" * 4000, "malformed"), (b"HTTP/1.1 101 Switching\r\n\r\n", "malformed"),
    (OK + b"Content-Length: 10\r\n\r\nshort", "cut_off"),
    (OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nab", "cut_off"),
    (b"HTTP/1.1 302 Found\r\nLocation: javascript:alert(1)\r\n\r\n", "redirects"),
    (b"HTTP/1.1 302 Found\r\nLocation: http://[::1\r\n\r\n", "redirects"),
    (b"HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n", "redirects"),
    (b"HTTP/1.1 302 Found\r\n\r\n", "status"),
])  # fmt: skip
def test_a_bad_answer_is_named(answer: bytes, fault: str) -> None:
    found = told(answer)

    assert found.fault == fault, found.detail
    assert found.passed()[FAULTS[found.fault]] is False
    assert list(found.passed())[-1] == FAULTS[found.fault], "what comes after it is not known"


@pytest.mark.parametrize(("answer", "match", "fault"), [
    (SHORT, "chao", "mismatch"), (OK + b"\r\n" + b"x" * 200_000, "chao", "unread"),
    (OK + b"Content-Encoding: br\r\n\r\nchao", "chao", "unread"),
    (OK + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(b"xin chao", mtime=0), "chao", None),
    (OK + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(bytes(50_000_000)), "chao", "unread"),
    (OK + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(b"xin chao", mtime=0)[:-6], "chao", None),
    (OK + b"Content-Type: text/html; charset=utf-16\r\n\r\n" + "chào".encode("utf-16"), "chào", None),
    (OK + b"Content-Type: text/html; charset=zip_codec\r\n\r\nchao", "chao", None),
    (OK + b"Content-Type: text/html; charset=khong-co\r\n\r\n\xff chao", "chao", None),
    (OK + b"\r\n<meta charset=windows-1258>ch\xe0o", "chào", None),
])  # fmt: skip
def test_content_is_there_or_not_or_not_known(answer: bytes, match: str, fault: str | None) -> None:
    found = told(answer, match=match)

    assert found.fault == fault
    expected = {"mismatch": {"content": False}, "unread": {}, None: {"content": True}}[fault]
    assert found.passed() == PASSED | expected


def test_a_packed_bomb_takes_no_memory() -> None:
    answer = told(OK + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(bytes(50_000_000)))

    assert (answer.fault, len(answer.body), answer.whole) == (None, 100_000, False)


@pytest.mark.parametrize(("start", "drop", "fault"), [
    (b"", b"", "no_answer"), (b"", b"H", "malformed"), (b"HTTP/1.1 200 OK\r\nX: ", b"x", "no_answer"),
    (OK + b"\r\n", b"<p>", "slow"), (OK + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n", "slow"),
    (b"", b"HTTP/1.1 100 Continue\r\n\r\n", "no_answer"),
])  # fmt: skip
def test_a_server_that_drips_is_left_in_time(start: bytes, drop: bytes, fault: str) -> None:
    with serving(dripping(start, drop, 0.02)) as port:
        answer = ask(f"http://127.0.0.1:{port}/", seconds=1)

    assert answer.fault == fault


def test_an_endless_page_is_cut_and_is_no_fault_of_the_server() -> None:
    with serving(dripping(OK + b"\r\n", b"x" * 50_000, 0)) as port:
        answer = ask(f"http://127.0.0.1:{port}/")

    assert (answer.fault, len(answer.body), answer.whole) == (None, 100_000, False)


def test_a_way_without_end_is_left() -> None:
    def onward(connection: socket.socket, _: threading.Event) -> None:
        number = int(connection.recv(65536).split()[1][1:] or b"0")
        connection.sendall(b"HTTP/1.1 302 Found\r\nLocation: /%d\r\n\r\n" % (number + 1))

    with serving(onward) as port:
        answer = ask(f"http://127.0.0.1:{port}/")

    assert (answer.fault, answer.redirects) == ("redirects", MOST_REDIRECTS + 1)


def test_a_cookie_opens_the_page_that_else_leads_to_itself() -> None:
    def guarded(connection: socket.socket, _: threading.Event) -> None:
        known = b"cookie: pass=1" in connection.recv(65536).lower()
        connection.sendall(
            SHORT if known else b"HTTP/1.1 302 Found\r\nSet-Cookie: pass=1; Path=/\r\nLocation: /\r\n\r\n"
        )

    with serving(guarded) as port:
        answer = ask(f"http://127.0.0.1:{port}/")

    assert (answer.fault, answer.redirects) == (None, 1)


def test_a_cookie_writes_no_headers_of_its_own() -> None:
    requests: list[bytes] = []

    def sly(connection: socket.socket, _: threading.Event) -> None:
        requests.append(connection.recv(65536))
        connection.sendall(b"HTTP/1.1 302 Found\r\nSet-Cookie: pass=1\rX-Sly: 1\r\nLocation: /\r\n\r\n")

    with serving(sly) as port:
        assert ask(f"http://127.0.0.1:{port}/").fault == "redirects"

    assert not [request for request in requests if b"X-Sly" in request]


def test_expected_statuses() -> None:
    assert told(b"HTTP/1.1 401 Dang nhap\r\n\r\n", statuses=(200, 401)).fault is None
    assert told(SHORT, statuses=(401,)).fault == "status"


def test_names_and_paths() -> None:
    with contextlib.ExitStack() as stack:
        deaf = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(deaf.getsockname())
        urls = [
            "http://khong-co.invalid/",
            f"http://127.0.0.1:{free_port()}/",
            f"http://127.0.0.1:{deaf.getsockname()[1]}/",
        ]
        answers = ask_all(Question(parse(url), seconds=3) for url in urls)

    assert {str(answer.address): answer.fault for answer in answers} == dict(
        zip(urls, ["name_unknown", "refused", "connect_timeout"], strict=True)
    )


def test_an_address_of_the_other_family_is_none() -> None:
    assert ask("http://127.0.0.1/", family="ipv6").fault == "name_unknown"


def test_fifty_slow_servers_take_the_time_of_one() -> None:
    began = time.monotonic()
    with serving(dripping(b"", b"", 1)) as port:
        answers = ask_all([Question(parse(f"http://127.0.0.1:{port}/{number}"), seconds=3) for number in range(50)])

    assert {answer.fault for answer in answers} == {"no_answer"}
    assert time.monotonic() - began < 60


@pytest.fixture(scope="module")
def parrot() -> Iterator[Callable[[bytes], Answer]]:
    """Asks a server that says this."""
    to_say: list[bytes] = []

    def repeat(connection: socket.socket, over: threading.Event) -> None:
        saying(to_say[-1])(connection, over)

    with serving(repeat) as port:

        def answers(said: bytes) -> Answer:
            to_say.append(said)
            return ask(f"http://127.0.0.1:{port}/", match="x")

        yield answers


@given(st.binary(max_size=300) | st.binary(max_size=200).map(lambda tail: OK + tail))
def test_whatever_a_server_says_there_is_an_answer(parrot: Callable[[bytes], Answer], said: bytes) -> None:
    answer = parrot(said)

    assert answer.fault is None or FAULTS[answer.fault] in PHASES[3:]
