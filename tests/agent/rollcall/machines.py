"""Machines on loopback addresses that answer the roll call, and clocks to hold them by."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import IPv4Address

from haidang_agent.probe import Moment
from haidang_agent.rollcall.answering import Judge, Listener
from haidang_agent.rollcall.message import NONCE_BYTES, Question, Statement, pack_question

KEY, OTHER_KEY = bytes(range(32)), bytes(32)
ONE, TWO, THREE = (IPv4Address(f"127.0.0.{number}") for number in (2, 3, 4))
MACHINE = "0123456789abcdef" * 2
MACS = ("3c:52:82:01:02:03",)
NOW = 1_800_000_000.0


@dataclass
class Clock:
    """Stands still until it is set; `centre` None where the centre's time is not known."""

    wall: float = NOW
    centre: float | None = NOW

    def moment(self) -> Moment:
        return Moment("boot", time.monotonic(), self.wall, self.centre)


def says(
    machine: str = MACHINE, *, strong: bool = True, macs: tuple[str, ...] = MACS, lab: str = ""
) -> Callable[[Question], Statement]:
    return lambda question: Statement(question.nonce, machine, strong, macs, lab)


@contextmanager
def answering(
    address: IPv4Address,
    respond: Callable[[Question], Statement],
    *,
    port: int = 0,
    key: bytes = KEY,
    clock: Clock | None = None,
) -> Iterator[Listener]:
    listener = Listener((str(address), port), key, Judge(key, clock or Clock(), lambda: [address]), respond)
    try:
        yield listener
    finally:
        listener.close()


def question(address: IPv4Address = ONE, *, sent: float = NOW, lab: str = "", key: bytes = KEY) -> bytes:
    return pack_question(Question(secrets.token_bytes(NONCE_BYTES), sent, address, lab), key)
