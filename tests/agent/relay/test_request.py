"""Whatever comes in at the relay's port is a question, or is refused."""

from __future__ import annotations

import asyncio

from haidang_agent.relay.request import HEAD_BYTES, PHRASES, Head, RefusalError, read_head
from hypothesis import given
from hypothesis import strategies as st

WORDS = [
    b"CONNECT ", b"POST ", b"a:1", b" HTTP/1.1", b"\r\n", b"\n", b"\r", b"Content-Length: ", b"7", b":", b" ", b"\0",
    b"Transfer-Encoding: chunked", b"\xff",
]  # fmt: skip
PARTS = st.lists(st.sampled_from(WORDS) | st.binary(max_size=8), max_size=20)


def read(content: bytes) -> Head | int | None:
    """What was asked, the status of the refusal, or None for what was cut off."""

    async def fed() -> Head | int | None:
        reader = asyncio.StreamReader(limit=HEAD_BYTES)
        reader.feed_data(content)
        reader.feed_eof()
        try:
            return await read_head(reader)
        except RefusalError as refused:
            return refused.status
        except asyncio.IncompleteReadError:
            return None

    return asyncio.run(fed())


def length(head: Head) -> int:
    """Of the body, or the status of the refusal."""
    try:
        return head.length(100)
    except RefusalError as refused:
        return refused.status


@given(PARTS)
def test_any_head_is_judged(parts: list[bytes]) -> None:
    found = read(b"".join(parts) + b"\r\n\r\n")

    if isinstance(found, Head):
        assert not set(found.method + found.target) & set(" \r\n")
        assert length(found) in (411, 413) or 0 <= length(found) <= 100
    else:
        assert found in PHRASES


def test_a_sound_one() -> None:
    head = read(b"POST /a HTTP/1.1\r\nContent-Length: 5\r\nX: y z \r\n\r\n")
    assert isinstance(head, Head)
    assert (head.method, head.target, head.length(5), head.headers["x"]) == ("POST", "/a", 5, "y z")
    assert read(b"POST /a HT") is None
