"""LANs with many hosts: one process that answers ARP, and datagrams, for as many machines as are wanted.

A namespace a host would take a minute to build for 254 of them. The `other` end of a veth pair holds no address of its
own; `StandIn` hears every frame there and answers as the machines would.
"""

from __future__ import annotations

import socket
import struct
import subprocess
import threading
from collections import Counter
from contextlib import ExitStack
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, NamedTuple, Self

from tests.agent.namespaces import Namespace
from tests.lab.node import Node
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

ARP, IPV4, UDP, REQUEST, REPLY = 0x0806, 0x0800, 17, 1, 2
FRAME = struct.Struct("!6s6sHHHBBH6s4s6s4s")
POLL_SECONDS = 0.05
SO_RCVBUFFORCE, SO_TIMESTAMPNS = 33, 35
ARP_BYTES = b"\x08\x06"


class Datagram(NamedTuple):
    """What came to a machine, by UDP; `mac` is the sender's."""

    mac: bytes
    source: tuple[str, int]
    target: tuple[str, int]
    payload: bytes


class Host(NamedTuple):
    """A machine: its hardware and addresses, and what it says to a datagram (None: nothing)."""

    mac: str
    addresses: tuple[str, ...]
    says: Callable[[Datagram], bytes | None] | None = None
    proxy: bool = False
    """Answers ARP for every address (RFC 1027)."""


class StandIn(threading.Thread):
    """Answers on `interface` of `namespace` for the hosts; counts the questions, and keeps when each came."""

    def __init__(self, namespace: str, interface: str, hosts: Iterable[Host]) -> None:
        super().__init__(daemon=True)
        self.questions: Counter[str] = Counter()
        self.times: list[float] = []
        self.datagrams: list[Datagram] = []
        self._namespace, self._interface = namespace, interface
        self._hosts = tuple(hosts)
        self._owners = _owners(self._hosts)
        self._ready, self._ending = threading.Event(), threading.Event()

    def __enter__(self) -> Self:
        self.start()
        if not self._ready.wait(60):
            raise TimeoutError("the stand-in did not start")
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self.join(60)

    def run(self) -> None:
        with _socket_in(self._namespace, self._interface) as raw:
            self._ready.set()
            while not self._ending.is_set():
                try:
                    frame, told, _flags, _address = raw.recvmsg(2048, 64)
                except TimeoutError:
                    continue
                if frame[12:14] == ARP_BYTES:
                    seconds, nanoseconds = struct.unpack("@qq", told[0][2][:16])
                    self.times.append(seconds + nanoseconds / 1e9)
                for answer in self._answers(frame):
                    raw.send(answer)

    @property
    def busiest_second(self) -> int:
        """ARP frames in the fullest second of all, by the kernel's time of each."""
        most, first = 0, 0
        for last, at in enumerate(self.times):
            while self.times[first] <= at - 1.0:
                first += 1
            most = max(most, last - first + 1)
        return most

    def _answers(self, frame: bytes) -> Iterable[bytes]:
        kind = int.from_bytes(frame[12:14])
        if kind == ARP and len(frame) >= FRAME.size:
            return self._arp(frame)
        if kind == IPV4 and frame[23] == UDP:
            return self._udp(frame)
        return ()

    def _arp(self, frame: bytes) -> Iterable[bytes]:
        *_, operation, mac, sender, _, wanted = FRAME.unpack_from(frame)
        if operation != REQUEST:
            return
        self.questions[str(IPv4Address(wanted))] += 1
        for host in (*self._owners.get(wanted, ()), *(each for each in self._hosts if each.proxy)):
            own = _mac(host.mac)
            yield FRAME.pack(mac, own, ARP, 1, IPV4, 6, 4, REPLY, own, wanted, mac, sender)

    def _udp(self, frame: bytes) -> Iterable[bytes]:
        head = 14 + (frame[14] & 15) * 4
        ports = struct.unpack_from("!HH", frame, head)
        addresses = frame[26:30], frame[30:34]
        came = Datagram(
            frame[6:12],
            (str(IPv4Address(addresses[0])), ports[0]),
            (str(IPv4Address(addresses[1])), ports[1]),
            frame[head + 8 :],
        )
        self.datagrams.append(came)
        group = addresses[1][0] >= 224 or addresses[1] == b"\xff" * 4
        for host in self._hosts if group else self._owners.get(addresses[1], ()):
            said = host.says(came) if host.says and host.addresses else None
            if said is not None:
                yield _reply(host, came, addresses[0], said)


def _owners(hosts: Iterable[Host]) -> Mapping[bytes, list[Host]]:
    owners: dict[bytes, list[Host]] = {}
    for host in hosts:
        for address in host.addresses:
            owners.setdefault(IPv4Address(address).packed, []).append(host)
    return owners


def _reply(host: Host, came: Datagram, target: bytes, said: bytes) -> bytes:
    source = IPv4Address(host.addresses[0]).packed
    udp = struct.pack("!HHHH", came.target[1], came.source[1], 8 + len(said), 0) + said
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(udp), 0, 0, 64, UDP, 0) + source + target
    total = sum(struct.unpack("!10H", head))
    total = (total & 0xFFFF) + (total >> 16)
    total = ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF
    return came.mac + _mac(host.mac) + struct.pack("!H", IPV4) + head[:10] + struct.pack("!H", total) + head[12:] + udp


def _mac(text: str) -> bytes:
    return bytes.fromhex(text.replace(":", ""))


def _socket_in(namespace: str, interface: str) -> socket.socket:
    """A packet socket there (setns(2) holds for this thread alone)."""
    with Node(namespace).inside():
        raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        raw.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 22)
        raw.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        raw.bind((interface, 3))
        raw.settimeout(POLL_SECONDS)
    return raw


class Wire:
    """`agent` (interface lan0 with `addresses`) and the stand-in's end of one cable; context manager."""

    def __init__(self, hosts: Iterable[Host], addresses: Iterable[str] = ("10.9.0.1/24",)) -> None:
        self._hosts, self._addresses = tuple(hosts), tuple(addresses)
        self.agent, self._other = Namespace(), Namespace()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            for namespace in (self.agent, self._other):
                stack.enter_context(namespace)
            peer = ("peer", "end0", "netns", self._other.name)
            self.agent.ip("link", "add", "lan0", "address", "3c:52:82:00:00:01", "type", "veth", *peer)
            for address in self._addresses:
                self.agent.ip("address", "add", address, "broadcast", "+", "dev", "lan0")
            self.agent.ip("link", "set", "lan0", "up")
            self._other.ip("link", "set", "end0", "up")
            eventually("lan0 is up", lambda: " state UP " in self.agent.ip("link", "show", "lan0"), seconds=5)
            self.stand_in = stack.enter_context(StandIn(self._other.name, "end0", self._hosts))
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def command(self, *words: str, **options: object) -> subprocess.CompletedProcess[str]:
        """Run on the agent's machine."""
        done: subprocess.CompletedProcess[str] = subprocess.run(
            self.agent.command(*words), capture_output=True, text=True, timeout=60, check=False, **options
        )  # type: ignore[call-overload]
        return done


def pcs(count: int, first: str = "10.9.0.2", maker: str = "8c:ec:4b") -> list[Host]:
    """PCs of one delivery (the prefix is Dell's), at addresses one after the other."""
    start = IPv4Address(first)
    numbers = range(count)
    return [Host(f"{maker}:00:{n >> 8:02x}:{n & 255:02x}", (str(start + n),)) for n in numbers]
