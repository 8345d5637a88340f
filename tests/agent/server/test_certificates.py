"""Until when certificates are valid: of files, and of what really listens."""

from __future__ import annotations

import datetime as dt
import os
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from haidang_agent.server import certificates
from haidang_agent.server.certificates import expiry
from haidang_agent.unread import UnreadError

from tests.agent.website.hostile import dripping, serving
from tests.lab.ca import CertificateAuthority
from tests.servers import free_port

DAY = dt.timedelta(days=1)


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """Certificate and key, expired a day ago."""
    return CertificateAuthority(tmp_path).issue("127.0.0.1", (-2 * DAY, -DAY))


@pytest.fixture
def listening(files: tuple[Path, Path]) -> Iterator[int]:
    """The port of a server that shows the certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*files)

    def greet(connection: socket.socket, _: threading.Event) -> None:
        context.wrap_socket(connection, server_side=True).close()

    with serving(greet) as port:
        yield port


def test_a_file(files: tuple[Path, Path]) -> None:
    assert expiry(str(files[0])) == pytest.approx(time.time() - 86400, abs=60)


def test_of_a_chain_the_first_to_end_counts(files: tuple[Path, Path], tmp_path: Path) -> None:
    chain = tmp_path / "fullchain.pem"
    chain.write_bytes((tmp_path / "ca.pem").read_bytes() + files[1].read_bytes() + files[0].read_bytes())

    assert expiry(str(chain)) == expiry(str(files[0])) < expiry(str(tmp_path / "ca.pem"))


def test_what_listens_whether_trusted_or_not(files: tuple[Path, Path], listening: int) -> None:
    assert expiry(f"127.0.0.1:{listening}") == expiry(str(files[0]))


@pytest.mark.parametrize("place", ["/no/such/file.pem", "thcs.example", "thcs.example:x", ":443", "thcs.example:99999"])
def test_what_cannot_be_read_is_named(place: str) -> None:
    with pytest.raises(UnreadError) as why:
        expiry(place)

    assert str(why.value).startswith(f"{place} is not read: ")


def test_a_closed_port_a_pipe_and_a_key_are_no_certificates(files: tuple[Path, Path], tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for place in (f"127.0.0.1:{free_port()}", str(tmp_path / "pipe"), str(files[1])):
        with pytest.raises(UnreadError):
            expiry(place)


def test_a_server_that_drips_is_left_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(certificates, "PATIENCE_SECONDS", 0.5)
    with serving(dripping(b"", b"\x16", 0.1)) as port, pytest.raises(UnreadError):
        expiry(f"127.0.0.1:{port}")
