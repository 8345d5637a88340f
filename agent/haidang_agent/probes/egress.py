"""Which ISP carries the school's traffic now, where its router does not tell: whose router comes first on the way out.

Once found by probes with a short time to live, that router alone is asked at its distance, one packet a run; all
distances to all targets again when another answers there, or none. The ISP is believed when most targets agree on it:
where an ISP's own routers are silent, the first to answer stands in each target's network, and that is not the way out.

Tells evidence `egress` {"isp": str or None, "hop": str, "answers": bool, "at": float}, for 75 s: the first router of an
ISP, on a path that is dead the last known one, and whether it still answers, asked not before `at` (monotonic seconds).
Its address does not leave the school.
"""

from __future__ import annotations

import ipaddress
import logging
import time
from collections import Counter
from dataclasses import dataclass
from socket import AF_INET
from typing import TYPE_CHECKING, NamedTuple

from haidang_isps import Prefix, Prefixes, is_public, parse_address

from haidang_agent.platform.hops import FARTHEST, Step, ask
from haidang_agent.platform.reach import parse
from haidang_agent.probe import Host, Metric, NothingToMeasureError, Probe, ProbeError, Sample

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

log = logging.getLogger(__name__)

HOPS = Metric("school_egress_hops", "Distance of the first router of an ISP on the default path, in hops.")
INFO = Metric("school_egress_info", "Whose router comes first on the default path; always 1.", ("isp",))
UNKNOWN = "unknown"
"""A public router answers, and no prefix tells whose it is, or the targets do not agree."""

EVIDENCE = "egress"
EVIDENCE_SECONDS = 75.0
WAIT_SECONDS = 1.0
MOST_STEPS = 60
"""Sockets open at once."""


@dataclass(frozen=True, slots=True)
class Settings:
    """`targets` are IPv4 addresses, best in the networks of three ISPs; they need not answer themselves."""

    targets: tuple[str, ...] = ("203.162.4.190", "203.113.131.1", "210.245.24.20")
    max_hops: int = 6


class Hop(NamedTuple):
    """A router of an ISP, the first one by this step."""

    address: str
    isp: str | None
    step: Step


class Egress:
    """Remembers the router between two runs, and its address over a restart."""

    def __init__(self, settings: Settings, host: Host) -> None:
        self._steps = _steps(settings)
        self._majority = len(set(settings.targets)) // 2 + 1
        self._declared = _declared(host)
        self._built_in = Prefixes.load()
        self._host = host
        self._known: Hop | None = None
        kept = host.memory.recall(EVIDENCE)
        self._last: tuple[str, str | None] | None = (kept[0], kept[1]) if kept else None

    def collect(self) -> Iterator[Sample]:
        at = time.monotonic()
        try:
            met, answers = self._look()
        except OSError as refused:
            raise ProbeError("unreadable", f"this machine gives no socket: {refused}") from refused
        if self._last is None:
            raise NothingToMeasureError("no router of an ISP has answered on the way out")
        address, isp = self._last
        fact = {"isp": isp, "hop": address, "answers": answers, "at": at}
        self._host.evidence.tell(EVIDENCE, "", fact, EVIDENCE_SECONDS)
        if met is not None:
            yield Sample(HOPS, float(met.step.ttl))
            yield Sample(INFO, 1.0, (isp or UNKNOWN,))

    def close(self) -> None:
        """Nothing to give back."""

    def _look(self) -> tuple[Hop | None, bool]:
        """The first router if one is met on the way, and whether the last known one answers."""
        if self._known is not None:
            answers = ask([self._known.step], WAIT_SECONDS)
            if answers.get(self._known.step) == self._known.address:
                return self._known, True
        answers = self._trace()
        hops = self._firsts(answers)
        if not hops:
            return None, self._last is not None and self._last[0] in answers.values()
        self._known = self._still_there(answers) or self._agreed(hops)
        met = self._known or hops[0]._replace(isp=None)
        self._remember(met.address, met.isp)
        return met, True

    def _trace(self) -> dict[Step, str]:
        """Ask at every distance; once more what may have been lost before the first router, and the last known one."""
        answers = ask(self._steps, WAIT_SECONDS)
        first = {hop.step.target: hop.step.ttl for hop in self._firsts(answers)}
        again = [s for s in self._steps if s not in answers and s.ttl < first.get(s.target, FARTHEST)]
        if self._last is not None and not first:
            again.append(Step(self._last[0], FARTHEST))
        return answers | ask(again, WAIT_SECONDS)

    def _firsts(self, answers: Mapping[Step, str]) -> list[Hop]:
        """The first router of an ISP towards each target, the nearest first."""
        found: dict[str, Hop] = {}
        for step, who in sorted(answers.items(), key=lambda answer: answer[0].ttl):
            address = parse_address(who)
            if address is None or who == step.target:
                continue
            isp = self._declared.isp(address)
            if isp is not None or is_public(address):
                found.setdefault(step.target, Hop(who, isp or self._built_in.isp(address), step))
        return list(found.values())

    def _still_there(self, answers: Mapping[Step, str]) -> Hop | None:
        """The known router, if one probe met it: where its other answers were lost, those behind are not the first."""
        known = self._known
        if known is None:
            return None
        met = [step for step, who in answers.items() if who == known.address != step.target]
        return known._replace(step=min(met, key=lambda step: step.ttl)) if met else None

    def _agreed(self, hops: list[Hop]) -> Hop | None:
        """The nearest router of the ISP that most targets agree on."""
        isp, votes = Counter(hop.isp for hop in hops).most_common(1)[0]
        return next(hop for hop in hops if hop.isp == isp) if votes >= self._majority else None

    def _remember(self, address: str, isp: str | None) -> None:
        if self._last != (address, isp):
            log.info("the traffic leaves by %s", isp or "an ISP that is not known")
            self._host.memory.keep(EVIDENCE, [address, isp])
        self._last = (address, isp)


def _steps(settings: Settings) -> tuple[Step, ...]:
    targets = tuple(dict.fromkeys(settings.targets))
    if not targets:
        raise NothingToMeasureError("[probes.egress] targets is empty")
    for target in targets:
        try:
            family, _, port = parse(target)
        except ValueError as wrong:
            raise ProbeError("misconfigured", f"[probes.egress] targets: {wrong}; write as 192.0.2.1") from wrong
        if family != AF_INET or port is not None:
            raise ProbeError("misconfigured", f"[probes.egress] targets: {target!r}; write IPv4 without a port")
    if not 1 <= settings.max_hops <= MOST_STEPS // len(targets):
        raise ProbeError(
            "misconfigured",
            f"[probes.egress] max_hops = {settings.max_hops}: not in 1…{MOST_STEPS // len(targets)} with these targets",
        )
    return tuple(Step(target, ttl) for target in targets for ttl in range(1, settings.max_hops + 1))


def _declared(host: Host) -> Prefixes:
    """What `[[wan]] prefixes` say comes first, and may be private too."""
    rows = []
    for wan in host.watch.wan:
        for prefix in wan.prefixes:
            try:
                rows.append(Prefix(ipaddress.ip_network(prefix), 0, wan.isp))
            except ValueError as wrong:
                raise ProbeError("misconfigured", f"[[wan]] {wan.name}: prefixes: {wrong}") from wrong
    return Prefixes(rows)


PROBE = Probe(
    name="egress",
    start=Egress,
    settings=Settings,
    metrics=(HOPS, INFO),
    every_seconds=10,  # the cause of an outage is settled within 15 s, and this is evidence of it
    timeout_seconds=8,
    roles=frozenset({"site"}),
    platforms=frozenset({"linux"}),
)
