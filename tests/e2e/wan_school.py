"""A school whose router runs the agent, with two ISPs to break, watched from outside: what the faults are tried on."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from itertools import pairwise
from typing import TYPE_CHECKING, Self

from tests.lab import VirtualSchool, failover_daemon
from tests.lab.faults import Facts, Fault, Move, carry_out
from tests.lab.judge import COUNTERS, STATES, Verdict, judge, judge_quiet
from tests.lab.stream import Stream
from tests.lab.watching import Timeline, Watcher
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType

METRICS = "127.0.0.1:9810"
RESOLVERS = ("198.51.100.210", "198.51.100.211", "198.51.100.212")
"""Addresses in the Internet beside the lines' own targets, by which the agent judges the default path."""
READY_SECONDS, WELL_SECONDS, PAUSE_SECONDS = 20.0, 15.0, 3.0


class WanSchool:
    """Context manager: agent, stream and watcher run inside, and all lines are well."""

    def __init__(self, isps: tuple[str, str] = ("VNPT", "Viettel")) -> None:
        self.school = VirtualSchool(isps=isps, pcs=1)
        self.facts: list[Facts] = []
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            school = stack.enter_context(self.school)
            school.internet.ip(*(f"addr add {address}/32 dev lo" for address in RESOLVERS))
            settings = school.folder / "agent.toml"
            settings.write_text(self._settings(), encoding="utf-8")
            log = stack.enter_context((school.folder / "agent.log").open("wb"))
            command = [sys.executable, "-m", "haidang_agent", "run", "--config", str(settings)]
            self.agent = school.router.start(*command, stdout=log, stderr=log)
            self.stream = stack.enter_context(Stream(school.pc(1), school.centre, school.centre_address, school.folder))
            self.watcher = stack.enter_context(Watcher(school.router, f"http://{METRICS}/metrics", school.folder))
            eventually("the agent knows both lines", self.all_is_well, seconds=READY_SECONDS)
            time.sleep(PAUSE_SECONDS)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    def all_is_well(self) -> bool:
        """By the agent's own word: both lines up, no outage open. Raises RuntimeError where it has ended."""
        if self.agent.poll() is not None:
            raise RuntimeError(f"the agent ended: {self.log()}")
        said = self.watcher.timeline()
        lines = dict(said.at(said.until, "school_wan_up"))
        outages = dict(said.at(said.until, "school_outage_active"))
        return len(lines) == len(self.school.isps) and all(lines.values()) and not any(outages.values())

    def suffer(self, fault: Fault) -> Verdict:
        """The fault from its beginning until the agent has said that all is well and a pause is over."""
        facts = self._carry_out(fault)
        deadline = time.monotonic() + WELL_SECONDS
        while time.monotonic() < deadline and not self.all_is_well():
            time.sleep(0.1)
        time.sleep(PAUSE_SECONDS)
        facts.over = time.monotonic()
        facts.gaps = self.stream.gaps(facts.begin, facts.over)
        self.facts.append(facts)
        return judge(facts, self._said_until(facts.over))

    def be_quiet(self, seconds: float) -> list[str]:
        """What was reported in this time, in which nothing happens."""
        begin = time.monotonic()
        time.sleep(seconds)
        end = time.monotonic()
        return judge_quiet(begin, end, self._said_until(end))

    def log(self) -> str:
        """The agent's own words."""
        return (self.school.folder / "agent.log").read_text(encoding="utf-8", errors="replace")

    def _said_until(self, at: float) -> Timeline:
        eventually("the watcher is there", lambda: self.watcher.timeline().until > at, seconds=5)
        return self.watcher.timeline()

    def _carry_out(self, fault: Fault) -> Facts:
        if not fault.watched_over:
            return carry_out(self.school, fault)
        with self._daemon() as moves:
            facts = carry_out(self.school, fault)
            eventually(
                "the daemon fails back",
                lambda: (seen := moves()) and seen[-1].to == facts.wan and len(seen) > 1,
                seconds=WELL_SECONDS,
            )
            facts.moves = moves()
        return facts

    @contextmanager
    def _daemon(self) -> Iterator[Callable[[], list[Move]]]:
        """The failover daemon runs, the line that carries the traffic being its favourite."""
        school, record = self.school, self.school.folder / "daemon.log"
        isps = sorted(school.isps.values(), key=lambda isp: isp.isp != school.carrier)
        words = [f"{isp.wan}={isp.gateway}={isp.target}" for isp in isps]
        with record.open("wb") as out:
            command = [sys.executable, "-IS", failover_daemon.__file__, *words]
            daemon = school.router.start(*command, stdout=out, stderr=subprocess.STDOUT)
        with daemon:
            try:
                eventually("the daemon has chosen", lambda: record.stat().st_size > 0, seconds=10)
                time.sleep(PAUSE_SECONDS)
                yield lambda: read_moves(record.read_text(encoding="ascii"))
            finally:
                daemon.kill()
                rules = "".join(f"rule del priority {failover_daemon.FIRST_TABLE + n}\n" for n in range(len(isps)))
                school.router.run("ip", "-force", "-batch", "-", input=rules)

    def _settings(self) -> str:
        school = self.school
        wans = "".join(
            f'[[wan]]\nname = "{isp.wan}"\nisp = "{isp.isp}"\nmedium = "fibre"\ninterface = "{isp.wan}"\n'
            f'gateway = "{isp.gateway}"\ntargets = {json.dumps([isp.target, school.common_target])}\n'
            for isp in school.isps.values()
        )
        return (
            f'[agent]\nroles = ["router"]\nstate_dir = "{school.folder / "state"}"\nlisten = "{METRICS}"\n'
            f"[probes.internet]\ntargets = {json.dumps(RESOLVERS)}\n"
            f"[probes.wan]\nreferences = {json.dumps([school.centre_address])}\n{wans}"
        )


