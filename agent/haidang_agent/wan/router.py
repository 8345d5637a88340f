"""The lines of a Linux router, watched by a thread of their own: netlink events, echoes by each interface."""

from __future__ import annotations

import itertools
import logging
import selectors
import socket
import threading
import time
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Literal, Protocol

from haidang_agent.wan.facts import Facts, Port, below
from haidang_agent.wan.failover import Failovers
from haidang_agent.wan.line import Line
from haidang_agent.wan.prober import Prober

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Mapping, Sequence
    from contextlib import AbstractContextManager

    from haidang_agent.platform.netlink import Netlink
    from haidang_agent.tables import Wan
    from haidang_agent.wan.failover import Failover

log = logging.getLogger(__name__)

LineCause = Literal["router", "carrier", "isp"]

LONGEST_WAIT_SECONDS = 1.0
LOOKS_APART_SECONDS = 0.05
"""A storm of changes is read no more often than this."""
RETRY_SECONDS = 5.0
ARP_SECONDS = 0.1
LONGEST_SHARED_PREFIX = 30
"""With a longer one the gateway may lie outside, as with some ISPs."""
LEASE_SECONDS = 30.0
"""After a start, an interface may wait so long for its address before its line is called down."""
RECOVERY_SECONDS = 5.0
"""So long after its carrier a line that is still down is so for the old cause: addresses and ARP take their time."""


class Witness(Protocol):
    """Who is told, in the router's thread, of what a line or the traffic did. Times are monotonic seconds."""

    def line_changed(self, name: str) -> None:
        """It went down, came up, or its targets stopped or began to answer."""

    def moved(self, failover: Failover) -> None:
        """The traffic has moved."""


@dataclass(slots=True)
class RouterLine:
    """`carrier` is of the physical port, None where that is not there or switched off; `present`: so is the interface.

    `denied` says why it cannot be probed. `mended`: the cause that was there until the carrier came back, and when.
    """

    wan: Wan
    destinations: tuple[str, ...]
    line: Line
    carrier: bool | None = None
    present: bool = False
    known: bool = False
    due: float = 0.0
    born: float = field(default_factory=time.monotonic)
    seen: bool = False

    @property
    def dialled(self) -> bool:
        """Such an interface goes when the ISP's end does."""
        return self.wan.interface.startswith(("ppp", "wwan"))

    prober: Prober | None = None
    denied: str = ""
    mended: tuple[LineCause, float] | None = None

    def cause(self) -> LineCause:
        """Why it is down, by what the router itself sees; a line with a carrier again is given time to come up."""
        if self.carrier is False:
            return "carrier"
        if not self.present and not self.dialled:
            return "router"
        cause, since = self.mended or ("isp", 0.0)
        return cause if time.monotonic() - since < RECOVERY_SECONDS else "isp"


