"""An ARP sweep (RFC 826): who answers for which address of a network; needs CAP_NET_RAW.

One packet socket (packet(7)) whose filter lets nothing but replies to this sweep leave the kernel; replies are read
between the questions. Two passes: telephones that save power miss broadcasts, and Wi-Fi does not repeat them.
"""

from __future__ import annotations

import errno
import select
import socket
import sys
import time
from bisect import bisect_left
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from typing import TYPE_CHECKING

from haidang_agent.platform import arp, packet

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
    from ipaddress import IPv4Network

NOBODY = IPv4Address(0)
"""As the sender: an ARP probe (RFC 5227), for a network in which this machine has no address."""
BURST_SECONDS = 0.05
"""So much of a delay is made up for afterwards."""
FRUITLESS, SAMPLE = 48, 24
"""In a hurry the second pass ends after so many questions in a row that nobody new answered.

Half of them go to addresses that have answered: one of those that is silent now tells of loss, and then all of the
silent are asked again. Loss of 5 % each way is noticed nine times in ten.
"""
SHORTEST_LINGER, LONGEST_LINGER = 0.02, 1.0
PATIENT_LINGER = 0.5
"""Seconds that the last answers are waited for: three times what the slowest so far took, within these."""
LINGER_FACTOR = 3
MOST_CLAIMANTS = 8
MAX_FRAME = 64


class Pace:
    """When the next frame may go: evenly, and never more than `per_second` within any one second."""

    def __init__(self, per_second: float, now: Callable[[], float] = time.monotonic) -> None:
        self.per_second = per_second
        self._now = now
        self._gap = 1 / per_second
        self._sent: deque[float] = deque(maxlen=max(1, int(per_second)))
        self._next = now()

    def wait(self) -> float:
        """Seconds from now; 0 where it is due."""
        due = self._next
        if len(self._sent) == self._sent.maxlen:
            due = max(due, self._sent[0] + 1.0)
        return max(0.0, due - self._now())

    def sent(self, frames: int = 1) -> None:
        """So many have just gone."""
        now = self._now()
        self._sent.extend([now] * frames)
        self._next = max(self._next, now - BURST_SECONDS) + self._gap * frames

    def hold(self, frames: int = 1) -> None:
        """Sleep until a frame is due, and count `frames`."""
        while wait := self.wait():
            time.sleep(wait)
        self.sent(frames)


@dataclass(slots=True)
class Answers:
    """MAC addresses by the address they answered for, in the order of their replies; at most 8 for one address."""

    mac: bytes
    own: bytes
    asked: dict[bytes, float] = field(default_factory=dict)
    found: dict[bytes, list[bytes]] = field(default_factory=dict)
    slowest: float = 0.0
    again: set[bytes] = field(default_factory=set)
    """Those that have answered, were asked once more, and have not answered that."""
    news: list[bytes] = field(default_factory=list)

    def frame(self, wanted: bytes) -> bytes:
        """The question for one address, as an Ethernet broadcast."""
        self.asked[wanted] = time.monotonic()
        fields = (*arp.ETHERNET_IPV4, arp.REQUEST, self.mac, self.own, bytes(6), wanted)
        return arp.FRAME.pack(arp.BROADCAST, self.mac, *fields)

    def take(self, frame: bytes) -> None:
        """Anything else than a reply to a question of ours is passed over."""
        if len(frame) < arp.FRAME.size:
            return
        _, _, *kind, operation, mac, sender, _, target = arp.FRAME.unpack_from(frame)
        is_reply = (*kind, operation) == (*arp.ETHERNET_IPV4, arp.REPLY) and target == self.own
        is_station = any(mac) and not mac[0] & 1 and mac != self.mac
        if not is_reply or sender not in self.asked or not is_station:
            return
        self.again.discard(sender)
        claimants = self.found.setdefault(sender, [])
        if not claimants:
            self.slowest = max(self.slowest, time.monotonic() - self.asked[sender])
            self.news.append(sender)
        if mac not in claimants and len(claimants) < MOST_CLAIMANTS:
            claimants.append(mac)


def sweep(
    interface: str,
    own: IPv4Address,
    network: IPv4Network,
    pace: Pace,
    *,
    likely: Collection[IPv4Address] = (),
    hurry: bool = False,
    tell: Callable[[int, int], None] | None = None,
    met: Callable[[IPv4Address], None] | None = None,
) -> dict[IPv4Address, list[str]]:
    """Ask for every address of `network` but the `own`; MAC addresses by address, several where several answered.

    `likely` are asked first in the second pass. In a `hurry` that pass goes from the neighbours of those that answered
    outwards and ends where it finds nobody and nothing tells of loss. `tell` hears questions sent and addresses found,
    `met` each address that answers. Raises PermissionError without the capability, OSError where the interface is gone.
    """
    with opened(interface, arp.ETH_P_ARP, _replies_to(own)) as raw:
        answers = Answers(raw.getsockname()[4], own.packed)
        hosts = [address.packed for address in network.hosts() if address != own]
        sweeping = _Sweep(raw, answers, hosts, pace, tell, met)
        sweeping.ask(hosts)
        if len(sweeping.silent()) <= FRUITLESS:
            sweeping.listen(answers.slowest)  # else the first of them have had their time
        known = {address.packed for address in likely}
        if hurry and len(sweeping.silent()) > FRUITLESS:
            sampled = sweeping.ask_again(SAMPLE)
            sweeping.ask(_nearest_first(sweeping.silent(), answers.found, known), FRUITLESS - sampled)
            sweeping.linger(SHORTEST_LINGER)
        if not hurry or answers.again or len(sweeping.silent()) <= FRUITLESS:
            sweeping.ask(_nearest_first(sweeping.silent(), answers.found, known))
            sweeping.linger(SHORTEST_LINGER if hurry else PATIENT_LINGER)
    return {IPv4Address(address): [mac.hex(":") for mac in macs] for address, macs in sorted(answers.found.items())}


