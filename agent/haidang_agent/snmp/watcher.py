"""Asks one device over and over, in a thread of its own, and tells what it says of the WANs as evidence."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING, Any, Protocol

from haidang_agent.snmp.opening import open_session
from haidang_agent.snmp.session import Limits, SnmpError
from haidang_agent.snmp.wan_poll import Running, WanPoll

if TYPE_CHECKING:
    from haidang_agent.probe import Host
    from haidang_agent.snmp.bounded import BoundedSession
    from haidang_agent.snmp.wan_poll import Fact
    from haidang_agent.tables import Snmp

log = logging.getLogger(__name__)

EVIDENCE = "snmp_wan"
EVIDENCE_SECONDS = 150.0
LIMITS = Limits(answer_seconds=0.6, tries=3, total_seconds=30.0)


class Pace(Protocol):
    """Seconds from one question after the links to the next, and from one whole look to the next."""

    @property
    def carrier_seconds(self) -> float: ...
    @property
    def look_seconds(self) -> float: ...


class Watcher(threading.Thread):
    """Asks one device until it is stopped. `up` is None until it was asked."""

    def __init__(self, target: Snmp, pace: Pace, host: Host, stop: threading.Event) -> None:
        super().__init__(name=f"snmp {target.host}", daemon=True)
        self.device = target.host
        self.up: bool | None = None
        self.problems: tuple[str, ...] = ()
        self.asked = threading.Event()
        self._target, self._pace, self._host, self._stop_asked = target, pace, host, stop
        self._key = f"snmp {target.host}"
        stored = host.memory.recall(self._key) or {}
        self._poll = WanPoll(target.wan_interfaces, {name: Running.restored(kept) for name, kept in stored.items()})
        self._facts: dict[str, Fact] = {}
        self._look_due = 0.0

    def run(self) -> None:
        """Ends before it is told to only by a fault of ours, which stands in the log."""
        try:
            self._ask_again_and_again()
        except Exception:
            log.exception("%s is no longer asked by SNMP", self.device)

    def _ask_again_and_again(self) -> None:
        every = self._pace.carrier_seconds if self._target.wan_interfaces else self._pace.look_seconds
        session: BoundedSession[Any] | None = None
        while not self._stop_asked.is_set():
            began = time.monotonic()
            try:
                session = session or open_session(self._target, LIMITS)
                session.renew()
                self._ask(session)
            except SnmpError as silent:
                self._silent(str(silent))
            if session is not None and session.silent:
                # It may come back as another: with a new address, or a new SNMPv3 engine.
                session.close()
                session = None
            self.asked.set()
            self._stop_asked.wait(max(0.0, began + every - time.monotonic()))
        if session is not None:
            session.close()

    def _ask(self, session: BoundedSession[Any]) -> None:
        internet = self._host.evidence.ask("internet") or {}
        in_doubt = internet.get("up") is False and self._target.wan_interfaces  # is there still light?
        if in_doubt or time.monotonic() >= self._look_due:
            self._facts = self._poll.look(session)
            self.problems = tuple(session.problems)
            if not session.silent:
                self._look_due = time.monotonic() + self._pace.look_seconds
            self._host.memory.keep(self._key, {name: total.stored() for name, total in self._poll.totals.items()})
        else:
            links = self._poll.carriers(session)
            for wan, fact in self._facts.items():
                self._facts[wan] = {key: value for key, value in fact.items() if key != "carrier"}
                self._facts[wan] |= {"carrier": links[wan]} if wan in links else {}
        if session.silent:
            self._silent(f"{self.device} has fallen silent")
            return
        if not self.up:
            log.info("%s answers by SNMP", self.device)
        self.up = True
        self._tell()

    def _silent(self, why: str) -> None:
        """What was known of its links and routes need not be so any more."""
        if self.up is not False:
            log.warning("%s", why)
        self.up = False
        self._facts = {wan: {} for wan in self._facts}
        self._look_due = 0.0
        self._tell()

    def _tell(self) -> None:
        for wan, fact in self._facts.items():
            self._host.evidence.tell(EVIDENCE, wan, fact, EVIDENCE_SECONDS)
