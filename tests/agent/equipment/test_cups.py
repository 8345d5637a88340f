"""Printers by a real CUPS, and by what stands in its place."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from haidang_agent.equipment import cups
from haidang_agent.equipment.cups import Queue, count, local_printers
from haidang_agent.unread import UnreadError
from hypothesis import example, given
from hypothesis import strategies as st

from tests.agent.equipment.cupsd import Cupsd
from tests.servers import free_port

NOWHERE = Path("/nonexistent/cups.sock")
QUEUES = {
    "office": "usb://HP/LaserJet%201020?serial=AB12CD34",
    "office-draft": "hp:/usb/HP_LaserJet_1020?serial=AB12CD34",
    "office-fax": "hpfax:/usb/HP_LaserJet_1020?serial=AB12CD34",
    "library": "ccp://localhost:59687",
    "staff-room": "socket://192.0.2.7:9100",
    "shared": "smb://pc-1/Canon",
    "pdf": "cups-pdf:/",
}


def test_a_real_cups_by_its_socket_and_by_tcp(tmp_path: Path) -> None:
    with Cupsd(tmp_path, QUEUES) as real:
        assert local_printers(real.socket, None) == 2
        assert local_printers(NOWHERE, real.port) == 2


def test_a_real_cups_without_queues(tmp_path: Path) -> None:
    with Cupsd(tmp_path, {}) as real:
        assert local_printers(real.socket, None) == 0


def test_a_real_cups_that_lets_nobody_in(tmp_path: Path) -> None:
    with (
        Cupsd(tmp_path, QUEUES, access="AuthType Basic\nRequire valid-user") as real,
        pytest.raises(UnreadError, match="HTTP status 40"),
    ):
        local_printers(real.socket, None)


def test_no_cups_at_all() -> None:
    assert local_printers(NOWHERE, None) is None
    assert local_printers(NOWHERE, free_port()) is None


def test_a_socket_nobody_listens_at(tmp_path: Path) -> None:
    """A CUPS that has died: its queues are not known, and not none."""
    with socket.socket(socket.AF_UNIX) as left_over:
        left_over.bind(str(tmp_path / "cups.sock"))

    with pytest.raises(UnreadError, match=r"CUPS failed: .*refused"):
        local_printers(tmp_path / "cups.sock", None)


@contextmanager
def saying(path: Path, answer: bytes, *, hold: bool = False) -> Iterator[Path]:
    """A server that answers one connection, and with `hold` keeps it open."""
    done = threading.Event()

    def serve() -> None:
        connection, _ = server.accept()
        with connection:
            connection.recv(1 << 16)
            try:
                connection.sendall(answer)
            except BrokenPipeError:
                return
            if hold:
                done.wait(30)

    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()
        thread = threading.Thread(target=serve)
        thread.start()
        yield path
        done.set()
        thread.join()


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (b"", "Remote end closed connection"),
        (b"\x00\xff" * 50, "\x00"),
        (b"HTTP/1.1 200 OK\r\n\r\n", "breaks off after 0 bytes"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n\x01\x01", "2 bytes read"),
        (b"HTTP/1.1 426 Upgrade Required\r\nContent-Length: 0\r\n\r\n", "HTTP status 426"),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 5000, "more than 100 headers"),
        (b"HTTP/1.1 200 OK\r\n\r\n" + b"\x00" * (cups.LARGEST_ANSWER + 1), "more than 1048576 bytes"),
    ],
)
def test_what_is_no_answer(tmp_path: Path, answer: bytes, why: str) -> None:
    with saying(tmp_path / "s", answer) as path, pytest.raises(UnreadError, match=f"CUPS failed: .*{why}"):
        local_printers(path, None)


def test_one_that_never_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cups, "ANSWER_SECONDS", 0.2)
    with saying(tmp_path / "s", b"HTTP/1.1 200 OK\r\n", hold=True) as path, pytest.raises(UnreadError, match="in time"):
        local_printers(path, None)


def test_a_socket_that_may_not_be_opened(tmp_path: Path) -> None:
    """Root may: so as nobody, in a process of its own."""
    with Cupsd(tmp_path, QUEUES) as real:
        begin = "import os; from pathlib import Path; from haidang_agent.equipment.cups import local_printers"
        script = f"{begin}; os.setuid(65534); local_printers(Path({str(real.socket)!r}), None)"
        done = subprocess.run([sys.executable, "-c", script], env={}, capture_output=True, text=True, check=False)

    assert "UnreadError: CUPS failed: [Errno 13] Permission denied" in done.stderr


@pytest.mark.parametrize(
    "uri",
    [
        "usb://Canon/LBP2900?serial=0000A1B2C3D4",
        "usb:/dev/usb/lp0",
        "parallel:/dev/lp0",
        "serial:/dev/ttyS0?baud=9600",
        "hp:/usb/HP_LaserJet?serial=X",
        "hp:/par/HP_LaserJet?device=/dev/parport0",
        "gutenprint53+usb://canon-ip2700/XYZ",
        "cnijusb:/dev/usb/lp1",
        "cnijbe2://Canon/?port=usb&serial=XYZ",
        "ccp://localhost:59787",
        "beh:/1/3/5/usb://HP/LaserJet",
        "ipp://localhost:60000/ipp/print",
        "ipp://HP%20Laser%20MFP%20131%20(USB)._ipp._tcp.local/",
        "dnssd://HP%20Laser%20MFP%20131%20%28USB%29._ipp._tcp.local/?uuid=1",
    ],
)
def test_on_a_cable_of_this_machine(uri: str) -> None:
    assert count([Queue(uri, 0)]) == 1


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "socket://192.0.2.7",
        "ipp://192.0.2.7:60000/ipp/print",
        "ipp://localhost:631/printers/office",
        "ipps://Office._ipps._tcp.local/",
        "dnssd://Office._pdl-datastream._tcp.local/",
        "lpd://print-server/raw",
        "smb://pc-1/Canon",
        "hp:/net/HP_LaserJet?ip=192.0.2.7",
        "hpfax:/usb/HP_LaserJet?serial=X",
        "cnijbe2://Canon/?port=net&serial=XYZ",
        "beh:/1/3/5/socket://192.0.2.7",
        "implicitclass://Office/",
        "cups-pdf:/",
        "file:///dev/null",
        "http://[::1",
    ],
)
def test_elsewhere_or_nowhere(uri: str) -> None:
    assert count([Queue(uri, 0)]) == 0


def test_a_class_and_a_fax_are_no_printers() -> None:
    assert count([Queue("usb://HP/LaserJet", 0x0001), Queue("usb://HP/LaserJet", 0x04_0000 | 4)]) == 0


@given(st.text(max_size=50) | st.text("usb:/?&=%serial0aA", max_size=200).map("usb:".__add__), st.integers(0, 2**32))
@example("usb://HP/x?" + "&" * 5000 + "serial=AB12CD34", 4)
@example("ipp://[::1", 4)
def test_whatever_a_queue_is_called_it_is_one_or_none(uri: str, kind: int) -> None:
    assert count([Queue(uri, kind)] * 2) in {0, 1}


def test_queues_of_one_device_are_one() -> None:
    """By serial number, or by the model where that is none."""
    assert count([Queue(uri, 4) for uri in ("usb://HP/LaserJet%201020", "hp:/usb/HP_LaserJet_1020?serial=000000")]) == 1
    assert count([Queue(f"usb://HP/P1102?serial=AB12CD{end}", 4) for end in ("34", "34&interface=1", "35")]) == 2