@dataclass(frozen=True, slots=True)
class _Sweep:
    raw: socket.socket
    answers: Answers
    hosts: Sequence[bytes]
    pace: Pace
    tell: Callable[[int, int], None] | None
    met: Callable[[IPv4Address], None] | None

    def silent(self) -> list[bytes]:
        return [address for address in self.hosts if address not in self.answers.found]

    def ask(self, addresses: Iterable[bytes], fruitless: int = 0) -> None:
        """One question each, unless it has answered by then; to the end where `fruitless` is 0."""
        found, in_vain = len(self.answers.found), 0
        for address in addresses:
            if address in self.answers.found:
                continue
            self._send(address)
            in_vain = in_vain + 1 if len(self.answers.found) == found else 0
            found = len(self.answers.found)
            if 0 < fruitless <= in_vain:
                return
            if self.tell:
                self.tell(len(self.answers.asked), found)

    def ask_again(self, most: int) -> int:
        """So many of those that have answered, from all over the network; how many there were."""
        found = sorted(self.answers.found)
        sample = found[:: max(1, -(-len(found) // most))]
        self.answers.again.update(sample)
        for address in sample:
            self._send(address)
        return len(sample)

    def linger(self, shortest: float) -> None:
        """For the last answers, longer where answers take long."""
        self.listen(min(LONGEST_LINGER, max(shortest, LINGER_FACTOR * self.answers.slowest)))

    def listen(self, seconds: float) -> None:
        """For what comes within the time; not once all have come."""
        deadline = time.monotonic() + seconds
        while len(self.answers.found) < len(self.hosts) and (left := deadline - time.monotonic()) > 0:
            self._listen(left)

    def _send(self, address: bytes) -> None:
        self._listen(0.0)
        while wait := self.pace.wait():
            self._listen(wait)
        with suppress(BlockingIOError):  # the card is busy: as lost as any frame
            self.raw.send(self.answers.frame(address))
        self.pace.sent()

    def _listen(self, seconds: float) -> None:
        """Take in what has come, or what comes first within the time."""
        if select.select([self.raw], [], [], seconds)[0]:
            for frame in waiting(self.raw):
                self.answers.take(frame)
        while self.met and self.answers.news:
            self.met(IPv4Address(self.answers.news.pop()))


def _nearest_first(silent: Iterable[bytes], found: Mapping[bytes, object], likely: Collection[bytes]) -> list[bytes]:
    """The likely first, then by how near they are to one that answered."""
    there = sorted(int.from_bytes(address) for address in found)

    def rank(address: bytes) -> tuple[bool, int]:
        number = int.from_bytes(address)
        at = bisect_left(there, number)
        distance = min((abs(other - number) for other in there[max(0, at - 1) : at + 1]), default=0)
        return address not in likely, distance

    return sorted(silent, key=rank)


def waiting(raw: socket.socket, most_bytes: int = MAX_FRAME) -> Iterator[bytes]:
    """The frames that have come; a pause ends it. Raises OSError where the interface is gone."""
    while True:
        try:
            yield raw.recv(most_bytes)
        except BlockingIOError:
            return


def opened(interface: str, protocol: int, program: bytes) -> socket.socket:
    """A packet socket on one interface behind a filter. Raises PermissionError where raw frames are denied, OSError."""
    if sys.platform != "linux":  # elsewhere Python has no AF_PACKET
        raise PermissionError(f"no raw frames on {sys.platform}")
    try:
        raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    except OSError as refused:
        if refused.errno == errno.EAFNOSUPPORT:  # systemd's RestrictAddressFamilies=, gVisor
            raise PermissionError(refused.errno, refused.strerror) from refused
        raise
    try:
        packet.attach(raw, program)
        raw.setblocking(False)
        raw.bind((interface, protocol))
    except OSError:
        raw.close()
        raise
    return raw


def _replies_to(own: IPv4Address) -> bytes:
    """Classic BPF (bpf(4)): ARP replies to this address."""
    return packet.program(
        (packet.LOAD_HALF, 0, 0, 20),
        (packet.EQUAL, 0, 3, arp.REPLY),
        (packet.LOAD_WORD, 0, 0, 38),
        (packet.EQUAL, 0, 1, int(own)),
        (packet.ACCEPT, 0, 0, MAX_FRAME),
        (packet.ACCEPT, 0, 0, 0),
    )
