"""The asking half of the roll call, for the site's agent: all computers in one go, from one socket."""

from __future__ import annotations

import secrets
import select
import socket
import time
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address
from itertools import combinations
from typing import TYPE_CHECKING

from haidang_agent.platform.sweeping import Pace
from haidang_agent.rollcall.message import (
    LONGEST_DATAGRAM,
    NONCE_BYTES,
    PORT,
    Question,
    Statement,
    pack_question,
    unix_time,
    unpack_answer,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from haidang_agent.probe import Timekeeper

ROUNDS = 2
"""A lost datagram is no missing agent; the second time only those are asked that were silent."""
BUFFER_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Answer:
    """What the agent at `address` says of its machine.

    `machine` tells it from others (32 hexadecimal digits), empty where there is nothing to tell it by. `strong`: it is
    made of what the manufacturer wrote into the mainboard, so that it outlasts network cards and is the same under
    another operating system; only then do answers with one `machine` come from one computer. Else it changes with
    the cards. `macs` are the burnt-in addresses of its physical network cards, aa:bb:cc:dd:ee:ff, eight at most. `lab`
    is the room that its own agent.toml names, empty where it names none.
    """

    address: IPv4Address
    machine: str
    strong: bool
    macs: tuple[str, ...]
    lab: str


def call(
    hosts: Mapping[IPv4Address, str],
    key: bytes,
    clock: Timekeeper,
    *,
    timeout_seconds: float = 1.0,
    packets_per_second: float = 200.0,
    port: int = PORT,
) -> list[Answer]:
    """The answers of the agents at `hosts`, in the order of addresses; who has no agent, or another key, is silent.

    The values of `hosts` are the rooms that the site worked out, empty for none: each machine that names none in its
    own agent.toml keeps that as its place. `key` has the 32 bytes of the unit's key, `clock` is `host.time`.

    Takes at most twice `len(hosts)` / `packets_per_second` + `timeout_seconds`: who was silent is asked again, and
    `timeout_seconds` is how long the last answers of each round are waited for. Of two machines that are there at once
    under one strong id (boards with one serial number do exist) neither is told as strong.

    Raises ValueError for a key of another length and a room with more than 100 characters, OSError where the system
    gives no socket.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
        asking.setblocking(False)
        calling = _Calling(asking, port, key, clock, Pace(packets_per_second))
        for _ in range(ROUNDS):
            for address in sorted(hosts.keys() - calling.answers.keys()):
                calling.ask(address, hosts[address])
            calling.listen(timeout_seconds, len(hosts))
    return _doubt_twins([calling.answers[address] for address in sorted(calling.answers)])


@dataclass(slots=True)
class _Calling:
    asking: socket.socket
    port: int
    key: bytes = field(repr=False)
    clock: Timekeeper
    pace: Pace
    answers: dict[IPv4Address, Answer] = field(default_factory=dict)
    _nonces: dict[IPv4Address, list[bytes]] = field(default_factory=dict)

    def ask(self, address: IPv4Address, lab: str) -> None:
        """When its turn has come; what comes meanwhile is taken in."""
        self._take_until(time.monotonic() + self.pace.wait())
        nonce = secrets.token_bytes(NONCE_BYTES)
        self._nonces.setdefault(address, []).append(nonce)
        question = pack_question(Question(nonce, unix_time(self.clock), address, lab), self.key)
        self.pace.sent()
        with suppress(OSError):  # no such neighbour, a full queue, this machine's own firewall: as lost as any datagram
            self.asking.sendto(question, (str(address), self.port))

    def listen(self, seconds: float, most: int) -> None:
        """For so long, but not once `most` have answered."""
        deadline = time.monotonic() + seconds
        while len(self.answers) < most and self._take(deadline):
            pass

    def _take_until(self, deadline: float) -> None:
        while self._take(deadline):
            pass

    def _take(self, deadline: float) -> bool:
        """One datagram, as soon as one is there; False when the time is over."""
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([self.asking], [], [], left)[0]:
            return False
        try:
            datagram, (host, port) = self.asking.recvfrom(LONGEST_DATAGRAM)
        except (BlockingIOError, ConnectionError):  # a bad checksum; Windows tells of an ICMP error
            return True
        address = IPv4Address(host)
        if port == self.port and address in self._nonces and address not in self.answers:
            statement = unpack_answer(datagram, self.key)
            if statement is not None and statement.nonce in self._nonces[address]:
                self.answers[address] = _answer(address, statement)
        return True


def _answer(address: IPv4Address, statement: Statement) -> Answer:
    return Answer(address, statement.machine, statement.strong, statement.macs, statement.lab)


def _doubt_twins(answers: Sequence[Answer]) -> list[Answer]:
    """Two of one strong id that have no network card in common are two machines: it is no more than weak for them."""
    cards: defaultdict[str, list[frozenset[str]]] = defaultdict(list)
    for answer in answers:
        if answer.strong:
            cards[answer.machine].append(frozenset(answer.macs))
    doubted = {
        machine for machine, sets in cards.items() if any(one.isdisjoint(other) for one, other in combinations(sets, 2))
    }
    return [replace(answer, strong=answer.strong and answer.machine not in doubted) for answer in answers]
