"""Web servers that are slow, endless, broken or lying: bounded, named, never a crash."""

from __future__ import annotations

import contextlib
import gzip
import socket
import time
import zlib

import pytest
from haidang_agent.dialling import Deadline, NoAnswerError, RefusedError, connect
from haidang_agent.unread import UnreadError
from haidang_agent.website.fetching import MOST_BYTES, Page, ask, fetch
from haidang_agent.website.visit import visit
from haidang_reach.address import Address, parse
from hypothesis import given
from hypothesis import strategies as st

from tests.agent.website.hostile import dripping, saying, serving
from tests.servers import free_port

OK = b"HTTP/1.1 200 OK\r\n"


def fetched(answer: bytes, path: str = "/") -> Page:
    with serving(saying(answer)) as port:
        return fetch(parse(f"http://127.0.0.1:{port}{path}"), Deadline(30))


def refused(answer: bytes) -> str:
    with pytest.raises(NoAnswerError) as why:
        fetched(answer)
    return str(why.value)


@pytest.mark.parametrize(("start", "drop"), [
    (b"", b"H"), (OK + b"X: ", b"x"), (OK, b"X-Many: 1\r\n"), (OK + b"\r\n", b"<p>"),
    (OK + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"), (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
])  # fmt: skip
def test_a_server_that_drips_is_left_in_time(start: bytes, drop: bytes) -> None:
    began = time.monotonic()
    with serving(dripping(start, drop, 0.05)) as port, pytest.raises(NoAnswerError):
        ask(parse(f"http://127.0.0.1:{port}/"), Deadline(1))

    assert time.monotonic() - began < 30


def test_an_address_that_never_answers_leaves_time_for_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    """As IPv6 of a name, in a school whose line has none: with a full queue the kernel drops whoever comes."""
    with (
        serving(saying(OK)) as port,
        socket.create_server(("127.0.0.1", 0), backlog=0) as deaf,
        contextlib.ExitStack() as queue,
    ):
        for _ in range(4):
            waiting = queue.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(deaf.getsockname())
        found = [
            (socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", each)) for each in (deaf.getsockname()[1], port)
        ]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)

        with connect("thcs.example", 443, Deadline(5)) as connection:
            assert connection.getpeername()[1] == port


def test_an_endless_page_is_cut() -> None:
    flood = dripping(OK + b"\r\n", b"x" * 1_000_000, 0)
    with serving(flood) as port:
        page = ask(parse(f"http://127.0.0.1:{port}/"), Deadline(60))

    assert (len(page.body), page.whole) == (MOST_BYTES, False)


@pytest.mark.parametrize("bomb", [gzip.compress(bytes(50_000_000)), zlib.compress(bytes(50_000_000))])
def test_a_packed_bomb_is_cut(bomb: bytes) -> None:
    kind = b"gzip" if bomb[:2] == b"\x1f\x8b" else b"deflate"
    page = fetched(OK + b"Content-Encoding: " + kind + b"\r\n\r\n" + bomb)

    assert (len(page.body), page.whole) == (MOST_BYTES, False)


def test_a_packed_page_is_read() -> None:
    page = fetched(OK + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress("Trường học".encode()))

    assert (page.text(), page.whole) == ("Trường học", True)


def test_a_page_cut_short_is_not_whole() -> None:
    assert not fetched(OK + b"Content-Length: 1000\r\n\r\nTr").whole


@pytest.mark.parametrize("answer", [
    b"", b"SSH-2.0-OpenSSH_9.2\r\n", b"HTTP/1.1 abc\r\n\r\n", OK + b"Content-Encoding: br\r\n\r\nx",
    OK + b"Content-Encoding: gzip\r\n\r\nno gzip", OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
    OK + b"X: " + b"x" * 100_000 + b"\r\n\r\n", OK + b"X: 1\r\n" * 200 + b"\r\n",
    b"HTTP/1.1 302 Found\r\nLocation: ftp://127.0.0.1/\r\n\r\n", b"HTTP/1.1 302 Found\r\nLocation: http://[\r\n\r\n",
    b"HTTP/1.1 302 Found\r\nLocation: http://a b/\r\n\r\n", b"HTTP/1.1 302 Found\r\nLocation: //u:p@127.0.0.1/\r\n\r\n",
])  # fmt: skip
def test_what_is_no_answer_is_named(answer: bytes) -> None:
    assert "127.0.0.1:" in refused(answer)


def test_redirects_in_a_circle_end() -> None:
    assert "redirects more than 5 times" in refused(b"HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n")


def test_a_redirect_to_another_site_is_not_followed() -> None:
    page = fetched(b"HTTP/1.1 301 Moved\r\nLocation: http://127.0.0.2/x\r\nSet-Cookie: a=1\r\n\r\n")

    assert (page.status, page.address.host, page.cookies) == (301, "127.0.0.1", ("a=1",))


def test_a_closed_port_is_told_apart() -> None:
    with pytest.raises(RefusedError):
        ask(parse(f"http://127.0.0.1:{free_port()}/"), Deadline(30))


def test_a_name_that_does_not_exist() -> None:
    with pytest.raises(NoAnswerError, match="not resolved"):
        ask(parse("http://khong-co.invalid/"), Deadline(8))


def test_a_site_that_never_answers_takes_its_time_and_no_more() -> None:
    with serving(dripping(b"", b"H", 0.2)) as port, pytest.raises(UnreadError, match="does not answer"):
        visit(parse(f"http://127.0.0.1:{port}/"), time.time(), seconds=1)


@pytest.mark.parametrize(("charset", "body"), [
    ("utf-8", "Trường".encode()), ("windows-1258", "Tr\u01b0\u01a1\u0300ng".encode("cp1258")),
    ("no-such", "Trường".encode()),
])  # fmt: skip
def test_charsets(charset: str, body: bytes) -> None:
    page = fetched(OK + f"Content-Type: text/html; charset={charset}\r\n\r\n".encode() + body)

    assert page.text() in ("Trường", "Tr\u01b0\u01a1\u0300ng")


@given(st.binary(max_size=300))
def test_whatever_a_server_answers(answer: bytes) -> None:
    with contextlib.suppress(NoAnswerError):
        page = fetched(OK + answer)

        assert (page.status, page.whole) == (200, True) or b"ontent-" in answer
        assert len(page.text()) <= len(answer)


@pytest.mark.parametrize(("url", "address"), [
    ("https://thcs.example", Address("https", "thcs.example", 443, "/")),
    ("HTTP://THCS.example:8080/a b?x=ạ#f", Address("http", "thcs.example", 8080, "/a%20b?x=%E1%BA%A1")),
    ("https://trường.vn/", Address("https", "xn--trng-1na1v.vn", 443, "/")),
    ("https://[2001:db8::1]/", Address("https", "2001:db8::1", 443, "/")),
])  # fmt: skip
def test_addresses(url: str, address: Address) -> None:
    found = parse(url)

    assert found._replace(host="") == address._replace(host="")
    assert found.host.isascii()
    assert parse(str(found)) == found


@pytest.mark.parametrize("url", [
    "", "thcs.example", "ftp://thcs.example/", "https://", "https://u:p@thcs.example/", "https://a b/", "https://x:99999/",
    "https://x\r\nHost: y/", "http://" + "a" * 64 + ".vn/",
])  # fmt: skip
def test_what_is_no_address(url: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        parse(url)


@given(st.text(max_size=60))
def test_a_request_line_has_no_line_break(path: str) -> None:
    address = parse("https://thcs.example/")
    try:
        target = address.towards(path).target
    except ValueError:
        return
    assert not set(target) & set(" \r\n\t")
    assert target.isascii()
