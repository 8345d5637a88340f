"""Which DHCP messages of clients are a reason to ask at once who gives out addresses.

A switch sends a server's answers to one client to that client alone, but what clients say themselves is broadcast.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from haidang_agent.lanwatch.bounded import Table
from haidang_agent.lanwatch.protocols.dhcp import DISCOVER, REQUEST, Dhcp

if TYPE_CHECKING:
    from haidang_agent.lanwatch.frames import Frame
    from haidang_agent.lanwatch.lan import Lan, Segment

MOST_CLIENTS = 1024
STRANGE_SECONDS = 86400.0
"""Who has not asked for an address for so long is a stranger."""
HEARD_SECONDS = 300.0
"""A server that was heard of more recently has been judged already."""


class Asking:
    """Times are those of frames."""

    def __init__(self, lan: Lan) -> None:
        self._lan = lan
        self._clients: Table[tuple[Segment, bytes], float] = Table(MOST_CLIENTS, lambda: float("-inf"))

    def is_reason(self, frame: Frame) -> bool:
        """A client takes the offer of a server not heard of lately, or a stranger asks for offers."""
        message = frame.message
        if not isinstance(message, Dhcp) or not frame.is_group or message.client_mac in self._lan.own:
            return False
        if message.type == REQUEST and message.server:
            return not self._was_heard(message.server, frame)
        return message.type == DISCOVER and self._is_stranger(message.client_mac, frame)

    def _was_heard(self, address: bytes, frame: Frame) -> bool:
        return any(
            (bytes.fromhex(server["ip"]), tuple(server["segment"])) == (address, frame.segment)
            and server["last"] > frame.time - HEARD_SECONDS
            for server in self._lan.dhcp_servers.keep()
        )

    def _is_stranger(self, mac: bytes, frame: Frame) -> bool:
        before = self._clients[frame.segment, mac]
        self._clients[frame.segment, mac] = frame.time
        return before < frame.time - STRANGE_SECONDS
