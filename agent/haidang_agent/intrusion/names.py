"""The name servers of this machine, and questions to one of them (RFC 1035), past the system's own cache."""

from __future__ import annotations

import secrets
import select
import socket
import struct
import time
from ipaddress import IPv4Address
from pathlib import Path

from haidang_agent.lanwatch.protocols import MalformedError
from haidang_agent.lanwatch.protocols.dns import DNS_PORT, HEAD, A, Dns, read

RESOLVERS = Path("/etc/resolv.conf")
BEHIND_STUB = Path("/run/systemd/resolve/resolv.conf")
STUB = IPv4Address("127.0.0.53")
"""Of systemd, and the file of the servers that it asks (systemd-resolved.service(8))."""
MOST_SERVERS = 3
LONGEST_FILE = 1 << 16
ANSWER_SECONDS = 2.0
TRIES = 2
LONGEST_ANSWER = 4096
RECURSION = 0x0100


def name_servers(file: Path = RESOLVERS, behind_stub: Path = BEHIND_STUB) -> list[IPv4Address]:
    """Those of IPv4 in resolv.conf(5). Raises OSError."""
    servers = _servers(file)
    return _servers(behind_stub) if servers == [STUB] and behind_stub.exists() else servers


def _servers(file: Path) -> list[IPv4Address]:
    found = []
    with file.open(errors="replace") as text:
        lines = text.read(LONGEST_FILE).splitlines()
    for words in map(str.split, lines):
        if words[:1] == ["nameserver"] and len(words) > 1:
            try:
                found.append(IPv4Address(words[1]))
            except ValueError:  # a server of IPv6, which is asked by others
                continue
    return found[:MOST_SERVERS]


def addresses(name: str, server: IPv4Address) -> list[IPv4Address] | None:
    """The A records of `name`, in order; none where there is no such name; None where the server does not answer."""
    for _ in range(TRIES):
        said = _ask(name, server)
        if said is not None:
            return sorted(IPv4Address(each) for each in said.answers if len(each) == 4)  # noqa: PLR2004 - IPv4
    return None


def _ask(name: str, server: IPv4Address) -> Dns | None:
    """From a port of its own with a number by chance, so that nobody else can answer."""
    number = secrets.randbits(16)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        asked.setblocking(False)
        try:
            asked.connect((str(server), DNS_PORT))
            asked.send(question(name, number))
            until = time.monotonic() + ANSWER_SECONDS
            while (left := until - time.monotonic()) > 0:
                if not select.select([asked], [], [], left)[0]:
                    return None
                said = _read(asked.recv(LONGEST_ANSWER))
                if said is not None and (said.id, said.name, said.is_response) == (number, name, True):
                    return said
        except OSError:  # refused, or no way there: no answer
            return None
    return None


def _read(message: bytes) -> Dns | None:
    try:
        return read(message)
    except MalformedError:
        return None


def question(name: str, number: int, *, recursion: bool = True) -> bytes:
    """For the A records. `name` is ASCII, its labels no longer than 63 bytes. Neighbours do no recursion."""
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    return HEAD.pack(number, RECURSION if recursion else 0, 1, 0, 0, 0) + labels + b"\0" + struct.pack("!HH", A, 1)