def read_moves(text: str) -> list[Move]:
    """The daemon's words; the first is its choice at its start, and moves nothing."""
    chosen = [(float(at), port) for at, port in (line.split() for line in text.splitlines())]
    return [Move(at, before, to) for (_, before), (at, to) in pairwise(chosen)]


def table(verdicts: list[Verdict]) -> str:
    """One row a fault."""
    head = ("fault", "expected", "seen", "delay", "gap ours / stream", "verdict")
    return "\n".join("| " + " | ".join(row) + " |" for row in (head, ("---",) * len(head), *map(_row, verdicts)))


def _row(verdict: Verdict) -> tuple[str, ...]:
    return (
        f"{verdict.facts.fault} on {verdict.facts.wan}",
        ", ".join(verdict.expected) or "nothing",
        ", ".join(verdict.seen) or "nothing",
        f"{max(verdict.delays):.2f} s" if verdict.delays else "",
        ", ".join(f"{ours:.2f} / {true:.2f} s" for ours, true in verdict.gaps),
        "; ".join(verdict.wrong) or "right",
    )


def story(facts: Facts, said: Timeline) -> str:
    """All that was said around a fault, and what was so, in seconds since it began."""
    begin, end = facts.begin - PAUSE_SECONDS, facts.over
    figures = ["school_wan_last_failover_duration_seconds", *["school_wan_loss_ratio"] * (facts.fault.kind == "loss")]
    lines = [
        (step.at, f"said {step.series} {step.before} → {step.value}")
        for name in (*STATES, *COUNTERS, *figures)
        for step in said.steps(name, begin, end)
    ]
    lines += [(at, f"{facts.wan} {what}") for down, up in facts.downs for at, what in ((down, "cut"), (up, "mended"))]
    lines += [(move.at, f"the default route moved from {move.origin} to {move.to}") for move in facts.moves]
    lines += [(gap.begin, f"the stream had a gap of {gap.seconds:.2f} s") for gap in facts.gaps]
    head = f"{facts.fault} on {facts.wan}, lost echoes {facts.lost_echoes}"
    return "\n".join([head, *(f"  {at - facts.begin:+7.2f} s {text}" for at, text in sorted(lines))])