class Router:
    """Takes the tables of lines that have an interface. `lock` is held while it works, and by who looks at lines."""

    def __init__(
        self,
        wans: Iterable[Wan],
        references: Sequence[str],
        netlink: Netlink,
        witness: Witness,
        lock: AbstractContextManager[object],
    ) -> None:
        now = time.monotonic()
        self._lock = lock
        self.lines = {wan.name: _router_line(wan, references, now) for wan in wans}
        self.active: frozenset[str] = frozenset()
        self._netlink = netlink
        self._witness = witness
        self._failovers = Failovers()
        self._facts = Facts()
        self._gateways: dict[str, IPv4Address] = {}
        self._looked_at = now
        self._facts_due: float | None = None
        self._unsent = itertools.count(-1, -1)
        self._selector = selectors.DefaultSelector()
        self._selector.register(netlink.events, selectors.EVENT_READ, None)
        self._wake, self._woken = socket.socketpair()
        self._selector.register(self._woken, selectors.EVENT_READ)
        self._running = True
        try:
            self._look(now)
        except BaseException:
            self._give_back()
            raise
        self._thread = threading.Thread(target=self._run, name="wan", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._running = False
        self._wake.send(b"x")
        self._thread.join(LONGEST_WAIT_SECONDS)
        self._give_back()

    def _give_back(self) -> None:
        for line in self.lines.values():
            if line.prober is not None:
                line.prober.close()
        self._netlink.close()
        self._selector.close()
        self._wake.close()
        self._woken.close()

    @property
    def alive(self) -> bool:
        """False where the thread ended by a fault of ours; it stands in the log."""
        return self._thread.is_alive()

    def _run(self) -> None:
        try:
            while self._running:
                with self._lock:
                    wait = self._next_time() - time.monotonic()
                ready = self._selector.select(max(0.0, min(wait, LONGEST_WAIT_SECONDS)))
                with self._lock:
                    self._work({key.fileobj: key.data for key, _ in ready})
        except Exception:
            log.exception("the lines are no longer watched")
            raise

    def _next_time(self) -> float:
        times = [entry.due for entry in self.lines.values() if entry.prober is not None]
        return min([*times, *([] if self._facts_due is None else [self._facts_due])], default=time.monotonic() + 1)

    def _work(self, ready: Mapping[object, str | None]) -> None:
        """`ready`: what has something to read, and of which line it is."""
        events, stale = self._netlink.changes() if self._netlink.events in ready else ((), False)
        now = time.monotonic()
        for event in events:
            for name, entry in self.lines.items():
                if event.interface == (entry.wan.port or entry.wan.interface):
                    self._carrier(name, event.carrier if event.switched_on else None, now)
        if stale:
            self._look_by(self._looked_at + LOOKS_APART_SECONDS)
        if self._facts_due is not None and now >= self._facts_due:
            self._look(now)
        for name, entry in self.lines.items():
            if now >= entry.due or name in ready.values():
                self._probe(name, entry, ready)
                entry.due = entry.line.next_time()
        if self._failovers.doubtful():
            for failover in self._failovers.settle({n: entry.line for n, entry in self.lines.items()}, now):
                self._witness.moved(failover)

    def _look_by(self, when: float) -> None:
        self._facts_due = when if self._facts_due is None else min(when, self._facts_due)

    def _look(self, now: float) -> None:
        """Read everything, and see what it means for each line."""
        self._facts_due, self._looked_at = None, now
        try:
            self._facts = facts = self._netlink.facts()
        except OSError as refused:
            log.warning("interfaces and routes cannot be read now, what was known stands: %s", refused)
            self._look_by(now + RETRY_SECONDS)
            return
        for name, entry in self.lines.items():
            entry.seen = entry.seen or entry.wan.interface in facts.links
            links = [*below(facts, entry.wan.port), *below(facts, entry.wan.interface)]
            physical = links[-1] if links and not entry.wan.port else next(iter(links), None)
            carrier = physical.carrier if physical is not None and physical.switched_on else None
            self._carrier(name, carrier, now)
            entry.present = (link := facts.links.get(entry.wan.interface)) is not None and link.switched_on
            self._set_port(entry, self._port(entry.wan))
        self._route(now)

    def _route(self, now: float) -> None:
        interfaces = self._facts.active_interfaces()
        self.active = frozenset(name for name, entry in self.lines.items() if entry.wan.interface in interfaces)
        unfinished = self._failovers.active(self.active, now)
        if unfinished is not None:
            self._witness.moved(unfinished)
        for name in self._failovers.doubtful() & self.lines.keys():
            if self.lines[name].line.up:
                self.lines[name].line.check(now)
                self.lines[name].due = now

    def _port(self, wan: Wan) -> Port | None:
        link = self._facts.links.get(wan.interface)
        if link is None:
            return None
        gateway = IPv4Address(wan.gateway) if wan.gateway else self._facts.gateway(wan.interface)
        network = self._facts.networks.get(wan.interface)
        if gateway and network and network.prefixlen <= LONGEST_SHARED_PREFIX and gateway not in network:
            gateway = None
        if gateway is not None:
            self._gateways[wan.name] = gateway
        known = self._gateways.get(wan.name)  # also after a failover has taken its route away
        return Port(wan.interface, link.index, link.ethernet, self._facts.addresses.get(wan.interface), known)

    def _set_port(self, entry: RouterLine, port: Port | None) -> None:
        """Probe by this port; where that cannot be, the line's state is no longer known, unless it carries nothing."""
        if entry.prober is not None and entry.prober.port == port and self._leads_out(entry.prober):
            return
        self._take_prober(entry)
        if port is None:  # as when a PPPoE session ends: the port below it may well have its carrier
            self._is_dead(entry, time.monotonic())
            return
        try:
            prober = Prober(port, ipv6=any(":" in target for target in entry.destinations))
        except OSError as refused:
            entry.denied = f"{port.interface}: {refused.strerror}"
            self._look_by(self._looked_at + RETRY_SECONDS)
            return
        if not self._leads_out(prober):
            prober.close()
            self._cannot_probe(entry, port)
            return
        entry.prober = prober
        for each in entry.prober.sockets():
            self._selector.register(each, selectors.EVENT_READ, entry.wan.name)

    def _cannot_probe(self, entry: RouterLine, port: Port) -> None:
        """Nobody knows the state of such a line, but that one which has lost its address (DHCP) carries nothing."""
        now = time.monotonic()
        if port.address is None and (entry.line.up is not None or now - entry.born >= LEASE_SECONDS):
            entry.denied = f"{port.interface}: it has no IPv4 address"
            self._is_dead(entry, now)
            return
        if port.address is None:
            self._look_by(entry.born + LEASE_SECONDS)
        why = (
            f"its gateway {entry.wan.gateway} is not in its network"
            if entry.wan.gateway
            else "its gateway is not known"
        )
        entry.denied = f"{port.interface}: no route leads by it, and {why}: it cannot be probed"
        if entry.carrier:
            entry.line = _new_line(entry.wan, entry.destinations, now)

    def _leads_out(self, prober: Prober) -> bool:
        """A socket that is only bound to an Ethernet interface needs a route by it."""
        port = prober.port
        return prober.knows_gateway or not port.ethernet or self._facts.gateway(port.interface) is not None

    def _take_prober(self, entry: RouterLine) -> None:
        if entry.prober is not None:
            for each in entry.prober.sockets():
                self._selector.unregister(each)
            entry.prober.close()
        entry.prober, entry.denied = None, ""

    def _carrier(self, name: str, carrier: bool | None, now: float) -> None:
        entry = self.lines[name]
        entry.due = now
        if entry.known and carrier is entry.carrier:
            return
        if carrier and entry.known:
            entry.mended = (entry.cause(), now)
        known, entry.known, entry.carrier = entry.known, True, carrier
        if carrier:
            entry.line.check(now)
        else:
            entry.present = entry.present and carrier is not None
            self._is_dead(entry, now)
        if known or not carrier:
            log.info("%s: carrier %s", name, {True: "found", False: "lost", None: "gone with its interface"}[carrier])

    def _is_dead(self, entry: RouterLine, now: float) -> None:
        """Nothing can go by it: no echo needs to tell. What was never there is a wrong name, no dead line."""
        if not entry.seen and not entry.dialled:
            entry.denied = f"{entry.wan.interface}: there is no such interface"
            return
        was = entry.line.up
        entry.line.lost_carrier(now)
        if was is not False:
            self._witness.line_changed(entry.wan.name)

    def _probe(self, name: str, entry: RouterLine, ready: Container[object]) -> None:
        line, prober = entry.line, entry.prober
        before = (line.up, line.targets_answer)
        if prober is not None:
            try:
                for key, at in prober.replies(ready):
                    line.answered(key, at)
            except OSError as gone:
                log.debug("%s: %s", name, gone)
                self._take_prober(entry)
                self._look_by(self._looked_at + LOOKS_APART_SECONDS)
                return
            now = time.monotonic()
            prober.keep_gateway(now)
            for destination, regular in line.step(now):
                line.sent(self._ask(prober, entry.destinations[destination]), destination, now, regular=regular)
        if (line.up, line.targets_answer) != before:
            if line.up:
                entry.mended = None
            elif prober is not None:
                prober.hurry()
            self._witness.line_changed(name)

    def _ask(self, prober: Prober, address: str) -> int:
        try:
            return prober.send(address)
        except OSError:  # no way out now: as lost as any other, under a number that no answer has
            return next(self._unsent)


def _router_line(wan: Wan, references: Sequence[str], now: float) -> RouterLine:
    others = (address for address in references if address not in wan.targets)
    destinations = (*wan.targets, *others)
    return RouterLine(wan, destinations, _new_line(wan, destinations, now))


def _new_line(wan: Wan, destinations: Sequence[str], now: float) -> Line:
    """The first echo waits for the gateway's answer to ARP."""
    return Line(len(wan.targets), len(destinations) - len(wan.targets), wan.probe_interval, now + ARP_SECONDS)
