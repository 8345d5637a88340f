"""The answering half of the roll call, for the agent of a computer: a UDP socket and a thread that waits on it."""

from __future__ import annotations

import select
import socket
import sys
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from haidang_agent.platform import system
from haidang_agent.rollcall.message import LONGEST_DATAGRAM, pack_answer, unix_time, unpack_question

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from ipaddress import IPv4Address

    from haidang_agent.probe import Timekeeper
    from haidang_agent.rollcall.message import Question, Statement

FRESH_SECONDS = 120.0
"""A question may be so much older, or newer, than this machine's time: both clocks may be a little wrong."""
MOST_NONCES = 1024
"""Of rightly signed questions within the time above; beyond them none is answered."""
PAUSE_SECONDS = 0.001
"""After a datagram that is no question: whoever floods the port keeps no processor busy."""


class Judge:
    """Which datagrams are questions to be answered."""

    def __init__(self, key: bytes, clock: Timekeeper, own: Callable[[], Collection[IPv4Address]]) -> None:
        """`own` tells the machine's addresses; it is only asked for what is rightly signed."""
        self._key, self._clock, self._own = key, clock, own
        self._nonces: dict[bytes, float] = {}

    def question(self, datagram: bytes) -> Question | None:
        """None for what is not signed with the key, too old, from the future, for another machine, or here before."""
        asked = unpack_question(datagram, self._key)
        if asked is None:
            return None
        now = unix_time(self._clock)
        self._nonces = {nonce: sent for nonce, sent in self._nonces.items() if abs(now - sent) <= FRESH_SECONDS}
        is_fresh = abs(now - asked.sent) <= FRESH_SECONDS and asked.nonce not in self._nonces
        if not is_fresh or len(self._nonces) >= MOST_NONCES or asked.address not in self._own():
            return None
        self._nonces[asked.nonce] = asked.sent
        return asked


class Listener:
    """Answers from its start to `close`, in a thread of its own."""

    def __init__(
        self, address: tuple[str, int], key: bytes, judge: Judge, respond: Callable[[Question], Statement]
    ) -> None:
        """Raises OSError where the port is taken, or the machine has no such address."""
        self._key, self._judge, self._respond = key, judge, respond
        self._socket = _bound(address)
        self._wake, self._woken = socket.socketpair()
        self._thread = threading.Thread(target=self._listen, name="rollcall", daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        return int(self._socket.getsockname()[1])

    @property
    def is_alive(self) -> bool:
        return self._thread.is_alive()

    def close(self) -> None:
        """The port is free when this returns."""
        self._wake.close()
        self._thread.join()
        self._woken.close()
        self._socket.close()

    def _listen(self) -> None:
        while self._woken not in select.select([self._socket, self._woken], [], [])[0]:
            try:
                datagram, asker = self._socket.recvfrom(LONGEST_DATAGRAM)
            except (BlockingIOError, ConnectionError):  # a bad checksum; Windows tells of an ICMP error
                continue
            question = self._judge.question(datagram)
            if question is None:
                select.select([self._woken], [], [], PAUSE_SECONDS)
                continue
            answer = pack_answer(self._respond(question), self._key)
            with suppress(OSError):  # no way back to who asked: as lost as any datagram
                system.send_from(question.address, self._socket, answer, asker)


def _bound(address: tuple[str, int]) -> socket.socket:
    bound = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        if sys.platform == "win32":  # else another program could take the port over
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        bound.setblocking(False)
        bound.bind(address)
    except OSError:
        bound.close()
        raise
    return bound
