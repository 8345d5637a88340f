"""Echo requests through unprivileged datagram ICMP sockets (icmp(7), RFC 792, RFC 4443), without waiting.

The kernel fills in checksum and identifier and hands over only replies to this socket; the sequence number tells which
request a reply belongs to, and a random text that it is a reply to this process.
"""

from __future__ import annotations

import os
import socket
import struct
import time

ECHO = {socket.AF_INET: 8, socket.AF_INET6: 128}
REPLY = {socket.AF_INET: 0, socket.AF_INET6: 129}
PROTOCOL = {socket.AF_INET: socket.IPPROTO_ICMP, socket.AF_INET6: socket.IPPROTO_ICMPV6}
HEADER = struct.Struct("!BBHHH")
NONCE_BYTES = 32
MAX_REPLY = 2048
SEQUENCES = 1 << 16


class Pinger:
    """One socket for one address family, bound to an interface (SO_BINDTODEVICE, socket(7)) and address where named.

    Raises PermissionError where the system denies it (ping_group_range; before Linux 5.7 binding needs CAP_NET_RAW).
    """

    def __init__(self, family: socket.AddressFamily, interface: str = "", source: str = "") -> None:
        self._family = family
        self._socket = socket.socket(family, socket.SOCK_DGRAM, PROTOCOL[family])
        try:
            if interface:
                self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode())
            if source:
                self._socket.bind((source, 0))
        except OSError:
            self._socket.close()
            raise
        self._socket.setblocking(False)
        self._nonce = os.urandom(NONCE_BYTES)
        self._sequence = 0

    def send(self, address: str) -> int:
        """Send one request; returns its sequence number. Raises OSError where there is no way to the address."""
        self._sequence = (self._sequence + 1) % SEQUENCES
        packet = HEADER.pack(ECHO[self._family], 0, 0, 0, self._sequence) + self._nonce
        self._socket.sendto(packet, (address, 0))
        return self._sequence

    def replies(self) -> list[tuple[int, float]]:
        """What has come since: (sequence number, monotonic time of reading)."""
        found: list[tuple[int, float]] = []
        while True:
            try:
                packet = self._socket.recv(MAX_REPLY)
            except OSError:  # nothing more, or an ICMP error about an earlier request, which so stays unanswered
                return found
            if len(packet) >= HEADER.size and packet[0] == REPLY[self._family] and packet[HEADER.size :] == self._nonce:
                found.append((HEADER.unpack_from(packet)[4], time.monotonic()))

    def fileno(self) -> int:
        return self._socket.fileno()

    def close(self) -> None:
        self._socket.close()
