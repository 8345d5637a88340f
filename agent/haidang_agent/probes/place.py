"""In which computer room this machine stands, and what it is for.

By `[agent] lab` and `use` in its own agent.toml; a room that is not told there is the one that the site's agent worked
out for this machine's address, which it says in the roll call. The roll call (UDP, port 9811) is answered where the
unit's key is known: nobody else's question is, and no question has a longer answer. On Windows its firewall drops the
questions until a rule lets them in.
"""

from __future__ import annotations

import ipaddress
import logging
import re
import socket
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psutil

from haidang_agent.platform import system
from haidang_agent.platform.machine_id import machine_id
from haidang_agent.probe import Host, Metric, Probe, ProbeError, Sample
from haidang_agent.rollcall.message import LONGEST_LAB, PORT, Statement

if TYPE_CHECKING:
    from collections.abc import Iterator

    from haidang_agent.rollcall.answering import Listener
    from haidang_agent.rollcall.message import Question

INFO = Metric(
    "school_machine_info",
    "This machine; always 1. The computer room it stands in, empty where it stands in none or none is known, and what "
    "it is for, empty where nobody told.",
    ("lab", "use"),
)
LISTENING = Metric(
    "haidang_rollcall_listening",
    "1 if this agent answers the roll call, 0 if its port is taken; absent where it is not to, or has no key.",
)

EVIDENCE = "place"
EVIDENCE_SECONDS = 60.0
TOLD = "place.lab"
"""The key in memory of the room that the site's agent said last."""
LAST_PORT = 65535

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Settings:
    """`listen` is where the roll call is answered, IPv4; empty: it is not."""

    listen: str = f"0.0.0.0:{PORT}"


class Place:
    """Tells where this machine is, and answers the roll call meanwhile."""

    def __init__(self, settings: Settings, host: Host) -> None:
        self._host = host
        if len(host.watch.room) > LONGEST_LAB:
            raise ProbeError("misconfigured", f"[agent] lab: more than {LONGEST_LAB} characters")
        self._address = _address(settings.listen) if settings.listen else None
        self._listener: Listener | None = None
        self._refused = ""
        self._closed = False
        self._lock = threading.Lock()

    def collect(self) -> Iterator[Sample]:
        """Where the port is taken it is tried again each time."""
        watch = self._host.watch
        lab = watch.room or str(self._host.memory.recall(TOLD) or "")
        self._host.evidence.tell(EVIDENCE, "", {"lab": lab, "use": watch.use}, EVIDENCE_SECONDS)
        yield Sample(INFO, 1.0, (lab, watch.use))
        if self._address is not None and watch.unit_key:
            yield Sample(LISTENING, float(self._listens(self._address)))

    def close(self) -> None:
        with self._lock:
            self._closed = True
            if self._listener is not None:
                self._listener.close()
                self._listener = None

    def _listens(self, address: tuple[str, int]) -> bool:
        from haidang_agent.rollcall.answering import Judge, Listener  # noqa: PLC0415 - for machines that have a key

        key = self._host.watch.unit_key
        with self._lock:
            if self._closed or (self._listener is not None and self._listener.is_alive):
                return self._listener is not None
            if self._listener is not None:
                self._listener.close()
                self._listener = None
            try:
                self._listener = Listener(address, key, Judge(key, self._host.time, _own_addresses), self._respond)
            except OSError as refused:
                if str(refused) != self._refused:
                    log.warning("the roll call cannot be answered on UDP %s:%d: %s", *address, refused)
                self._refused = str(refused)
                return False
            self._refused = ""
            return True

    def _respond(self, question: Question) -> Statement:
        if question.lab != (self._host.memory.recall(TOLD) or ""):
            self._host.memory.keep(TOLD, question.lab)
        watch, sys = self._host.watch, self._host.sys
        cards = system.burnt_in_addresses(sys)
        told = machine_id(system.smbios(sys), cards, watch.unit_key)
        return Statement(question.nonce, told.text, told.strong, tuple(cards), watch.room)


def _own_addresses() -> frozenset[ipaddress.IPv4Address]:
    return frozenset(
        ipaddress.IPv4Address(each.address)
        for held in psutil.net_if_addrs().values()
        for each in held
        if each.family == socket.AF_INET
    )


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    try:
        if not re.fullmatch("[0-9]{1,5}", port) or not 0 < int(port) <= LAST_PORT:
            raise ValueError(f"{port!r} is no port")
        return str(ipaddress.IPv4Address(host)), int(port)
    except ValueError as wrong:
        raise ProbeError(
            "misconfigured", f"[probes.place] listen = {text!r}: {wrong}; write as 0.0.0.0:{PORT}, or empty for none"
        ) from wrong


PROBE = Probe(
    name="place",
    start=Place,
    settings=Settings,
    metrics=(INFO, LISTENING),
    every_seconds=15,
    timeout_seconds=5,
    roles=frozenset({"host"}),
    live=True,
)
