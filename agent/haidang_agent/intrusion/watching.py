"""The passive watch: a thread that shows frames to the detectors and tells the keeper what they say.

Frames are given times that no setting of the clock disturbs: monotonic seconds, put beside the clock once.
"""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import replace
from ipaddress import IPv4Address
from typing import TYPE_CHECKING

from haidang_agent.intrusion.asking import Asking
from haidang_agent.intrusion.evidence import Files, Kept, Recent
from haidang_agent.intrusion.listening import Listening, own_macs
from haidang_agent.intrusion.metrics import FRAMES, LOST
from haidang_agent.intrusion.preparing import prepare, watched
from haidang_agent.intrusion.way_back import WayBack
from haidang_agent.lanwatch.detectors.rogue_dhcp import RogueDhcp
from haidang_agent.lanwatch.frames import dissect
from haidang_agent.lanwatch.pcap import Packet
from haidang_agent.lanwatch.watch import Watch
from haidang_agent.platform import arp
from haidang_agent.platform.gateway import default_gateway
from haidang_agent.platform.subnets import own_subnets

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from haidang_agent.intrusion.case import Case
    from haidang_agent.intrusion.keeper import Keeper
    from haidang_agent.intrusion.settings import Settings
    from haidang_agent.lanwatch.frames import Frame
    from haidang_agent.lanwatch.incident import Change, Severity
    from haidang_agent.platform.capture import Capture, Captured
    from haidang_agent.platform.gateway import Gateway
    from haidang_agent.probe import Host

log = logging.getLogger(__name__)

SOURCE = "lan"
"""Of the cases that the detectors tell of."""
SERVERS_KEY = "intrusion_dhcp_servers"
TICK_SECONDS = 1.0
LOOK_AROUND_TICKS = 10
UDP_TICKS = 10
"""All unicast UDP is looked at in one second of so many."""
STORE_TICKS = 600
ETHERNET = 1
OLDEST_SECONDS = 2.0
"""No frame waits longer in the kernel; what seems to has met a clock that was set."""
EXCHANGE_SECONDS = 5.0
SUBJECTS_MACS = ("mac", "other_mac", "true_mac", "known_mac")
SUBJECTS_ADDRESSES = ("mac", "ip", "server")
"""Of what checks find."""


