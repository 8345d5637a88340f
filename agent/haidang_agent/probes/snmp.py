"""What the school's own routers, switches and ONTs tell of the WANs by SNMP: `[[snmp]]` with `wan_interfaces`.

Each device has a thread of its own, so that one that hangs delays nobody. Every 5 s one request asks whether the links
are there, every 60 s the rest is read. Tells evidence `snmp_wan`, by WAN, for 150 s: a dict with what is known of
`carrier`, `admin`, `default_route`, `fibre` (bool), `speed_bps`, `receive_bytes`, `transmit_bytes` (running totals,
kept over restarts), `rx_dbm`, `tx_dbm`, `rx_low_dbm`, `temperature_celsius`.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from haidang_agent.probe import Host, Metric, NothingToMeasureError, Probe, ProbeError, Sample
from haidang_agent.snmp.opening import NO_LIBRARY, libraries
from haidang_agent.snmp.usm import read_auth, read_priv

if TYPE_CHECKING:
    from collections.abc import Iterator

    from haidang_agent.tables import Snmp

UP = Metric("haidang_snmp_up", "1 if the device answered when it was last asked by SNMP, else 0.", ("device",))
PROBLEMS = Metric("haidang_snmp_problems", "Things that the device told wrongly or not to the end.", ("device",))

PATIENCE_SECONDS = 3.0
"""How long the first run waits for the devices' first answers."""
FAREWELL_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Settings:
    """`carrier_seconds`: how often links are asked for; `look_seconds`: how often the rest is read."""

    carrier_seconds: float = 5.0
    look_seconds: float = 60.0


class SnmpProbe:
    """Tells how the devices fare; what they say of the WANs goes by evidence."""

    def __init__(self, settings: Settings, host: Host) -> None:
        from haidang_agent.snmp.watcher import Watcher  # noqa: PLC0415 - 20 ms where no device is named

        if not host.watch.snmp:
            raise NothingToMeasureError("no [[snmp]] device is named")
        if not libraries():
            raise ProbeError("unsupported", NO_LIBRARY)
        for target in host.watch.snmp:
            _check(target)
        self._stop = threading.Event()
        self._first = True
        self._watchers = [Watcher(target, settings, host, self._stop) for target in host.watch.snmp]
        for watcher in self._watchers:
            watcher.start()

    def collect(self) -> Iterator[Sample]:
        """At once, but for the first time. Raises ProbeError where a fault of ours ended the asking."""
        if ended := [watcher.device for watcher in self._watchers if not watcher.is_alive()]:
            raise ProbeError("bug", f"{', '.join(ended)}: no longer asked; see the log")
        until = time.monotonic() + (PATIENCE_SECONDS if self._first else 0.0)
        self._first = False
        for watcher in self._watchers:
            if watcher.asked.wait(max(0.0, until - time.monotonic())):
                yield Sample(UP, float(bool(watcher.up)), (watcher.device,))
                yield Sample(PROBLEMS, float(len(watcher.problems)), (watcher.device,))

    def close(self) -> None:
        self._stop.set()
        for watcher in self._watchers:
            watcher.join(FAREWELL_SECONDS)


def _check(target: Snmp) -> None:
    if target.version == "3" and not target.user:
        raise ProbeError("misconfigured", f"[[snmp]] {target.host}: version 3 needs a user")
    try:
        auth, priv = read_auth(target.auth), read_priv(target.priv)
    except ValueError as wrong:
        raise ProbeError("misconfigured", f"[[snmp]] {target.host}: {wrong}") from wrong
    if priv and not auth:
        raise ProbeError("misconfigured", f"[[snmp]] {target.host}: priv needs auth")


PROBE = Probe(
    name="snmp",
    start=SnmpProbe,
    settings=Settings,
    metrics=(UP, PROBLEMS),
    every_seconds=5,
    timeout_seconds=4,
    roles=frozenset({"site", "router"}),
    live=True,
)
