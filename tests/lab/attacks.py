"""Attacks on the LAN of the virtual school, each as long as its `with` lasts.

Whoever attacks stands at a PC of the school, or in the router (a resolver that lies, a proxy that opens TLS). An attack
knows its first hostile frame by what leaves the machine, so that delays are counted from there.
"""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import struct
import threading
import time
from abc import ABC, abstractmethod
from contextlib import ExitStack
from ipaddress import ip_address
from typing import TYPE_CHECKING, ClassVar, Self

from tests.agent.lanwatch.building import dns, mac, replies, router_advertisement
from tests.lab import serving
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.lab.node import Node
    from tests.lab.school import VirtualSchool

ALL_FRAMES = 3
"""ETH_P_ALL (if_ether.h)."""
EVERY_SECONDS = 1.0
DHCP_SERVER, DNS, HTTPS, PROXY = 67, 53, 443, 8443
IPV4, IPV6 = b"\x08\x00", b"\x86\xdd"
TCP, UDP = 6, 17
HANDSHAKE = b"\x16\x03"
"""How a TLS record begins (RFC 8446, section 5.1)."""
ANSWER_SECONDS = 3.0


class Attack(ABC):
    """Context manager. `kind` is the incident that it is, `alert` what people are told."""

    kind: ClassVar[str]
    alert: ClassVar[str]

    def __init__(self, school: VirtualSchool, attacker: int, victim: int) -> None:
        """PCs by number."""
        self.school, self.attacker, self.victim = school, attacker, victim
        self.evil, self.victims_pc = school.pc(attacker), school.pc(victim)
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            node, interface = self.where
            self._first = stack.enter_context(FirstFrame(node, interface, self.is_hostile))
            self.begin(stack)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def began(self) -> float:
        """Unix seconds of the first hostile frame; waits for it."""
        return eventually(f"{self.kind} begins", lambda: self._first.at, seconds=20, every=0.01)

    @property
    def where(self) -> tuple[Node, str]:
        """Machine and interface that hostile frames leave by."""
        return self.evil, "eth0"

    @property
    def mac(self) -> bytes:
        """The attacker's."""
        return mac(self.school.pc_mac(self.attacker))

    @abstractmethod
    def begin(self, stack: ExitStack) -> None:
        """What is undone by the stack."""

    @abstractmethod
    def is_hostile(self, frame: bytes) -> bool:
        """A frame that passes the attacker's interface."""


class RogueDhcpServer(Attack):
    """dnsmasq on a PC, which tells clients that it is the router; a PC asks for an address."""

    kind, alert = "rogue_dhcp", "RogueDhcpServer"

    def begin(self, stack: ExitStack) -> None:
        stack.enter_context(serving.addresses(self.evil, "eth0", "10.20.0.220", "10.20.0.239"))
        client = ("udhcpc", "-i", "eth0", "-f", "-n", "-q", "-t", "3", "-T", "1", "-s", "/bin/true")
        self.victims_pc.run(*client)

    def is_hostile(self, frame: bytes) -> bool:
        return frame[6:12] == self.mac and _ports(frame, UDP)[0] == DHCP_SERVER


class ArpPoisoning(Attack):
    """A PC tells the agent's machine each second that it is the router, and the router that it is that machine.

    It forwards what it gets: the victim notices nothing.
    """

    kind, alert = "arp_spoof", "ArpSpoofing"

    def begin(self, stack: ExitStack) -> None:
        for sysctl in ("conf/all/send_redirects", "conf/eth0/send_redirects"):
            self.evil.sysctl({f"ipv4/{sysctl}": "0"})
        self.evil.sysctl({"ipv4/ip_forward": "1"})
        own, router = self.school.pc_mac(self.attacker), self.school.router_address
        victim, victims_address = self.school.pc_mac(self.victim), self.school.pc_address(self.victim)
        told = [
            replies(own, router, victim, victims_address),
            replies(own, victims_address, _mac_of(self.school.router, "lan"), router),
        ]
        stack.enter_context(Sender(self.evil, told))

    def is_hostile(self, frame: bytes) -> bool:
        return frame[6:12] == self.mac and frame[12:14] == b"\x08\x06" and frame[28:32] != self._own_address

    @property
    def _own_address(self) -> bytes:
        return ip_address(self.school.pc_address(self.attacker)).packed


class RogueRouter(Attack):
    """A PC announces itself as the IPv6 router of another prefix."""

    kind, alert = "rogue_ra", "RogueRouterAdvertisement"

    def begin(self, stack: ExitStack) -> None:
        own = self.school.pc_mac(self.attacker)
        stack.enter_context(Sender(self.evil, [router_advertisement(own, "fe80::bad", prefix="2001:db8:bad::")]))

    def is_hostile(self, frame: bytes) -> bool:
        return frame[6:12] == self.mac and frame[12:14] == IPV6 and frame[54:55] == b"\x86"


