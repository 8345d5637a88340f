"""Does a server still speak TLS 1.0 or 1.1? Asked by a ClientHello of our own, for OpenSSL may know them no longer.

RFC 5246, 7.4.1 (hello messages; the same in RFC 2246 and 4346), RFC 6066, 3 (server name), RFC 8446, 6.2 (alerts).
"""

from __future__ import annotations

import ipaddress
import os
from typing import TYPE_CHECKING

from haidang_agent.dialling import NoAnswerError, Stream, connect

if TYPE_CHECKING:
    import io

    from haidang_agent.dialling import Deadline

TLS_1_0, TLS_1_1 = 0x0301, 0x0302
ALERT, HANDSHAKE = 21, 22
CLIENT_HELLO, SERVER_HELLO = 1, 2
WARNING = 1
MOST_ALERTS = 4
HELLO_HEAD = 6
"""Bytes of a ServerHello up to the version it chose."""
CIPHERS = (
    0xC009, 0xC00A, 0xC013, 0xC014, 0x0033, 0x0039, 0x002F, 0x0035,  # AES-CBC: ECDHE-ECDSA, ECDHE-RSA, DHE-RSA, RSA
    0xC008, 0xC012, 0x0016, 0x000A, 0xC007, 0xC011, 0x0005, 0x0004,  # 3DES, RC4
    0x00FF,  # renegotiation info, RFC 5746
)  # fmt: skip
"""Whatever a server of that time may have: where it refuses, it refuses the version."""
SERVER_NAME, GROUPS, POINT_FORMATS = 0, 10, 11
CURVES = (0x001D, 0x0017, 0x0018, 0x0019)


def speaks(host: str, port: int, version: int, deadline: Deadline) -> bool:
    """Whether the server agrees to `version`. Raises NoAnswerError where it says neither."""
    patience = deadline.part()
    where = f"{host}:{port}"
    try:
        with connect(host, port, patience) as connection:
            connection.sendall(client_hello(host, version))
            return agrees(Stream(connection, patience).makefile("rb"), version, where)
    except ConnectionError:  # many refuse by hanging up
        return False
    except OSError as failed:
        raise NoAnswerError(f"{where}: {failed}") from failed


def client_hello(host: str, version: int) -> bytes:
    """A record that offers `version` at most."""
    ciphers = b"".join(cipher.to_bytes(2, "big") for cipher in CIPHERS)
    body = version.to_bytes(2, "big") + os.urandom(32) + b"\x00" + _long(ciphers) + b"\x01\x00" + _extensions(host)
    handshake = bytes([CLIENT_HELLO]) + len(body).to_bytes(3, "big") + body
    return bytes([HANDSHAKE]) + TLS_1_0.to_bytes(2, "big") + _long(handshake)


def agrees(answer: io.BufferedReader, version: int, where: str) -> bool:
    """Reads up to the ServerHello. Raises NoAnswerError for what is no TLS."""
    for _ in range(MOST_ALERTS):
        head = answer.read(5)
        kind, major, length = head[:1], head[1:2], int.from_bytes(head[3:5], "big")
        if not head or kind + major == bytes([ALERT, 3]):
            alert = answer.read(2) if head else b""
            if alert[:1] != bytes([WARNING]) or length != len(alert):
                return False
            continue
        hello = answer.read(HELLO_HEAD) if kind + major == bytes([HANDSHAKE, 3]) else b""
        if len(hello) < HELLO_HEAD or hello[0] != SERVER_HELLO:
            raise NoAnswerError(f"{where}: what answers there speaks no TLS")
        return int.from_bytes(hello[4:6], "big") == version
    raise NoAnswerError(f"{where}: more than {MOST_ALERTS} alerts and no answer")


def _extensions(host: str) -> bytes:
    curves = b"".join(curve.to_bytes(2, "big") for curve in CURVES)
    found = _extension(GROUPS, _long(curves)) + _extension(POINT_FORMATS, b"\x01\x00")
    if not _is_address(host):
        found = _extension(SERVER_NAME, _long(b"\x00" + _long(host.encode("ascii")))) + found
    return _long(found)


def _extension(number: int, content: bytes) -> bytes:
    return number.to_bytes(2, "big") + _long(content)


def _long(content: bytes) -> bytes:
    """With its length before it, in two bytes."""
    return len(content).to_bytes(2, "big") + content


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
