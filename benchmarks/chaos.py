"""Agents, relay, collector and store are killed (SIGKILL) at random: nothing a school kept is missing, or twice there.

Each agent numbers its snapshots (`haidang_snapshots_total`, counted in the transaction that keeps the snapshot). So at
the end, when all outboxes are empty, the numbers in the store have no gap, and none has two times.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from haidang_agent import credentials
from haidang_agent.outbox import Outbox

from benchmarks import centre
from benchmarks.measure import fetch, wait_for
from tests.servers import free_port

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.servers import Prometheus

KILLS, AGENTS, RELAYED = 500, 4, 2
"""So many of the agents go through a relay, which is one agent more."""
PUSH_INTERVAL = "1s"
LONGEST_DOWN_SECONDS, LONGEST_PAUSE_SECONDS = 1.0, 1.5
DRAIN_SECONDS = 180.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """Snapshots by what became of them, and how often each was killed.

    `left_out` were never kept: an agent that starts learns the centre's time anew, and what it would stamp with a time
    before that of its last snapshot it leaves out, and counts. At a push a second on a busy machine that happens.
    """

    kept: int
    missing: int
    twice: int
    given_up: int
    left_out: int
    kills: dict[str, int]

    @property
    def is_whole(self) -> bool:
        return self.kept > 0 and not (self.missing or self.twice or self.given_up)


class Program:
    """A process that can be killed and started again; its log is appended to."""

    def __init__(self, name: str, command: Sequence[str | Path], environment: dict[str, str], log: Path) -> None:
        self.name = name
        self._command, self._environment, self._log = command, environment, log
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(self._command, env=self._environment, stdout=log, stderr=log)

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def _end(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(60)
            self._process = None


class Store:
    """Prometheus, by the same words."""

    name = "store"

    def __init__(self, running: Prometheus) -> None:
        self._running = running

    def start(self) -> None:
        self._running.start()

    def kill(self) -> None:
        self._running.kill()


def main(_: float) -> None:
    seed = time.time_ns()
    print(f"seed {seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="haidang-chaos-") as folder:
        outcome = run(Path(folder), KILLS, random.Random(seed), relayed=RELAYED)
    print(
        f"{sum(outcome.kills.values())} kills {outcome.kills}: {outcome.kept} snapshots kept at the school, "
        f"{outcome.missing} missing in the store, {outcome.twice} twice, {outcome.given_up} given up (aim 0, 0, 0); "
        f"{outcome.left_out} left out"
    )
    if not outcome.is_whole:
        sys.exit(1)


def run(folder: Path, kills: int, noise: random.Random, agents: int = AGENTS, relayed: int = 0) -> Outcome:
    """Start all, kill so often, let the outboxes empty themselves, and count."""
    with ExitStack() as stack:
        running = centre.start(stack, folder)
        os.kill(running.collector_pid, signal.SIGTERM)
        collector = Program("collector", [centre.BIN / "haidang", "serve"], running.environment, folder / "serve.log")
        collector.start()
        stack.callback(collector.stop)
        wait_for("the collector", lambda: bool(fetch(f"{running.url}/readyz")), seconds=60)
        members = [_agent(stack, running, folder / f"agent{number}") for number in range(agents - relayed)]
        if relayed:
            members += _behind_a_relay(stack, running, folder, range(agents - relayed, agents))
            agents += 1
        counted = _kill_about([*members, collector, Store(running.store)], kills, noise)
        over = time.time()
        wait_for("the outboxes to empty", lambda: _are_empty(running.store, agents, over), DRAIN_SECONDS, 0.5)
        for member in members:
            member.stop()
        wholes = [_compare(running.store, each) for each in _folders(folder, agents)]
    kept, missing, twice, given_up, left_out = (sum(each) for each in zip(*wholes, strict=True))
    return Outcome(kept, missing, twice, given_up, left_out, counted)


def _agent(
    stack: ExitStack, running: centre.Centre, folder: Path, name: str = "agent", more: str = "", relay: str = ""
) -> Program:
    command = running.enrolled_agent(folder, f'roles = ["host"]\nprobes = ["machine"]\n{more}', PUSH_INTERVAL)
    environment = os.environ | ({"HAIDANG_SERVER_RELAY": relay} if relay else {})
    agent = Program(name, command, environment, folder / "agent.log")
    agent.start()
    stack.callback(agent.stop)
    return agent


def _behind_a_relay(stack: ExitStack, running: centre.Centre, folder: Path, numbers: Sequence[int]) -> list[Program]:
    """The relay, an agent that comes after them, and those of these numbers, which go through it."""
    listen = f"127.0.0.1:{free_port()}"
    more = f'[relay]\nlisten = "{listen}"\n'
    relay = _agent(stack, running, folder / f"agent{numbers[-1] + 1}", "relay", more)
    relayed = [_agent(stack, running, folder / f"agent{number}", relay=f"http://{listen}") for number in numbers]
    return [relay, *relayed]


def _kill_about(victims: Sequence[Program | Store], kills: int, noise: random.Random) -> dict[str, int]:
    counted = dict.fromkeys([victim.name for victim in victims], 0)
    for _ in range(kills):
        time.sleep(noise.uniform(0, LONGEST_PAUSE_SECONDS))
        victim = noise.choice(victims)
        victim.kill()
        counted[victim.name] += 1
        time.sleep(noise.uniform(0, LONGEST_DOWN_SECONDS))
        victim.start()
    return counted


def _folders(folder: Path, agents: int) -> list[Path]:
    return [folder / f"agent{number}" for number in range(agents)]


def _are_empty(store: Prometheus, agents: int, since: float) -> bool:
    """All have said so after `since`; the newest snapshot is on its way at any time."""
    said = store.query(f"haidang_outbox_snapshots <= 1 and timestamp(haidang_outbox_snapshots) > {since:.3f}")
    return len(said) == agents and not store.query("haidang_agent_relay_frames > 0")


def _compare(store: Prometheus, folder: Path) -> tuple[int, int, int, int, int]:
    """Of one agent: snapshots kept, missing in the store, twice in it, given up by the agent, left out."""
    outbox = Outbox(folder / "outbox.db")
    stats = outbox.stats()
    outbox.close()
    who = credentials.load(folder)
    if who is None:
        raise RuntimeError(f"{folder} is not enrolled")
    found = store.query(f'haidang_snapshots_total{{agent="{who.agent}"}}[1d]')
    numbers = [int(value) for series in found for _, value in series["values"] if value != "NaN"]
    settled = stats.snapshots_total - stats.snapshots
    missing = settled - len(set(numbers).intersection(range(settled)))
    left_out = stats.lost.get("clock", 0)
    given_up = sum(stats.lost.values()) - left_out
    return stats.snapshots_total, missing, len(numbers) - len(set(numbers)), given_up, left_out
