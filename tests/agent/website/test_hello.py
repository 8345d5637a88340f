"""The old versions of TLS, asked for by hand: what a server may answer. Real servers: test_faults.py."""

from __future__ import annotations

import io
import ssl

import pytest
from haidang_agent.dialling import Deadline, NoAnswerError
from haidang_agent.website.hello import TLS_1_0, TLS_1_1, agrees, client_hello, speaks
from hypothesis import given
from hypothesis import strategies as st

from tests.agent.website.hostile import dripping, saying, serving


def hello(version: int) -> bytes:
    """The beginning of a ServerHello."""
    return bytes([22, 3, 1, 0, 80, 2, 0, 0, 76]) + version.to_bytes(2, "big") + bytes(70)


def alert(level: int, what: int) -> bytes:
    return bytes([21, 3, 1, 0, 2, level, what])


REFUSED, UNRECOGNIZED_NAME = alert(2, 70), alert(1, 112)


def said(answer: bytes, version: int = TLS_1_0) -> bool:
    return agrees(io.BufferedReader(io.BytesIO(answer)), version, "x:443")  # type: ignore[arg-type]


@pytest.mark.parametrize(("answer", "version", "agreed"), [
    (hello(TLS_1_0), TLS_1_0, True), (hello(TLS_1_1), TLS_1_1, True), (hello(TLS_1_0), TLS_1_1, False),
    (REFUSED, TLS_1_0, False), (b"", TLS_1_0, False), (UNRECOGNIZED_NAME + hello(TLS_1_0), TLS_1_0, True),
    (UNRECOGNIZED_NAME + REFUSED, TLS_1_0, False),
])  # fmt: skip
def test_what_servers_answer(answer: bytes, version: int, agreed: bool) -> None:
    assert said(answer, version) == agreed


@pytest.mark.parametrize(
    "answer", [b"HTTP/1.1 400 Bad Request\r\n", b"SSH-2.0-x\r\n", hello(TLS_1_0)[:7], UNRECOGNIZED_NAME * 9]
)
def test_what_is_no_tls_is_not_judged(answer: bytes) -> None:
    with pytest.raises(NoAnswerError, match="x:443"):
        said(answer)


@given(st.binary(max_size=40))
def test_whatever_comes(answer: bytes) -> None:
    try:
        agreed = said(answer)
    except NoAnswerError:
        return
    assert not agreed or answer[9:11] == b"\x03\x01"


@pytest.mark.parametrize("version", [TLS_1_0, TLS_1_1])
def test_openssl_understands_the_question(version: int) -> None:
    """
    A server that knows only newer versions refuses for the version, not for a broken hello.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    incoming.write(client_hello("thcs.example", version))
    with pytest.raises(ssl.SSLError, match="UNSUPPORTED_PROTOCOL"):
        context.wrap_bio(incoming, outgoing, server_side=True).do_handshake()

    assert outgoing.read()[:1] == b"\x15"


def test_the_name_is_told_but_no_address() -> None:
    assert b"thcs.example" in client_hello("thcs.example", TLS_1_0)
    assert b"127.0.0.1" not in client_hello("127.0.0.1", TLS_1_0)


def test_who_hangs_up_refuses() -> None:
    with serving(saying(b"")) as port:
        assert not speaks("127.0.0.1", port, TLS_1_0, Deadline(5))


def test_silence_is_no_refusal() -> None:
    with serving(dripping(b"", b"", 0.05)) as port, pytest.raises(NoAnswerError):
        speaks("127.0.0.1", port, TLS_1_0, Deadline(0.5))