class LyingResolver(Attack):
    """The school's name server says that a site is at the attacker's address; a PC asks."""

    kind, alert = "dns_tampered", "DnsTampering"

    def __init__(self, school: VirtualSchool, attacker: int, victim: int, site: str, resolver: Resolver) -> None:
        super().__init__(school, attacker, victim)
        self._site, self._resolver = site, resolver

    @property
    def where(self) -> tuple[Node, str]:
        return self.school.router, "lan"

    def begin(self, stack: ExitStack) -> None:
        stack.callback(self._resolver.tell, self._resolver.records)
        self._resolver.tell(self._resolver.records | {self._site: self.school.pc_address(self.attacker)})
        with self.victims_pc.inside(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
            asked.settimeout(ANSWER_SECONDS)
            asked.sendto(dns(1, self._site), (self.school.router_address, DNS))
            asked.recv(1024)

    def is_hostile(self, frame: bytes) -> bool:
        lie = ip_address(self.school.pc_address(self.attacker)).packed
        return _ports(frame, UDP)[0] == DNS and frame.endswith(lie)


class InterceptingProxy(Attack):
    """The router hands every connection to port 443 to a program with certificates of its own; a PC opens one."""

    kind, alert = "tls_intercepted", "TlsInterception"

    def __init__(self, school: VirtualSchool, victim: int, site: str, server: str, certificate: str) -> None:
        super().__init__(school, victim, victim)
        self._site, self._server, self._certificate = site, server, certificate

    @property
    def where(self) -> tuple[Node, str]:
        return self.school.router, "lan"

    def begin(self, stack: ExitStack) -> None:
        router = self.school.router
        stack.enter_context(serving.sites(router, "0.0.0.0", PROXY, {self._site: self._certificate}))
        router.nft(
            "add table ip proxy",
            "add chain ip proxy pre { type nat hook prerouting priority -100; }",
            f'add rule ip proxy pre iifname "lan" tcp dport {HTTPS} redirect to :{PROXY}',
        )
        stack.callback(router.nft, "delete table ip proxy")
        careless = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        careless.check_hostname, careless.verify_mode = False, ssl.CERT_NONE
        with self.victims_pc.inside():
            plain = socket.create_connection((self._server, HTTPS), ANSWER_SECONDS)
        with plain, careless.wrap_socket(plain, server_hostname=self._site):
            pass

    def is_hostile(self, frame: bytes) -> bool:
        is_answer = frame[12:14] == IPV4 and frame[23] == TCP and _ports(frame, TCP)[0] == HTTPS
        return is_answer and HANDSHAKE in frame[54:80]


class Resolver:
    """The school's name server; what it says can be changed. Context manager."""

    def __init__(self, node: Node, records: Mapping[str, str]) -> None:
        self.records = dict(records)
        self._node, self._stack = node, ExitStack()

    def __enter__(self) -> Self:
        self.tell(self.records)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def tell(self, records: Mapping[str, str]) -> None:
        self._stack.close()
        self._stack.enter_context(serving.names(self._node, records))


class Sender(threading.Thread):
    """Sends the frames by `eth0` of a node each second."""

    def __init__(self, node: Node, frames: list[bytes]) -> None:
        super().__init__(daemon=True)
        self._node, self._frames, self._ending = node, frames, threading.Event()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self.join(60)

    def run(self) -> None:
        with self._node.inside():
            out = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        with out:
            out.bind(("eth0", 0))
            while True:
                for frame in self._frames:
                    out.send(frame)
                if self._ending.wait(EVERY_SECONDS):
                    return


class FirstFrame(threading.Thread):
    """When the first frame that is meant passed an interface: `at`, Unix seconds, 0 before."""

    def __init__(self, node: Node, interface: str, is_meant: Callable[[bytes], bool]) -> None:
        super().__init__(daemon=True)
        self.at = 0.0
        self._is_meant, self._ending = is_meant, threading.Event()
        with node.inside():
            self._raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ALL_FRAMES))
        self._raw.bind((interface, ALL_FRAMES))
        self._raw.settimeout(0.2)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self.join(60)
        self._raw.close()

    def run(self) -> None:
        while not self._ending.is_set() and not self.at:
            with contextlib.suppress(TimeoutError):
                if self._is_meant(self._raw.recv(2048)):
                    self.at = time.time()


def _ports(frame: bytes, protocol: int) -> tuple[int, int]:
    """Of an IPv4 packet of this protocol without options; else zeros."""
    if frame[12:14] != IPV4 or len(frame) < 38 or frame[23] != protocol:
        return 0, 0
    source, target = struct.unpack_from("!HH", frame, 34)
    return source, target


def _mac_of(node: Node, interface: str) -> str:
    (shown,) = json.loads(node.run("ip", "-j", "link", "show", interface, check=True).stdout)
    address: str = shown["address"]
    return address
