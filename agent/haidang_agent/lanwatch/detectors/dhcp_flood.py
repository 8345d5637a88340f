"""One client, or one network card, sends DHCP messages by the dozen a second: a fault or a denial of service."""

from __future__ import annotations

from typing import TYPE_CHECKING

from haidang_agent.i18n import N_
from haidang_agent.lanwatch.bounded import Recent, Table
from haidang_agent.lanwatch.incident import Change, Detector, Evidence
from haidang_agent.lanwatch.naming import mac_text
from haidang_agent.lanwatch.protocols.dhcp import FROM_CLIENT, Dhcp

if TYPE_CHECKING:
    from collections.abc import Iterator

    from haidang_agent.lanwatch.frames import Frame
    from haidang_agent.lanwatch.lan import Lan, Segment

WINDOW_SECONDS = 10.0
MOST_SENDERS = 512
MESSAGES = 50
"""Clients wait 4 s and longer between tries (RFC 2131, section 4.1)."""
MESSAGES_A_CLIENT = 5.0
"""With fewer, it is many clients behind one card: a relay's or a starvation."""

FLOODS = N_("{messages} DHCP messages from {mac} within {seconds:.0f} s")


class DhcpFlood(Detector):
    """A warning: the server may be too busy for others."""

    kind = "dhcp_flood"
    severities = ("warning",)
    quiet = 60.0
    takes = (Dhcp,)

    def __init__(self, lan: Lan) -> None:
        self._lan = lan
        super().__init__()
        self._recent: Table[tuple[Segment, bytes], Recent[bytes]] = Table(
            MOST_SENDERS, lambda: Recent(WINDOW_SECONDS, 4 * MESSAGES)
        )

    def feed(self, frame: Frame) -> Iterator[Change]:
        message = frame.message
        if not isinstance(message, Dhcp) or message.type not in FROM_CLIENT:
            return
        if self._lan.looping[frame.segment] >= frame.time:
            return
        sender = message.client_mac if message.is_relayed or not frame.source else frame.source
        recent = self._recent[frame.segment, sender]
        recent.add(frame.time, message.client_mac)
        if len(recent) >= MESSAGES and len(recent) >= MESSAGES_A_CLIENT * len(recent.keys):
            values = {"messages": recent.total, "mac": mac_text(sender), "seconds": frame.time - recent.since}
            subject = {"mac": mac_text(sender)}
            evidence = Evidence(FLOODS, values)
            yield from self._cases.report(frame, sender, "warning", evidence, subject, recent.since)


DETECTOR = DhcpFlood
