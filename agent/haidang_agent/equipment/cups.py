"""The printers that hang on this machine, by the queues of its CUPS: asked as any print dialogue asks, with no secret.

The operation, `printer-type` and the device URIs are described in CUPS' "IPP Implementation" and "Printer URIs".
"""

from __future__ import annotations

import io
import re
import socket
import time
from http.client import HTTPException, HTTPResponse
from typing import TYPE_CHECKING, NamedTuple, cast
from urllib.parse import unquote

from haidang_agent.equipment.ipp import IppError, printers, request
from haidang_agent.i18n import _
from haidang_agent.unread import UnreadError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

CUPS_GET_PRINTERS = 0x4002
WANTED = ("device-uri", "printer-type")
ANSWER_SECONDS = 10.0
LARGEST_ANSWER = 1 << 20
CHUNK = 1 << 16
HTTP_OK = 200

A_CLASS, A_FAX = 0x0001, 0x040000
"""Bits of `printer-type`."""
LOCAL = frozenset({"usb", "parallel", "serial", "scsi", "ccp", "cnijusb", "mfp"})
"""CUPS' own backends, and those of Canon's and Samsung's drivers that know no network."""
BY_PATH = re.compile(r"hp:/(?:usb|par)/|[a-z0-9-]+\+usb:|[a-z0-9-]+:.*[?&]port=usb\b", re.IGNORECASE)
"""Backends that know both: of HPLIP, Gutenprint, Canon."""
IPP_OVER_USB = re.compile(
    r"ipps?://(?:localhost|127\.0\.0\.1|\[::1\]):6[0-9]{4}(?:/|$)|(?:dnssd|ipps?)://[^/]*\(USB\)\._", re.IGNORECASE
)
"""ipp-usb(8) serves each printer on loopback, on a port from 60000 on, and names it by mDNS."""
WRAPPED = re.compile(r"beh:/[^/]*/[^/]*/[^/]*/", re.IGNORECASE)
"""Before the URI of the printer that the backend error handler looks after."""
SERIAL = re.compile(r"(?:^|&)serial=([^&]*)")
SHORTEST_SERIAL = 6


class Queue(NamedTuple):
    """As CUPS tells it."""

    uri: str
    kind: int


def local_printers(path: Path, port: int | None) -> int | None:
    """By the CUPS that listens at `path`, else at `port` of loopback; None where there is none. Raises UnreadError."""
    try:
        connection = _connect(path, port)
        if connection is None:
            return None
        with connection:
            told = printers(_ask(connection))
    except TimeoutError:
        raise UnreadError(_("{command} did not answer in time").format(command="CUPS")) from None
    except (OSError, HTTPException, IppError) as failed:
        raise UnreadError(_("{command} failed: {why}").format(command="CUPS", why=failed)) from None
    return count(Queue(_text(one, "device-uri"), int.from_bytes(one.get("printer-type", b""), "big")) for one in told)


def count(queues: Iterable[Queue]) -> int:
    """Devices on a cable of this machine: two queues of one device are one, faxes and classes of queues are none."""
    local = (WRAPPED.sub("", queue.uri) for queue in queues if not queue.kind & (A_CLASS | A_FAX))
    return len({_device(uri) for uri in local if _is_local(uri)})


def _is_local(uri: str) -> bool:
    if uri.partition(":")[0].lower() in LOCAL or BY_PATH.match(uri):
        return True
    return IPP_OVER_USB.match(unquote(uri)) is not None


def _device(uri: str) -> str:
    """The serial number, where it looks like one; else maker and model, which drivers write in several ways."""
    path, _mark, query = uri.partition("?")
    told = SERIAL.search(query)
    serial = unquote(told[1]).strip().lower() if told else ""
    if len(serial) >= SHORTEST_SERIAL and len(set(serial)) > 1:
        return f"serial {serial}"
    model = re.sub(r"^[^:]*:(?:/(?:usb|par)/)?", "", unquote(path).lower())
    return re.sub(r"[^0-9a-z]+", "", model)


def _text(attributes: dict[str, bytes], name: str) -> str:
    return attributes.get(name, b"").decode(errors="replace")


def _connect(path: Path, port: int | None) -> socket.socket | None:
    """Raises OSError where CUPS is there and does not let us in."""
    if path.exists():
        local = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            local.settimeout(ANSWER_SECONDS)
            local.connect(str(path))
        except OSError:
            local.close()
            raise
        return local
    try:
        return None if port is None else socket.create_connection(("127.0.0.1", port), ANSWER_SECONDS)
    except ConnectionRefusedError:
        return None


def _ask(connection: socket.socket) -> bytes:
    """HTTP/1.0, so that the answer ends with the connection."""
    body = request(CUPS_GET_PRINTERS, WANTED)
    head = f"POST / HTTP/1.0\r\nHost: localhost\r\nContent-Type: application/ipp\r\nContent-Length: {len(body)}\r\n\r\n"
    deadline = time.monotonic() + ANSWER_SECONDS
    connection.sendall(head.encode() + body)
    said = io.BytesIO()
    while chunk := _receive(connection, deadline):
        said.write(chunk)
        if said.tell() > LARGEST_ANSWER:
            raise IppError(f"an answer of more than {LARGEST_ANSWER} bytes")
    response = HTTPResponse(cast("socket.socket", _Said(said.getvalue())))
    response.begin()
    if response.status != HTTP_OK:
        raise IppError(f"HTTP status {response.status}")
    return response.read()


def _receive(connection: socket.socket, deadline: float) -> bytes:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    connection.settimeout(left)
    return connection.recv(CHUNK)


class _Said(NamedTuple):
    """What was received, in the place of the socket that http.client reads from."""

    content: bytes

    def makefile(self, _mode: str) -> io.BytesIO:
        return io.BytesIO(self.content)
