"""While another machine claims this machine's own router, the router is asked where it is, once a second.

The answer takes the forged one's place in the system's table for a while, and the question takes it in the router's: so
that word of the attack gets out during the attack. It is what any machine does that looks for its router.

Detectors count replies that nobody asked for. With a question a second none would be left, and the attack would seem to
be over: all but one exchange in thirty are kept from them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from haidang_agent.lanwatch.detectors.arp_spoof import ArpSpoof
from haidang_agent.lanwatch.frames import BROADCAST
from haidang_agent.lanwatch.naming import mac_text
from haidang_agent.lanwatch.protocols.arp import Arp

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from ipaddress import IPv4Address

    from haidang_agent.intrusion.case import Case
    from haidang_agent.lanwatch.frames import Frame

EXCHANGE_SECONDS = 0.5
SHOWN = 30
"""One exchange in so many is shown to the detectors, which forget an owner that is silent."""


class WayBack:
    """Times are those of frames."""

    def __init__(self) -> None:
        self._suspects: frozenset[str] = frozenset()
        self._router = b""
        self._asked = 0
        self._hidden_until = float("-inf")

    def is_to_ask(self, cases: Iterable[Case], router: IPv4Address, now: float) -> bool:
        """To be called once a second, with the open cases."""
        about = [case for case in cases if case.kind == ArpSpoof.kind and case.subject.get("ip") == str(router)]
        self._suspects = frozenset(case.subject["mac"] for case in about)
        self._router = router.packed
        if about:
            self._asked += 1
            if self._asked % SHOWN:
                self._hidden_until = now + EXCHANGE_SECONDS
        return bool(about)

    def hides(self, frame: Frame, own: Collection[bytes]) -> bool:
        """It is our question, or the owner's answer to it."""
        message = frame.message
        if not self._suspects or not isinstance(message, Arp) or frame.time > self._hidden_until:
            return False
        if message.is_reply:
            is_answer = message.sender == self._router and message.target_mac in own
            return is_answer and mac_text(message.sender_mac) not in self._suspects
        return frame.destination == BROADCAST and message.sender_mac in own and message.target == self._router
