"""The lines to the Internet: state, quality, who carries the traffic, failovers, outages and their causes.

On a router by its own interfaces (netlink events, echoes bound to each); elsewhere by what the probes `snmp`, `egress`,
`optics` and `internet` find out. Figures are of the last 60 echoes to each target: loss over all targets that answer at
all (one that is dead itself is no fault of the line's), round trip and jitter of the nearest.
"""

from __future__ import annotations

import ipaddress
import sys
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import permutations
from typing import TYPE_CHECKING, Any

from haidang_agent.platform.link import link_speed_bps
from haidang_agent.platform.reach import RESOLVERS
from haidang_agent.probe import Host, Metric, Probe, ProbeError, Sample
from haidang_agent.wan import metrics
from haidang_agent.wan.absence import REASONS
from haidang_agent.wan.times import centre_time

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from contextlib import AbstractContextManager

    from haidang_agent.wan.keeper import LineState
    from haidang_agent.wan.router import Router, Witness

LINE = ("wan", "isp")
UP = Metric("school_wan_up", "1 if the WAN reaches its targets, else 0; absent where nobody can tell.", LINE)
ACTIVE = Metric("school_wan_active", "1 for a WAN that carries the default traffic now, else 0.", LINE)
CARRIER = Metric("school_wan_carrier", "1 if the physical port has a link, else 0.", ("wan",))
INFO = Metric(
    "school_wan_info",
    "A WAN; always 1. Evidence of the medium: optical (power was read), interface (its type says so) or declared.",
    ("wan", "isp", "medium", "evidence"),
)
LOSS = Metric("school_wan_loss_ratio", "Share of the last 60 echoes without an answer in 0.9 s.", LINE)
RTT = Metric("school_wan_rtt_seconds", "Median round trip of the last 60 echoes.", LINE)
RTT_P95 = Metric("school_wan_rtt_p95_seconds", "95th percentile of the round trips of the last 60 echoes.", LINE)
JITTER = Metric(
    "school_wan_jitter_seconds",
    "Mean absolute difference of successive round trips (as RFC 3393, section 4), of the last 60 echoes.",
    LINE,
)
SPEED = Metric("school_wan_link_speed_bytes_per_second", "Speed of the physical link.", ("wan",))
RECEIVED = Metric("school_wan_receive_bytes_total", "Bytes that came in by the WAN.", ("wan",), "counter")
SENT = Metric("school_wan_transmit_bytes_total", "Bytes that went out by the WAN.", ("wan",), "counter")
LAST_MOVE = Metric(
    "school_wan_last_failover_timestamp_seconds",
    "When the traffic last moved from one WAN to the other.",
    ("from", "to"),
)
LAST_GAP = Metric(
    "school_wan_last_failover_duration_seconds", "Gap in the traffic when it last moved so.", ("from", "to")
)
RX_POWER = Metric("school_fibre_rx_power_dbm", "Optical power received.", ("wan",))
TX_POWER = Metric("school_fibre_tx_power_dbm", "Optical power sent.", ("wan",))
RX_LOW = Metric(
    "school_fibre_rx_power_low_dbm", "Received power at which the optical module raises an alarm.", ("wan",)
)
TEMPERATURE = Metric("school_fibre_temperature_celsius", "Temperature of the optical module.", ("wan",))
OPTICAL = {"rx_dbm": RX_POWER, "tx_dbm": TX_POWER, "rx_low_dbm": RX_LOW, "temperature_celsius": TEMPERATURE}

DENIED = "give the agent CAP_NET_RAW, or allow it ping (net.ipv4.ping_group_range)"


@dataclass(frozen=True, slots=True)
class Settings:
    """`references` are asked when no target of a line answers: where they do, the targets are dead, not the line.

    A line without targets of its own is judged by them.
    """

    references: tuple[str, ...] = RESOLVERS


