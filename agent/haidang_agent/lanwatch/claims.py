"""Who claims which IPv4 address by ARP, and where two claims cannot both be true.

One change of hands is life: a new lease, a new network card, a cluster that failed over. A dispute is when both go on,
and it is an attack when one of the two keeps telling others, unasked, where the address is.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from haidang_agent.lanwatch.bounded import Table
from haidang_agent.lanwatch.claimant import DISPUTE_SECONDS, FORGET_SECONDS, Claimant, Times, Verdict, lately, with_one

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from haidang_agent.lanwatch.frames import Frame
    from haidang_agent.lanwatch.protocols.arp import Arp

    Knowledge = Callable[["Segment", bytes], bool]

Segment = tuple[int, ...]

MOST_ADDRESSES = 4096
MOST_CLAIMANTS = 6
MOST_OF_ONE = 64
MOST_QUESTIONS = 4096

ASKED_SECONDS = 2.0
"""A reply that comes later answers nothing. In the first seconds of a capture the question may be missing, once."""
DEFENCE_SECONDS = 3.0
"""RFC 5227 lets the owner defend its address at once."""
MANY_QUESTIONS, CROSSED_QUESTIONS = 5, 3
"""For one station in another's name, within ten minutes; and after how many of them the owner was heard."""
MANY_PROXIED = 4
NEIGHBOURING = 8
"""Network cards of one machine have numbers this close, which share an address where they are bonded (balance-alb)."""


@dataclass(slots=True)
class _Holding:
    claimants: dict[bytes, Claimant] = field(default_factory=dict)
    last: bytes = b""
    returns: Times = ()
    """When it came back to somebody who had it less than a minute before."""
    opposed: Times = ()
    """When an owner objected to an announcement, or two answered the same question."""
    answer: tuple[bytes, bytes, float] = (b"", b"", float("-inf"))
    """Who answered whom, and when, last."""

    def claimant(self, now: float, mac: bytes) -> Claimant:
        found = self.claimants.pop(mac, None)
        if found is None:
            if len(self.claimants) >= MOST_CLAIMANTS:
                del self.claimants[next(iter(self.claimants))]
            found = Claimant(now, now)
        self.claimants[mac] = found
        return found


