"""The reader of responses takes them in any pieces, and never holds more than it was told to."""

from __future__ import annotations

import http.client
import io
from typing import cast

import pytest
from haidang_reach.response import MOST_HEAD_BYTES, BadResponseError, Response
from hypothesis import given
from hypothesis import strategies as st

BODIES = st.binary(max_size=200)
HEADERS = st.lists(
    st.sampled_from([b"X: 1", b"Server: nginx", b"no header", b": none", b" folded", b"Date:  x  "]), max_size=4
)


def chunked(body: bytes) -> bytes:
    pieces = [body[at : at + 7] for at in range(0, len(body), 7)]
    return b"".join(b"%x;ext=1\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\nTrailer: 1\r\n\r\n"


@st.composite
def messages(draw: st.DrawFn) -> tuple[bytes, bytes]:
    """A response and its body."""
    body = draw(BODIES)
    framing, told = draw(
        st.sampled_from([
            (b"Content-Length: %d" % len(body), body), (b"Transfer-Encoding: Chunked", chunked(body)), (b"X: 2", body),
        ])
    )  # fmt: skip
    interim = draw(st.sampled_from([b"", b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"]))
    newline = draw(st.sampled_from([b"\r\n", b"\n"]))
    head = newline.join([b"HTTP/1.1 200 OK", *draw(HEADERS), framing, b"", b""])
    return interim + head + told, body


def read(pieces: list[bytes], most: int = 1000) -> Response:
    response = Response(most)
    for piece in pieces:
        response.feed(piece)
    response.end()
    return response


@given(messages(), st.lists(st.integers(1, 40), max_size=30))
def test_pieces_make_no_difference(message: tuple[bytes, bytes], sizes: list[int]) -> None:
    raw, body = message
    pieces, rest = [], raw
    for size in sizes:
        pieces.append(rest[:size])
        rest = rest[size:]

    for response in (read([raw]), read([*pieces, rest]), read([bytes([byte]) for byte in raw])):
        assert (response.status, bytes(response.body), response.whole, response.done) == (200, body, True, True)


@given(messages(), st.integers(0, 50))
def test_no_more_is_kept_than_wanted(message: tuple[bytes, bytes], most: int) -> None:
    raw, body = message
    response = read([raw], most)

    assert bytes(response.body) == body[:most]
    assert response.whole == (len(body) <= most)


@given(st.binary(max_size=400) | st.binary(max_size=200).map(lambda tail: b"HTTP/1.1 200 OK\r\n" + tail))
def test_anything_is_read_or_refused(raw: bytes) -> None:
    try:
        response = read([raw])
    except BadResponseError:
        return
    assert response.status is None or 200 <= response.status < 1000
    assert len(response.body) <= len(raw)


def test_headers_as_the_standard_library_has_them() -> None:
    lines = (
        b"HTTP/1.1 200 OK",
        b"Content-Type: text/html ",
        b"SET-COOKIE: a=b",
        b"Set-Cookie: c=d",
        b"Content-Length: 0",
    )
    raw = b"\r\n".join((*lines, b"", b""))
    peer = http.client.HTTPResponse(cast("object", _Socket(raw)))  # type: ignore[arg-type]
    peer.begin()

    assert list(read([raw]).headers) == [(name.lower(), value.strip()) for name, value in peer.getheaders()]


class _Socket:
    def __init__(self, raw: bytes) -> None:
        self._raw = raw

    def makefile(self, _: str) -> io.BytesIO:
        return io.BytesIO(self._raw)


@pytest.mark.parametrize("endless", [b"HTTP/1.1 200 OK\r\nX: " + b"x" * 1000, b"HTTP/1.1 100 C\r\n\r\n" * 50])
def test_a_head_without_end_is_refused(endless: bytes) -> None:
    with pytest.raises(BadResponseError, match=str(MOST_HEAD_BYTES)):
        read([endless] + [endless[-1000:]] * 1000)