class WanProbe:
    """Tells what the keeper knows."""

    def __init__(self, settings: Settings, host: Host) -> None:
        self._settings, self._host = settings, host
        # Every agent of the school is told the same lines; the interfaces are the router's.
        self._is_router = "router" in host.watch.roles and sys.platform == "linux"
        try:
            list(map(ipaddress.ip_address, settings.references))
        except ValueError as wrong:
            raise ProbeError("misconfigured", f"[probes.wan] references: {wrong}") from wrong
        from haidang_agent.wan.keeper import Keeper  # noqa: PLC0415 - for machines that run this probe

        self._keeper = Keeper(host, self._router)

    def collect(self) -> Iterator[Sample]:
        """Raises ProbeError where no line of this router can be probed."""
        states = self._keeper.look()
        denied = [state.denied for state in states if state.denied and state.up is None]
        if self._keeper.broken:
            raise ProbeError("bug", "the lines are no longer watched; see the log")
        if denied and len(denied) == len(states):
            raise ProbeError("denied", f"{'; '.join(denied)}: {DENIED}")
        for state in states:
            yield from self._line(state)
        yield from self._keeper.book.samples()
        yield from self._totals()

    def close(self) -> None:
        self._keeper.close()

    def _router(self, witness: Witness, lock: AbstractContextManager[object]) -> Router | None:
        references = self._settings.references
        own = [replace(wan, targets=wan.targets or references) for wan in self._host.watch.wan if wan.interface]
        own = [wan for wan in own if wan.targets]
        if not own or not self._is_router:
            return None
        try:
            from haidang_agent.platform.netlink import Netlink  # noqa: PLC0415 - 20 MiB, for routers only
        except ImportError as missing:
            raise ProbeError("unsupported", f"{missing}; install haidang[router]") from missing
        from haidang_agent.wan.router import Router  # noqa: PLC0415

        return Router(own, self._settings.references, Netlink(self._host.proc), witness, lock)

    def _line(self, state: LineState) -> Iterator[Sample]:
        wan = state.wan
        labels = (wan.name, wan.isp)
        for metric, known in ((UP, state.up), (ACTIVE, state.active)):
            if known is not None:
                yield Sample(metric, float(known), labels)
        if state.carrier is not None:
            yield Sample(CARRIER, float(state.carrier), (wan.name,))
        if state.quality is not None:
            figures = zip((LOSS, RTT, RTT_P95, JITTER), state.quality, strict=True)
            yield from (Sample(metric, value, labels) for metric, value in figures if value is not None)
        yield from self._evidence(state)

    def _evidence(self, state: LineState) -> Iterator[Sample]:
        """Of the port itself: an own optical module counts before what SNMP tells, an own interface likewise."""
        wan, ask = state.wan, self._host.evidence.ask
        told: dict[str, Any] = (ask("snmp_wan", wan.name) or {}) | (ask("optics", wan.name) or {})
        if wan.interface and self._is_router:
            told |= self._own_port(wan.port or wan.interface)
        optical = any(told.get(key) is not None for key in ("rx_dbm", "tx_dbm"))
        medium = "fibre" if optical or told.get("fibre") else wan.medium
        evidence = "optical" if optical else "interface" if told.get("fibre") else "declared"
        yield Sample(INFO, 1.0, (wan.name, wan.isp, medium, evidence))
        yield from (
            Sample(metric, told[key], (wan.name,)) for key, metric in OPTICAL.items() if told.get(key) is not None
        )
        if told.get("speed_bps"):
            yield Sample(SPEED, told["speed_bps"] / 8, (wan.name,))
        for key, metric in (("receive_bytes", RECEIVED), ("transmit_bytes", SENT)):
            if told.get(key) is not None:
                yield Sample(metric, told[key], (wan.name,))

    def _own_port(self, interface: str) -> dict[str, int | None]:
        """No bytes while it is not there: a counter that goes on with those of SNMP would jump."""
        folder = self._host.sys / "class" / "net" / interface / "statistics"
        found: dict[str, int | None] = {"receive_bytes": None, "transmit_bytes": None}
        for key, name in (("receive_bytes", "rx_bytes"), ("transmit_bytes", "tx_bytes")):
            with suppress(OSError):  # no such interface now, or it goes just now
                found[key] = int((folder / name).read_text())
        speed = link_speed_bps(self._host.sys, interface)
        return found if speed is None else found | {"speed_bps": speed}

    def _totals(self) -> Iterable[Sample]:
        totals, now = self._host.totals, self._host.time.moment()
        for wan in self._host.watch.wan:
            yield totals.sample(metrics.OBSERVED, (wan.name, wan.isp))
            yield totals.sample(metrics.CHANGES, (wan.name, wan.isp))
        for reason in REASONS:
            yield totals.sample(metrics.UNOBSERVED, (reason,))
        moves = self._keeper.moves.copy()  # the router's thread adds to it
        for labels in dict.fromkeys((*permutations((wan.name for wan in self._host.watch.wan), 2), *moves)):
            yield totals.sample(metrics.FAILOVERS, labels)  # from 0 on, or an increase would miss the first
        for labels, move in moves.items():
            yield from totals.histogram(metrics.GAP, labels)
            if (when := centre_time(move.at, now)) is not None:
                yield Sample(LAST_MOVE, when, labels)
            if move.gap is not None:
                yield Sample(LAST_GAP, move.gap, labels)


PROBE = Probe(
    name="wan",
    start=WanProbe,
    settings=Settings,
    metrics=(
        UP, ACTIVE, CARRIER, INFO, LOSS, RTT, RTT_P95, JITTER, SPEED, RECEIVED, SENT, LAST_MOVE, LAST_GAP, RX_POWER,
        TX_POWER, RX_LOW, TEMPERATURE, *metrics.METRICS,
    ),
    every_seconds=15,
    timeout_seconds=0.95,
    roles=frozenset({"site", "router"}),
    needs=frozenset({"CAP_NET_RAW"}),
    live=True,
)  # fmt: skip
