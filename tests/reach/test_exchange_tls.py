"""Certificates that a browser would refuse, servers that do not speak TLS, and proxies: each is named."""

from __future__ import annotations

import contextlib
import datetime as dt
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.agent.website.hostile import dripping, saying, serving
from tests.lab.ca import CertificateAuthority
from tests.reach.asking import ask
from tests.servers import free_port

Behaviour = Callable[[socket.socket, threading.Event], None]
SHORT = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nxin c"
HELLO = saying(SHORT)
PASSED = {"resolve": True, "connect": True, "processing": True, "transfer": True}


class Tls:
    """A TLS server of one certificate, for as long as the `with` lasts."""

    def __init__(self, certificate: tuple[Path, Path], behave: Behaviour = HELLO) -> None:
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(*certificate)
        self._behave = behave

    @contextlib.contextmanager
    def serving(self) -> Iterator[str]:
        def talk(connection: socket.socket, over: threading.Event) -> None:
            with contextlib.suppress(OSError), self._context.wrap_socket(connection, server_side=True) as secured:
                self._behave(secured, over)

        with serving(talk) as port:
            yield f"https://127.0.0.1:{port}/"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> CertificateAuthority:
    return CertificateAuthority(tmp_path_factory.mktemp("ca"))


class TestTls:
    def test_it_is_a_phase_and_its_certificate_ends(self, authority: CertificateAuthority) -> None:
        with Tls(authority.issue("127.0.0.1")).serving() as url:
            answer = ask(url, ca=str(authority.certificate))

        assert answer.passed() == PASSED | {"tls": True}
        assert answer.seconds["tls"] > 0
        assert answer.not_after == pytest.approx(time.time() + 86400, abs=60)

    def test_who_is_not_trusted(self, authority: CertificateAuthority) -> None:
        with Tls(authority.issue("127.0.0.1")).serving() as url:
            answer = ask(url)

        assert (answer.fault, answer.not_after) == ("certificate_untrusted", None)
        assert answer.passed() == {"resolve": True, "connect": True, "tls": False}

    def test_of_another_name(self, authority: CertificateAuthority) -> None:
        with Tls(authority.issue("127.0.0.9")).serving() as url:
            assert ask(url, ca=str(authority.certificate)).fault == "certificate_name"

    @pytest.mark.parametrize("days", [(-9, -1), (1, 9)])
    def test_of_another_time(self, authority: CertificateAuthority, days: tuple[int, int]) -> None:
        lifetime = (dt.timedelta(days=days[0]), dt.timedelta(days=days[1]))
        with Tls(authority.issue("127.0.0.1", lifetime)).serving() as url:
            answer = ask(url, ca=str(authority.certificate))

        assert answer.fault == "certificate_expired"

    def test_a_wrong_clock_of_the_machine_is_no_fault_of_the_site(self, authority: CertificateAuthority) -> None:
        """Dates are judged by the centre's time."""
        lifetime = (dt.timedelta(days=-3650), dt.timedelta(days=-3640))
        with Tls(authority.issue("127.0.0.1", lifetime)).serving() as url:
            answer = ask(url, ca=str(authority.certificate), now=lambda: time.time() - 3645 * 86400)

        assert answer.fault is None

    @pytest.mark.parametrize(
        "behave", [saying(b"HTTP/1.1 400 Bad\r\n\r\n"), saying(b""), saying(b"\x15\x03\x01\x00\x02\x02\x28")]
    )
    def test_no_handshake(self, behave: Behaviour) -> None:
        with serving(behave) as port:
            assert ask(f"https://127.0.0.1:{port}/").fault == "handshake"

    def test_a_handshake_that_never_ends(self) -> None:
        with serving(dripping(b"\x16\x03\x03\xff\x00", b"x", 0.02)) as port:
            assert ask(f"https://127.0.0.1:{port}/", seconds=1).fault == "handshake"


class TestProxy:
    """CONNECT (RFC 9110, 9.3.6) for what is secure, the whole address for what is not."""

    def test_a_secure_page_comes_through_its_tunnel(self, authority: CertificateAuthority) -> None:
        asked: list[bytes] = []

        def proxy(near: socket.socket, over: threading.Event) -> None:
            request = near.recv(65536)
            asked.append(request.partition(b"\r\n")[0])
            host, _, port = request.split()[1].decode().rpartition(":")
            near.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            with socket.create_connection((host, int(port))) as far:
                back = threading.Thread(target=_pour, args=(far, near), daemon=True)
                back.start()
                _pour(near, far)

        with Tls(authority.issue("127.0.0.1")).serving() as url, serving(proxy) as port:
            answer = ask(url, ca=str(authority.certificate), proxy=f"http://127.0.0.1:{port}")

        assert answer.passed() == PASSED | {"tls": True}
        assert asked == [b"CONNECT " + url.split("/")[2].encode() + b" HTTP/1.1"]

    def test_a_plain_page_is_asked_for_whole(self) -> None:
        asked: list[bytes] = []

        def proxy(connection: socket.socket, _: threading.Event) -> None:
            asked.append(connection.recv(65536).partition(b"\r\n")[0])
            connection.sendall(SHORT)

        with serving(proxy) as port:
            answer = ask("http://ten.invalid/a?b", proxy=f"http://127.0.0.1:{port}")

        assert answer.fault is None
        assert asked == [b"GET http://ten.invalid/a?b HTTP/1.1"]

    @pytest.mark.parametrize("said", [b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", b"", b"SOCKS\r\n\r\n"])
    def test_one_that_does_not_let_us_through(self, said: bytes) -> None:
        with serving(saying(said)) as port:
            answer = ask("https://ten.invalid/", proxy=f"http://127.0.0.1:{port}")

        assert (answer.fault, answer.passed()) == ("proxy", {"resolve": True, "connect": False})

    @pytest.mark.parametrize("host", ["127.0.0.1", "khong-co.invalid"])
    def test_one_that_is_not_there(self, host: str) -> None:
        assert ask("https://ten.invalid/", proxy=f"http://{host}:{free_port()}").fault == "proxy"


def _pour(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
