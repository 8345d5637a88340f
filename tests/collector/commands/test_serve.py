from __future__ import annotations

import os
import signal
import socket
import sqlite3
import ssl
import subprocess
from contextlib import ExitStack, closing, contextmanager
from typing import TYPE_CHECKING

import pytest
from haidang_collector.supervisor.programs import own

from tests.lab.ca import CertificateAuthority
from tests.servers import free_port, get, wait_until_ready
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def refused(*options: str | Path) -> tuple[int, str]:
    """Exit status and words of a `haidang serve` that does not start."""
    done = subprocess.run([own("haidang"), "serve", *options], capture_output=True, text=True, check=False, timeout=120)
    assert done.stdout == ""
    return done.returncode, done.stderr


@contextmanager
def serving(folder: Path, *options: str | Path) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    port = free_port()
    command = [own("haidang"), "serve", "--data", folder, "--listen", f"127.0.0.1:{port}", *options]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, env=os.environ | {"HAIDANG_BODY_TIMEOUT_SECONDS": "5"})
    try:
        assert process.stderr is not None
        assert b"listening on" in process.stderr.readline()
        yield port, process
    finally:
        process.kill()
        process.communicate()


def test_a_taken_port_is_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"

        assert refused("--data", tmp_path, "--listen", address) == (
            1,
            f"cannot listen on {address}: Address already in use; give another with --listen\n",
        )


def test_an_address_of_no_use_is_one_line(tmp_path: Path) -> None:
    assert refused("--data", tmp_path, "--listen", "here") == (
        2,
        "HAIDANG_LISTEN='here': write host:port, as 127.0.0.1:8080 or [::]:8080\n",
    )


def test_certificate_and_key_are_tried_before_anything_listens(tmp_path: Path) -> None:
    certificate, key = CertificateAuthority(tmp_path).issue("127.0.0.1")
    (tmp_path / "no.pem").write_text("nothing")

    for options, said in (
        (("--tls-cert", certificate), "--tls-cert and --tls-key go together"),
        (("--tls-cert", certificate, "--tls-key", tmp_path / "missing"), "missing: No such file or directory"),
        (("--tls-cert", certificate, "--tls-key", tmp_path / "no.pem"), "not a certificate and its key"),
        (("--tls-cert", key, "--tls-key", key), "not a certificate and its key"),
    ):
        status, words = refused("--data", tmp_path, *options)
        assert status == 2
        assert said in words
        assert words.count("\n") == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_in_order_is_a_success(tmp_path: Path, number: signal.Signals) -> None:
    with serving(tmp_path) as (port, process):
        wait_until_ready(f"http://127.0.0.1:{port}/healthz", process)

        process.send_signal(number)

        assert process.wait(timeout=60) == 0
        assert process.stderr is not None
        assert process.stderr.read() == b""


def test_tls_is_served(tmp_path: Path) -> None:
    authority = CertificateAuthority(tmp_path)
    certificate, key = authority.issue("127.0.0.1")
    with serving(tmp_path, "--tls-cert", certificate, "--tls-key", key) as (port, _):
        context = ssl.create_default_context(cafile=certificate)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        with (
            socket.create_connection(("127.0.0.1", port), timeout=60) as plain,
            context.wrap_socket(plain) as secured,
        ):
            secured.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")

            assert secured.recv(12) == b"HTTP/1.1 200"


def test_one_address_cannot_hold_every_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Its connections say nothing at all, and so never come to the end of a TLS handshake.
    """
    monkeypatch.setenv("HAIDANG_CONNECTIONS_PER_ADDRESS", "2")
    certificate, key = CertificateAuthority(tmp_path).issue("127.0.0.1")
    with ExitStack() as stack:
        port, _ = stack.enter_context(serving(tmp_path, "--tls-cert", certificate, "--tls-key", key))
        silent = [stack.enter_context(connected("127.0.0.2", port)) for _ in range(3)]

        assert is_hung_up_on(silent[2])
        assert healthz("127.0.0.3", port) == b"HTTP/1.1 200"
        silent[0].close()
        eventually("there is a place again", lambda: healthz("127.0.0.2", port) == b"HTTP/1.1 200", seconds=30)


def connected(address: str, port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=60, source_address=(address, 0))


def is_hung_up_on(connection: socket.socket) -> bool:
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True


def healthz(address: str, port: int) -> bytes:
    """The answer's beginning; empty where it does not let in."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with connected(address, port) as plain:
        try:
            with context.wrap_socket(plain) as secured:
                secured.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                return secured.recv(12)
        except (ssl.SSLError, ConnectionError):
            return b""


def test_headers_without_end_are_refused(tmp_path: Path) -> None:
    with serving(tmp_path) as (port, process):
        url = f"http://127.0.0.1:{port}/healthz"
        wait_until_ready(url, process)
        with socket.create_connection(("127.0.0.1", port), timeout=60) as hostile:
            hostile.sendall(b"GET / HTTP/1.1\r\nX: " + b"a" * 40_000)

            assert hostile.recv(12).startswith(b"HTTP/1.1 4")
        assert get(url) == b"ok\n"


def test_upgrade_fills_an_empty_folder_and_refuses_a_newer_one(tmp_path: Path) -> None:
    with serving(tmp_path, "--upgrade") as (port, process):
        wait_until_ready(f"http://127.0.0.1:{port}/healthz", process)
    with closing(sqlite3.connect(tmp_path / "haidang.db")) as database, database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")

    status, words = refused("--data", tmp_path, "--upgrade", "--listen", "127.0.0.1:0")

    assert (status, words.count("\n")) == (2, 1)
    assert "version 9999, newer than" in words
