"""One MAC address's claims to one IPv4 address, and what they amount to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

Times = tuple[float, ...]
"""The latest few, in Unix seconds."""

DISPUTE_SECONDS = 60.0
"""Claims this close together contradict each other."""
FORGET_SECONDS = 600.0
MANY_ANNOUNCEMENTS = 6
"""More in a minute than any defence: RFC 5227 allows one in ten seconds, failovers send a handful once."""
ASKING_SECONDS = 90.0
KEPT = 16


class Verdict(NamedTuple):
    """`suspect` is the MAC address in the wrong where one is, else the newer; `unasked` counts its unasked replies.

    `asks_on`: it is given away by its questions.
    """

    kind: Literal["spoof", "conflict"]
    suspect: bytes
    rival: bytes
    unasked: int
    since: float
    asks_on: bool = False


@dataclass(slots=True)
class Claimant:
    """Times of a MAC address's claims to one address: the first, the last, unasked replies and announcements.

    `asked`: when it asked, in the name of the address, for `target`, whom it asked for last; `crossed`: when another
    claimed the address amid that.
    """

    first: float
    last: float
    unasked: Times = ()
    announced: Times = ()
    asked: Times = ()
    target: bytes = b""
    crossed: float = float("-inf")

    def ask(self, target: bytes, now: float) -> None:
        self.asked = with_one(self.asked, now) if target == self.target else (now,)
        self.target = target

    def asks(self, now: float) -> int:
        """How often it has asked for the same of late, if it still does."""
        still = bool(self.asked) and self.asked[-1] > now - ASKING_SECONDS
        return sum(time > now - FORGET_SECONDS for time in self.asked) if still else 0

    def replies(self, now: float) -> int:
        """Those of the last minute that nobody asked for."""
        return lately(self.unasked, now)

    def insists(self, now: float) -> bool:
        """It announced itself more often within the last minute than anybody would."""
        return lately(self.announced, now) >= MANY_ANNOUNCEMENTS


def with_one(times: Times, now: float) -> Times:
    return (*times[1 - KEPT :], now)


def lately(times: Times, now: float) -> int:
    return sum(time > now - DISPUTE_SECONDS for time in times)