class Claims:
    """`is_redundant` tells machines that may take over an address, `is_router` those that may answer for others.

    `is_gateway` tells addresses that all stations send their traffic to.
    """

    def __init__(self, is_redundant: Knowledge, is_router: Knowledge, is_gateway: Knowledge) -> None:
        self._is_gateway = is_gateway
        self._is_redundant = is_redundant
        self._is_router = is_router
        self._holdings: Table[tuple[Segment, bytes], _Holding] = Table(MOST_ADDRESSES, _Holding)
        self._of: Table[tuple[Segment, bytes], dict[bytes, float]] = Table(MOST_ADDRESSES, dict)
        self._questions: Table[tuple[Segment, bytes, bytes], float] = Table(MOST_QUESTIONS, float)
        self._told: Table[tuple[Segment, bytes, bytes, bytes], Times] = Table(MOST_QUESTIONS, tuple)
        self.began = float("inf")
        """When the capture began; what was asked before is not known."""

    def take(self, frame: Frame, arp: Arp) -> None:
        """Note what one ARP message claims and asks."""
        now, segment = frame.time, frame.segment
        if not arp.is_reply and not arp.is_announcement:
            self._questions[segment, arp.sender, arp.target] = now
        if not is_station(arp.sender_mac) or not is_host(arp.sender):
            return
        holding = self._holdings[segment, arp.sender]
        known = holding.claimants.get(arp.sender_mac)
        changed_hands = holding.last not in {b"", arp.sender_mac}
        if changed_hands and known and known.last > now - DISPUTE_SECONDS:
            holding.returns = with_one(holding.returns, now)
        claimant = holding.claimant(now, arp.sender_mac)
        if arp.is_announcement:
            claimant.announced = with_one(claimant.announced, now)
        elif arp.is_reply:
            self._take_reply(frame, arp, holding, claimant)
        else:
            claimant.ask(arp.target, now)
        for mac, other in holding.claimants.items():
            if mac != arp.sender_mac and other.asks(now) >= CROSSED_QUESTIONS:
                other.crossed = now
        if changed_hands and self._is_defence(holding, arp, now):
            holding.opposed = with_one(holding.opposed, now)
        claimant.last = max(now, claimant.last)
        holding.last = arp.sender_mac
        own = self._of[segment, arp.sender_mac]
        own[arp.sender] = now
        if len(own) > MOST_OF_ONE:
            del own[next(iter(own))]

    def _take_reply(self, frame: Frame, arp: Arp, holding: _Holding, claimant: Claimant) -> None:
        now = frame.time
        if self._was_asked(frame.segment, arp, now):
            before, whom, when = holding.answer
            if before not in {b"", arp.sender_mac} and whom == arp.target and abs(now - when) <= ASKED_SECONDS:
                holding.opposed = with_one(holding.opposed, now)
            holding.answer = arp.sender_mac, arp.target, now
            return
        key = frame.segment, arp.sender_mac, arp.sender, arp.target
        may_be_answer = key not in self._told and self.began >= now - ASKED_SECONDS
        self._told[key] = with_one(self._told[key], now)
        if not may_be_answer:
            claimant.unasked = with_one(claimant.unasked, now)
            self._witness(frame, arp)

    def witness(self, frame: Frame, address: bytes) -> None:
        """An IP packet came from `address`: where that is in dispute, its sender counts as a claimant."""
        holding = self._holdings.get((frame.segment, address))
        if holding and is_station(frame.source) and any(claim.unasked for claim in holding.claimants.values()):
            holding.claimant(frame.time, frame.source).last = frame.time

    def addresses(self, segment: Segment, mac: bytes) -> int:
        """How many addresses this MAC claims, at most 64."""
        return len(self._of.get((segment, mac)) or ())

    def unasked(self, segment: Segment, mac: bytes, since: float) -> Iterator[bytes]:
        """The addresses that this MAC claimed, unasked, since then."""
        for address in self._of.get((segment, mac)) or ():
            holding = self._holdings.get((segment, address))
            claimant = holding.claimants.get(mac) if holding else None
            if claimant and any(time >= since for time in claimant.unasked):
                yield address

    def repeats(self, segment: Segment, arp: Arp, now: float) -> int:
        """How often this sender told this target the same, unasked, within the last minute."""
        return lately(self._told.get((segment, arp.sender_mac, arp.sender, arp.target)) or (), now)

    def judge(self, segment: Segment, address: bytes, now: float) -> Verdict | None:
        """What the claims to an address amount to by now."""
        holding = self._holdings.get((segment, address))
        if holding is None or len(holding.claimants) < 2:  # noqa: PLR2004 - a dispute takes two
            return None
        suspect, rival = self._sides(segment, holding, now)
        if not rival:
            return None
        claimant, other = holding.claimants[suspect], holding.claimants[rival]
        replies = claimant.replies(now)
        returns = 0 if are_near(suspect, rival) else lately(holding.returns, now)
        has_own = self.addresses(segment, suspect) > 1
        if replies > other.replies(now):
            is_spoof = replies > 1 or (returns > 0 and has_own)  # one alone may be a stray
        else:
            is_spoof = returns > 0 and (claimant.insists(now) or self._disputes(segment, suspect, now) > 1)
        asks_on = (
            not is_spoof
            and self._is_gateway(segment, address)
            and self._asks_on(segment, suspect, claimant, other, now)
        )
        is_conflict = (
            returns > 1 or lately(holding.opposed, now) > has_own
        )  # who has an address of its own may answer for the other card
        is_spoof = is_spoof or asks_on
        if not is_spoof and (not is_conflict or self._is_proxy(segment, suspect)):
            return None
        since = claimant.first if is_spoof else max(claimant.first, other.first)
        return Verdict("spoof" if is_spoof else "conflict", suspect, rival, replies, since, asks_on)

    def _asks_on(self, segment: Segment, suspect: bytes, claimant: Claimant, other: Claimant, now: float) -> bool:
        """It repeats itself in the gateway's name, while that is there and it uses an address of its own as well.

        For other addresses that is life: a laptop on Wi-Fi and cable may ask by one card in the name of the other.
        """
        is_crossed = claimant.crossed > now - FORGET_SECONDS and claimant.asks(now) >= MANY_QUESTIONS
        if not is_crossed or claimant.first <= other.first or self._is_router(segment, suspect):
            return False
        return sum(last > claimant.first for last in (self._of.get((segment, suspect)) or {}).values()) > 1

    def _sides(self, segment: Segment, holding: _Holding, now: float) -> tuple[bytes, bytes]:
        """Who presses hardest, or claims most, or came last; and who else claimed it most recently."""
        live = [mac for mac, claimant in holding.claimants.items() if claimant.last > now - FORGET_SECONDS]
        if len(live) < 2:  # noqa: PLR2004 - as above
            return b"", b""

        def badness(mac: bytes) -> tuple[int, int, float]:
            claimant = holding.claimants[mac]
            return claimant.replies(now), self.addresses(segment, mac), claimant.first

        suspect = max(live, key=badness)
        strangers = [mac for mac in live if mac != suspect and not self._is_one_machine(segment, suspect, mac, now)]
        return suspect, max(strangers, key=lambda mac: holding.claimants[mac].last, default=b"")

    def _is_proxy(self, segment: Segment, mac: bytes) -> bool:
        """A router answers for many others (RFC 1027)."""
        return self._is_router(segment, mac) and self.addresses(segment, mac) >= MANY_PROXIED

    def _disputes(self, segment: Segment, mac: bytes, now: float) -> int:
        """How many addresses this MAC claims that others claim as well, as their only one."""
        found = 0
        for address in self._of.get((segment, mac)) or ():
            holding = self._holdings.get((segment, address))
            recent = holding.claimants.items() if holding else ()
            found += any(
                other != mac and claim.last > now - FORGET_SECONDS and self.addresses(segment, other) <= 1
                for other, claim in recent
            )
        return found

    def _was_asked(self, segment: Segment, arp: Arp, now: float) -> bool:
        asked = self._questions.get((segment, arp.target, arp.sender))
        return asked is not None and abs(now - asked) <= ASKED_SECONDS

    def _witness(self, frame: Frame, arp: Arp) -> None:
        """Who tells a station something unasked says by the way where that station is."""
        if is_station(arp.target_mac) and is_host(arp.target) and arp.target_mac != arp.sender_mac:
            self._holdings[frame.segment, arp.target].claimant(frame.time, arp.target_mac).last = frame.time

    def _is_defence(self, holding: _Holding, arp: Arp, now: float) -> bool:
        """An announcement by another just now, and the owner objects."""
        claimant = holding.claimants.get(holding.last)
        announced = claimant and claimant.announced and claimant.announced[-1] > now - DEFENCE_SECONDS
        return bool(announced) and (arp.is_announcement or (arp.is_reply and arp.target_mac == holding.last))

    def _is_one_machine(self, segment: Segment, one: bytes, other: bytes, now: float) -> bool:
        """Cards of one machine, or machines that stand in for each other."""
        if self._is_redundant(segment, one) and self._is_redundant(segment, other):
            return True
        shared = (self._of.get((segment, one)) or {}).keys() & (self._of.get((segment, other)) or {}).keys()
        return len(shared) > 1 and not any(self._presses(segment, mac, shared, now) for mac in (one, other))

    def _presses(self, segment: Segment, mac: bytes, addresses: set[bytes], now: float) -> bool:
        for address in addresses:
            holding = self._holdings.get((segment, address))
            claimant = holding.claimants.get(mac) if holding else None
            if claimant and claimant.replies(now):
                return True
        return False


def is_station(mac: bytes) -> bool:
    """One machine's MAC address: not empty, not zero, not a group's."""
    return len(mac) == 6 and not mac[0] & 1 and any(mac)  # noqa: PLR2004 - bytes of a MAC address


def are_near(one: bytes, other: bytes) -> bool:
    """Two cards of one machine, or two machines of one delivery: numbers that the vendor gave one after the other."""
    is_given_locally = one[0] & 2
    return not is_given_locally and one[:5] == other[:5] and abs(one[5] - other[5]) <= NEIGHBOURING


def is_host(address: bytes) -> bool:
    """An IPv4 address that a machine can have."""
    return 0 < address[0] < 224 and address[0] != 127  # noqa: PLR2004 - RFC 6890 and RFC 5771
