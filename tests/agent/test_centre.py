"""The client to the collector: whom it trusts, what it takes from it, and what it says when it cannot."""

from __future__ import annotations

import ipaddress
import socket
import ssl
import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from haidang_agent.centre import MAX_ANSWER_BYTES, Centre, UnreachableError, check_url

from tests.agent.scripted_centre import Say, ScriptedCentre, scripted_centre
from tests.servers import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Authority:
    """A CA of a department, in files."""

    def __init__(self, folder: Path, name: str) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        self._folder = folder
        own = self._builder(self._name, self._key).add_extension(x509.BasicConstraints(ca=True, path_length=0), True)
        usage = dict.fromkeys(
            ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
             "encipher_only", "decipher_only"), False,
        )  # fmt: skip
        own = own.add_extension(x509.KeyUsage(key_cert_sign=True, crl_sign=True, **usage), True)
        self.file = folder / f"{name}.pem"
        self.file.write_bytes(own.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))

    def server(self) -> ssl.SSLContext:
        """A context with a certificate for 127.0.0.1."""
        key = ec.generate_private_key(ec.SECP256R1())
        address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        certificate = (
            self._builder(x509.Name([]), key)
            .add_extension(address, True)
            .add_extension(issuer, False)
            .sign(self._key, hashes.SHA256())
        )
        file = self._folder / "server.pem"
        file.write_bytes(
            certificate.public_bytes(serialization.Encoding.PEM)
            + key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        return context

    def _builder(self, name: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder(self._name, name, key.public_key(), x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
        )


@pytest.fixture
def centre() -> Iterator[ScriptedCentre]:
    with scripted_centre() as server:
        yield server


class TestTls:
    """Certificates are always checked."""

    def test_the_departments_own_ca(self, tmp_path: Path) -> None:
        """A certificate of the CA in [server] ca is accepted, and the connection is kept."""
        authority = Authority(tmp_path, "ours")
        with scripted_centre(tls=authority.server()) as centre:
            client = Centre(centre.url, authority.file)
            assert [client.write(b"").status for _ in range(2)] == [204, 204]
            client.close()
            assert len({asked.connection for asked in centre.asked}) == 1

    def test_an_idle_tls_connection_closed_by_the_server(self, tmp_path: Path) -> None:
        """Asked again at once, as without TLS."""
        authority = Authority(tmp_path, "ours")
        with scripted_centre(tls=authority.server()) as centre:
            client = Centre(centre.url, authority.file)
            client.write(b"")
            dropped = centre.asked[0].connection
            centre.answer = lambda asked: Say(hang_up=asked.connection == dropped)
            assert client.write(b"").status == 204
            client.close()

    @pytest.mark.parametrize("with_file", [True, False], ids=["another CA", "no file"])
    def test_an_unknown_ca(self, tmp_path: Path, with_file: bool) -> None:
        """Refused before a word is said; the text names the setting that mends it."""
        other = Authority(tmp_path, "other").file if with_file else None
        with scripted_centre(tls=Authority(tmp_path, "ours").server()) as centre:
            client = Centre(centre.url, other, credentials="a.key")
            with pytest.raises(UnreachableError, match=r"not trusted.*\[server\] ca"):
                client.write(b"")
            assert centre.asked == []

    @pytest.mark.parametrize("content", [None, "", "no certificate"], ids=["missing", "empty", "other"])
    def test_a_ca_file_that_is_none(self, tmp_path: Path, content: str | None) -> None:
        """The text names the setting and the file."""
        file = tmp_path / "ca.pem"
        if content is not None:
            file.write_text(content)
        with pytest.raises(UnreachableError, match=r"\[server\] ca: .*ca\.pem"):
            Centre(f"https://127.0.0.1:{free_port()}", file).config(None)


class TestAddress:
    """What may be written as the collector's address."""

    @pytest.mark.parametrize(
        ("url", "why"),
        [
            ("http://192.0.2.1:8080", "clear text"),
            ("http://collector.example", "clear text"),
            ("http://127.0.0.1.example", "clear text"),
            ("ftp://127.0.0.1", "no address"),
            ("collector.example", "no address"),
            ("https://", "no address"),
            ("https://[::1", "no address"),
            ("https://a:b", "no address"),
            ("https://collector.example/api", "has a path"),
        ],
    )
    def test_refused(self, url: str, why: str) -> None:
        """Keys never leave in clear text; the text says what to write."""
        with pytest.raises(ValueError, match=why):
            Centre(url)

    @pytest.mark.parametrize("url", ["http://127.0.0.1:1", "http://[::1]:1", "http://localhost", "https://a.example/"])
    def test_accepted(self, url: str) -> None:
        """Loopback may be http; a trailing slash is nothing."""
        assert check_url(url) == url.rstrip("/")

    def test_a_name_that_cannot_be(self) -> None:
        """A label of 64 letters is refused by the resolver's codec, not by DNS: also no answer."""
        with pytest.raises(UnreachableError, match="label"):
            Centre(f"https://{'a' * 64}.example").config(None)


class TestAnswers:
    """Whatever comes, it is an Answer or an UnreachableError."""

    def test_bounded(self, centre: ScriptedCentre) -> None:
        """Of an endless body one MiB is read; the next question gets its own answer."""
        centre.answer = lambda _: Say(200, b"x" * (3 * MAX_ANSWER_BYTES))
        client = Centre(centre.url)
        assert len(client.config(None).body) == MAX_ANSWER_BYTES
        centre.answer = lambda _: Say(200, b"short")
        assert client.config(None).body == b"short"
        client.close()

    def test_the_text_for_a_person(self, centre: ScriptedCentre) -> None:
        """One line, shortened."""
        centre.answer = lambda _: Say(500, b"over\n\nloaded " + b"x" * 2000)
        client = Centre(centre.url)
        text = client.config(None).text
        client.close()
        assert text.startswith("over loaded xxx")
        assert len(text) <= 500

    @pytest.mark.parametrize(
        "words",
        [
            b"",
            b"SSH-2.0-OpenSSH_9.2\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort",
            b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70_000,
            b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        ],
        ids=["nothing", "ssh", "cut off", "long header", "many headers", "bad chunk"],
    )
    def test_no_answer(self, words: bytes) -> None:
        """The text says with whom it spoke."""
        with raw_server(words) as port, pytest.raises(UnreachableError, match=f"127.0.0.1:{port}: .+"):
            Centre(f"http://127.0.0.1:{port}").config(None)

    def test_nobody_listens(self) -> None:
        """Connection refused, with the address."""
        port = free_port()
        with pytest.raises(UnreachableError, match=f"127.0.0.1:{port}.*refused"):
            Centre(f"http://127.0.0.1:{port}").config(None)

    def test_the_time_is_told(self, centre: ScriptedCentre) -> None:
        """Of every answer that carries it, also of a refusal, with the two instants around it."""
        centre.clock = lambda: 1234.5678
        centre.answer = lambda _: Say(401)
        heard: list[tuple[float, float, float]] = []
        client = Centre(centre.url, learn=lambda *told: heard.append(told))
        client.config(None)
        client.close()
        ((seconds, sent, received),) = heard
        assert seconds == 1234.568
        assert 0 < received - sent < 60

    @pytest.mark.parametrize("nonsense", ["nan", "inf", "-1", "soon", "1e400", "9" * 12, ""])
    def test_a_time_that_is_none(self, centre: ScriptedCentre, nonsense: str) -> None:
        """Nobody hears of it."""
        centre.answer = lambda _: Say(headers={"Haidang-Time": nonsense}, time=False)
        heard: list[float] = []
        client = Centre(centre.url, learn=lambda seconds, *_: heard.append(seconds))
        with pytest.raises(UnreachableError, match="is no time"):
            client.config(None)
        client.close()
        assert heard == []

    def test_the_etag_is_sent(self, centre: ScriptedCentre) -> None:
        """The configuration is only sent again where it changed."""
        centre.answer = lambda asked: Say(304 if asked.headers.get("if-none-match") == '"7"' else 200, b"")
        client = Centre(centre.url)
        assert client.config(None).status == 200
        assert client.config('"7"').status == 304
        client.close()


class raw_server:  # noqa: N801 - used as a function
    """Says `words` to whoever connects, and closes."""

    def __init__(self, words: bytes) -> None:
        self._words = words
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve)

    def _serve(self) -> None:
        connection, _ = self._socket.accept()
        with connection:
            connection.recv(65536)
            try:
                connection.sendall(self._words)
                connection.shutdown(socket.SHUT_WR)
                connection.recv(65536)
            except OSError:
                return

    def __enter__(self) -> int:
        self._thread.start()
        port: int = self._socket.getsockname()[1]
        return port

    def __exit__(self, *_: object) -> None:
        self._thread.join()
        self._socket.close()