class Watching:
    """`problem` says why nothing is watched, `crashed` that the thread has ended by a fault of ours."""

    def __init__(self, settings: Settings, host: Host, folder: Path | None) -> None:
        """Raises PermissionError, LookupError as `Listening.look_around` does, ValueError for unusable settings.

        `folder` is for evidence.
        """
        self._settings, self._host = settings, host
        self._base = time.time() - time.monotonic()
        self._ending = threading.Event()
        self._number = 0
        self._ticks = 0
        self._servers_kept = 0
        self.crashed = False
        self.problem = ""
        self._recent, self._files = Recent(), Files(folder) if folder else None
        self.watch = Watch()
        self._asking, self._way_back = Asking(self.watch.lan), WayBack()
        self._gateway: Gateway | None = None
        self.watch.lan.scanners = frozenset(_packed(settings.scanners))
        self.watch.lan.dhcp_servers.school_servers = frozenset(_packed(settings.dhcp_servers))
        prepare(self.watch, settings, host.memory)
        self._listening = Listening(settings.interfaces, host.watch.outside, self._ending)
        self._look_around()
        self._recall_servers()
        self._thread = threading.Thread(target=self._work, name="lan watch", daemon=True)

    def start(self, keeper: Keeper) -> None:
        self._keeper = keeper
        self._thread.start()

    def close(self) -> None:
        self._ending.set()
        self._thread.join(2)

    @property
    def interfaces(self) -> int:
        """How many are watched."""
        return len(self._listening.interfaces)

    def kinds(self) -> dict[str, tuple[Severity, ...]]:
        """What is watched for, and the severities it can have."""
        return watched(self.watch, self._settings)

    def patience(self, kind: str) -> float:
        """How long a kind may be silent before it is over."""
        detectors = self.watch.kinds
        return detectors[kind].quiet if kind in detectors else max(each.quiet for each in detectors.values())

    def _work(self) -> None:
        try:
            while not self._ending.is_set():
                self._listening.listen(time.monotonic() + TICK_SECONDS, self._take)
                self._tick()
        except Exception:
            log.exception("the watch over the LAN has crashed")
            self.crashed = True
        finally:
            self._keep_servers()
            self._keeper.store(time.time())
            self._listening.close()

    def _take(self, capture: Capture, captured: Captured) -> None:
        self._number += 1
        age = min(max(time.time() - captured.time, 0.0), OLDEST_SECONDS)
        now = time.monotonic() + self._base - age
        packet = Packet(self._number, now, capture.index, ETHERNET, captured.length, captured.data)
        frame = dissect(packet)
        if frame is None or self._way_back.hides(frame, self.watch.lan.own):
            return
        if frame.message is not None or frame.ports is not None:
            self._recent.add(Kept(captured.time, captured.length, captured.data))
        self._tell(self.watch.feed(frame), frame)
        if self._asking.is_reason(frame):
            self._keeper.suspect(RogueDhcp.kind)

    def _tick(self) -> None:
        self._ticks += 1
        self._tell(self.watch.tick(time.monotonic() + self._base))
        self._keeper.tick(time.time())
        self._keep_exchanges()
        self._ask_for_router()
        frames, lost = self._listening.statistics()
        self._host.totals.add(FRAMES, frames)
        self._host.totals.add(LOST, lost)
        if self._ticks % UDP_TICKS in {0, 1}:
            self._listening.include_udp(self._ticks % UDP_TICKS == 0)
        if self._ticks % LOOK_AROUND_TICKS == 0:
            try:
                self._look_around()
                self.problem = ""
            except (PermissionError, LookupError) as failed:
                self.problem = str(failed)
        if self._ticks % STORE_TICKS == 0 or len(self.watch.lan.dhcp_servers) != self._servers_kept:
            self._keep_servers()

    def _ask_for_router(self) -> None:
        router, now = self._gateway, time.monotonic() + self._base
        if router is None or not self._way_back.is_to_ask(self._keeper.open_of(SOURCE), router.address, now):
            return
        try:
            here = [each for each in own_subnets((router.interface,)) if router.address in each.network]
            for subnet in here[:1]:
                arp.request(router.interface, subnet.own, router.address)
        except (LookupError, OSError) as failed:  # the interface has just gone: the next look around sees that
            log.debug("the router was not asked where it is: %s", failed)

    def _look_around(self) -> None:
        self._listening.look_around()
        self.watch.lan.own = own_macs()
        try:
            self._gateway = default_gateway(self._host.proc)
        except OSError:  # the system does not tell: then DHCP servers are known by who was first
            return
        if self._gateway is not None:
            self.watch.lan.dhcp_servers.routers = frozenset((self._gateway.address.packed,))

    def _tell(self, changes: Iterable[Change], frame: Frame | None = None) -> None:
        for change in changes:
            now = time.time()
            shift = now - time.monotonic() - self._base
            told = change.incident
            incident = replace(told, first_seen=told.first_seen + shift, last_seen=told.last_seen + shift)
            if change.state == "closed":
                self._keeper.close(SOURCE, incident, now)
            elif change.state == "withdrawn":
                self._keeper.withdraw(SOURCE, incident)
            else:
                case, is_new = self._keeper.report(SOURCE, incident, now)
                if case is not None and self._files is not None and frame is not None:
                    self._keep_evidence(self._files, case, frame, is_new=is_new)

    def _keep_evidence(self, files: Files, case: Case, frame: Frame, *, is_new: bool) -> None:
        if not is_new:
            files.add(case.capture, Kept(frame.time, frame.length, frame.data))
            return
        macs = [bytes.fromhex(text.replace(":", "")) for key in SUBJECTS_MACS if (text := case.subject.get(key))]
        capture = files.begin(case.id, self._recent.about(macs), self._keeper.captures())
        self._keeper.attach(case, capture)

    def _keep_exchanges(self) -> None:
        """Of what a check has just found: the frames that passed between it and the address that it found."""
        for case in self._keeper.newly_found(time.time() - EXCHANGE_SECONDS) if self._files else ():
            named = [_address(case.subject[key]) for key in SUBJECTS_ADDRESSES if case.subject.get(key)]
            exchange = self._recent.about(named) if named else []
            if case.source != SOURCE and exchange and self._files is not None:
                self._keeper.attach(case, self._files.begin(case.id, exchange, self._keeper.captures()))

    def _keep_servers(self) -> None:
        """By the names of interfaces: numbers differ after a restart."""
        names = self._listening.interfaces
        self._servers_kept = len(self.watch.lan.dhcp_servers)
        kept = [one for one in self.watch.lan.dhcp_servers.keep() if one["segment"][0] in names]
        self._host.memory.keep(SERVERS_KEY, [
            one | {"segment": [names[one["segment"][0]], *one["segment"][1:]]} for one in kept
        ])  # fmt: skip

    def _recall_servers(self) -> None:
        numbers = {name: number for number, name in self._listening.interfaces.items()}
        kept = self._host.memory.recall(SERVERS_KEY) or []
        self.watch.lan.dhcp_servers.recall([
            one | {"segment": [numbers[one["segment"][0]], *one["segment"][1:]]}
            for one in kept if one["segment"][0] in numbers
        ])  # fmt: skip


def _packed(texts: Iterable[str]) -> list[bytes]:
    """IPv4 and MAC addresses as bytes. Raises ValueError."""
    return [_address(text) for text in texts]


def _address(text: str) -> bytes:
    if text.count(":") == 5:  # noqa: PLR2004 - a MAC address
        return bytes.fromhex(text.replace(":", ""))
    return IPv4Address(text).packed
