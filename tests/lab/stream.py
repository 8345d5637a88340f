"""What the traffic of a school really suffered: a datagram every 10 ms from a PC to the centre, and where some lack.

Sender and receiver are programs of their own, on the one monotonic clock of the machine, and know nothing of the agent.
A gap is a stretch of 50 ms or more without any arrival though something was sent, whether that was lost or only held:
a router keeps what it has to send for up to three seconds while it asks for a neighbour's MAC address.
"""

from __future__ import annotations

import socket
import struct
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Self

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.lab.node import Node

EVERY_SECONDS = 0.010
SHORTEST_GAP_SECONDS = 0.050
PORT = 7007
DATAGRAM, ARRIVAL = struct.Struct("!Qd"), struct.Struct("!Qdd")


class Arrival(NamedTuple):
    """Datagram `number`, monotonic seconds."""

    number: int
    sent: float
    arrived: float


class Gap(NamedTuple):
    """From when the first should have arrived to when one did, monotonic seconds; `lost` never did, or much later."""

    begin: float
    end: float
    lost: int

    @property
    def seconds(self) -> float:
        return self.end - self.begin


class Stream:
    """Context manager: flows while inside. `sender` sends to the `receiver`'s `address`; `folder` holds the record."""

    def __init__(self, sender: Node, receiver: Node, address: str, folder: Path) -> None:
        self._sender, self._receiver, self._address = sender, receiver, address
        self._record = folder / "stream.bin"

    def __enter__(self) -> Self:
        program = [sys.executable, "-IS", __file__]
        where = [self._address, str(PORT)]
        self._record.unlink(missing_ok=True)
        self._receiving = self._receiver.start(
            *program, "receive", *where, str(self._record), stdout=subprocess.PIPE, text=True
        )
        assert self._receiving.stdout is not None
        if self._receiving.stdout.readline() != "ready\n":
            raise RuntimeError("the stream's receiver did not start")
        self._sending = self._sender.start(*program, "send", *where)
        return self

    def __exit__(self, *_: object) -> None:
        for process in (self._sending, self._receiving):
            with process:
                process.terminate()

    def gaps(self, begin: float, end: float) -> list[Gap]:
        """Those that had begun before `end` and were not over before `begin`. One that goes on has no end yet: none."""
        return [gap for gap in gaps(self.arrivals()) if gap.begin < end and gap.end > begin]

    def arrivals(self) -> list[Arrival]:
        """What has come until now, in that order."""
        record = self._record.read_bytes()
        whole = len(record) - len(record) % ARRIVAL.size
        return [Arrival(*fields) for fields in ARRIVAL.iter_unpack(record[:whole])]


def gaps(arrivals: Sequence[Arrival]) -> list[Gap]:
    """In arrivals as they came. A sender that was late itself has lost nothing, and makes no gap."""
    found = []
    for last, next_ in pairwise(arrivals):
        in_turn = next_.number == last.number + 1
        begin = last.arrived + (next_.sent - last.sent if in_turn else EVERY_SECONDS)
        if next_.arrived - begin >= SHORTEST_GAP_SECONDS:
            found.append(Gap(begin, next_.arrived, max(0, next_.number - last.number - 1)))
    return found


def send(address: str, port: int) -> None:
    """For ever, on a grid of 10 ms; a datagram that the system refuses is as lost as any."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
        began, number = time.monotonic(), 0
        while True:
            try:
                out.sendto(DATAGRAM.pack(number, time.monotonic()), (address, port))
            except OSError as refused:
                print(f"{time.monotonic():.3f} {number}: {refused}", file=sys.stderr)
            number += 1
            time.sleep(max(0.0, began + number * EVERY_SECONDS - time.monotonic()))


def receive(address: str, port: int, record: Path) -> None:
    """Every datagram is written down as it comes."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as near, record.open("wb", buffering=0) as out:
        near.bind((address, port))
        print("ready", flush=True)
        while True:
            datagram = near.recv(DATAGRAM.size + 1)
            if len(datagram) == DATAGRAM.size:
                out.write(ARRIVAL.pack(*DATAGRAM.unpack(datagram), time.monotonic()))


if __name__ == "__main__":
    if sys.argv[1] == "send":
        send(sys.argv[2], int(sys.argv[3]))
    else:
        receive(sys.argv[2], int(sys.argv[3]), Path(sys.argv[4]))
