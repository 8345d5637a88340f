"""Echoes through one interface: by its gateway's MAC where that can be, else by a socket bound to the interface."""

from __future__ import annotations

import logging
import socket
from typing import TYPE_CHECKING

from haidang_agent.platform.icmp import Pinger
from haidang_agent.platform.packet import GatewayEcho

if TYPE_CHECKING:
    from collections.abc import Container, Iterator

    from haidang_agent.wan.facts import Port

log = logging.getLogger(__name__)

GATEWAY_EVERY_SECONDS = 30.0
GATEWAY_HURRY_SECONDS = 1.0
"""So often the gateway is asked for by ARP: while it answers, and while it does not."""
KEY_IS_IPV6 = 1 << 16


class Prober:
    """Made anew when the interface, its address or its gateway is another one."""

    def __init__(self, port: Port, *, ipv6: bool) -> None:
        """`ipv6`: some target is of that family.

        Raises PermissionError where neither way is granted, OSError where the interface is gone.
        """
        self.port = port
        self._gateway_due = 0.0
        self._by_gateway: GatewayEcho | None = None
        self._bound: dict[socket.AddressFamily, Pinger] = {}
        if port.ethernet and port.address and port.gateway:
            try:
                self._by_gateway = GatewayEcho(port.interface, port.address, port.gateway)
            except PermissionError:
                log.info("%s: no raw frames (CAP_NET_RAW): probed only while a route leads by it", port.interface)
        if self._by_gateway is None:
            own = str(port.address) if port.address else ""
            self._bound[socket.AF_INET] = Pinger(socket.AF_INET, port.interface, own)
        if ipv6:
            self._bound[socket.AF_INET6] = Pinger(socket.AF_INET6, port.interface)

    @property
    def knows_gateway(self) -> bool:
        """It needs no route."""
        return self._by_gateway is not None

    def send(self, address: str) -> int:
        """One echo request; its key. Raises OSError where it cannot leave."""
        if ":" in address:
            return self._bound[socket.AF_INET6].send(address) | KEY_IS_IPV6
        return (self._by_gateway or self._bound[socket.AF_INET]).send(address)

    def keep_gateway(self, now: float) -> None:
        """Ask for the gateway where that is due."""
        if self._by_gateway is None or now < self._gateway_due:
            return
        answered = self._by_gateway.gateway_answered
        fresh = answered is not None and now - answered < GATEWAY_EVERY_SECONDS + GATEWAY_HURRY_SECONDS
        self._gateway_due = now + (GATEWAY_EVERY_SECONDS if fresh else GATEWAY_HURRY_SECONDS)
        try:
            self._by_gateway.ask_gateway()
        except OSError as down:
            log.debug("%s: %s", self.port.interface, down)

    def hurry(self) -> None:
        """Something is wrong: ask for the gateway at once."""
        self._gateway_due = 0.0

    def replies(self, ready: Container[object]) -> Iterator[tuple[int, float]]:
        """Keys that were answered, and when; of those of `sockets` that are ready to be read."""
        if self._by_gateway is not None and any(each in ready for each in self._by_gateway.sockets()):
            yield from self._by_gateway.replies()
        for family, pinger in self._bound.items():
            for sequence, at in pinger.replies() if pinger in ready else ():
                yield sequence | (KEY_IS_IPV6 if family == socket.AF_INET6 else 0), at

    def sockets(self) -> list[socket.socket | Pinger]:
        """To be watched for reading."""
        return [*(self._by_gateway.sockets() if self._by_gateway else ()), *self._bound.values()]

    def close(self) -> None:
        if self._by_gateway is not None:
            self._by_gateway.close()
        for pinger in self._bound.values():
            pinger.close()
