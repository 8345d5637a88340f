"""Agents, relay, collector and store are killed (SIGKILL) at random, and the power of the school's machine, the
centre's, and both is cut: nothing a school kept is missing, or twice there.

Each agent numbers its snapshots (`haidang_snapshots_total`, counted in the transaction that keeps the snapshot). So at
the end, when all outboxes are empty, the numbers in the store have no gap, and none has two times.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import sqlite3
import sys
import tempfile
import time
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from haidang_agent import credentials
from haidang_agent.outbox import Outbox
from haidang_agent.outbox_confirmed import STORE_SINCE
from haidang_agent.outbox_export import FAR_MS, FRAME_SAMPLES
from haidang_agent.own_metrics import SNAPSHOTS
from haidang_collector.ingest.store_start import STARTED

from benchmarks import centre
from benchmarks.measure import fetch, scaled, wait_for
from benchmarks.power import Machine
from benchmarks.victims import Program, Site, Store
from tests.servers import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tests.servers import Prometheus

KILLS, AGENTS, RELAYED = 500, 4, 2
"""So many of the agents go through a relay, which is one agent more."""
PUSH_INTERVAL = "1s"
SCHOOL, CENTRE = "school", "centre"
MEBIBYTES = {SCHOOL: 256, CENTRE: 1024}
CUTS = tuple(
    tuple(cut.split("+")) for cut in os.environ.get("HAIDANG_BENCH_CUTS", "school,centre,school+centre").split(",")
)
"""Whose power goes, one cut after the other."""
LONGEST_DOWN_SECONDS, LONGEST_PAUSE_SECONDS = 1.0, 1.0
DRAIN_SECONDS = 180.0
RELAY_HEARS_SECONDS = 40.0
"""After the agents have, until the relay has heard that the store began anew."""
AHEAD_SECONDS = 60.0
"""The store is asked as of then: an agent's clock may be ahead of it by what a push takes (`clock`), and its last
snapshot, shipped as it stops, is asked for some 0.1 s later."""
IN_FLIGHT = 1
"""A snapshot whose transaction had been written when its agent was killed, but was not yet acknowledged."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """Snapshots by what became of them, and how often each was killed, whose power was cut.

    `forgotten`: an outbox had them before a power cut, and not after it. `left_out` were never kept: an agent that
    starts learns the centre's time anew, and what it would stamp with a time before that of its last snapshot it leaves
    out, and counts. At a push a second on a busy machine that happens. `mended`: starts of the store (see `Store`).
    """

    kept: int
    missing: int
    twice: int
    given_up: int
    left_out: int
    forgotten: int
    mended: int
    kills: Mapping[str, int]
    cuts: Mapping[str, int]

    @property
    def is_whole(self) -> bool:
        return self.kept > 0 and not (self.missing or self.twice or self.given_up or self.forgotten)


def main(_: float) -> None:
    if unknown := {name for cut in CUTS for name in cut} - MEBIBYTES.keys():
        raise SystemExit(f"HAIDANG_BENCH_CUTS: unknown {sorted(unknown)}; known are school, centre and school+centre")
    seed = time.time_ns()
    print(f"seed {seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="haidang-chaos-") as folder:
        outcome = run(Path(folder), scaled(KILLS), random.Random(seed), relayed=RELAYED)
    print(
        f"{sum(outcome.kills.values())} kills {outcome.kills}, {sum(outcome.cuts.values())} power cuts {outcome.cuts}: "
        f"{outcome.kept} snapshots kept at the school, {outcome.missing} missing in the store, {outcome.twice} twice, "
        f"{outcome.given_up} given up, {outcome.forgotten} forgotten (aim 0, 0, 0, 0); {outcome.left_out} left out, "
        f"store mended {outcome.mended} times"
    )
    if not outcome.is_whole:
        sys.exit(1)


def run(
    folder: Path,
    kills: int,
    noise: random.Random,
    *,
    agents: int = AGENTS,
    relayed: int = 0,
    cuts: Sequence[Sequence[str]] = CUTS,
) -> Outcome:
    """Start all, kill so often, cut the power at random moments among the kills, let the outboxes empty, and count."""
    with ExitStack() as stack:
        sites = {name: Site(stack.enter_context(Machine(folder / name, size))) for name, size in MEBIBYTES.items()}
        running = centre.start(stack, sites[CENTRE].machine.path)
        os.kill(running.collector_pid, signal.SIGTERM)
        collector = Program("collector", [centre.BIN / "haidang", "serve"], running.environment, folder / "serve.log")
        collector.start()
        stack.callback(collector.stop)
        store = Store(running.store)
        sites[CENTRE].programs += [store, collector]
        wait_for("the collector", lambda: bool(fetch(f"{running.url}/readyz")), seconds=60)
        school = sites[SCHOOL].machine.path
        members = [_agent(stack, running, each) for each in _folders(school, agents)[: agents - relayed]]
        if relayed:
            members += _behind_a_relay(stack, running, school, range(agents - relayed, agents))
            agents += 1
        sites[SCHOOL].programs += members
        folders = _folders(school, agents)
        for site in sites.values():
            site.machine.sync()
        counted, cut, forgotten = _kill_about(sites, kills, cuts, noise, folders)
        wait_for("all to hear of the store", lambda: _have_heard(running.store, folders), DRAIN_SECONDS, 0.5)
        over = time.time() + (RELAY_HEARS_SECONDS if relayed else 0)
        wait_for("the outboxes to empty", lambda: _are_empty(running.store, agents, over), DRAIN_SECONDS, 0.5)
        for member in members:
            member.stop()
        wholes = [_compare(running.store, each) for each in folders]
    kept, missing, twice, given_up, left_out = (sum(each) for each in zip(*wholes, strict=True))
    return Outcome(kept, missing, twice, given_up, left_out, forgotten, store.mended, counted, cut)


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


def _kill_about(
    sites: Mapping[str, Site], kills: int, cuts: Sequence[Sequence[str]], noise: random.Random, folders: Sequence[Path]
) -> tuple[dict[str, int], dict[str, int], int]:
    """How often each was killed, whose power was cut how often, and how many snapshots were forgotten by that."""
    victims = [program for site in sites.values() for program in site.programs]
    counted = dict.fromkeys([victim.name for victim in victims], 0)
    cut = dict.fromkeys(["+".join(names) for names in cuts], 0)
    moments = dict(zip(noise.sample(range(kills), len(cuts)), cuts, strict=True))
    forgotten = 0
    for number in range(kills):
        time.sleep(noise.uniform(0, LONGEST_PAUSE_SECONDS))
        victim = noise.choice(victims)
        victim.kill()
        counted[victim.name] += 1
        time.sleep(noise.uniform(0, LONGEST_DOWN_SECONDS))
        victim.start()
        if number in moments:
            time.sleep(noise.uniform(0, LONGEST_PAUSE_SECONDS))
            forgotten += _cut([sites[name] for name in moments[number]], folders)
            cut["+".join(moments[number])] += 1
    return counted, cut, forgotten


def _cut(sites: Sequence[Site], folders: Sequence[Path]) -> int:
    """How many snapshots were in the outboxes before, and are not after."""
    for site in sites:
        site.kill()
    before = [_ever_kept(each) for each in folders]
    for site in sites:
        site.machine.cut()
    after = [_ever_kept(each) for each in folders]
    for site in sites:
        site.start()
    return sum(max(0, had - has - IN_FLIGHT) for had, has in zip(before, after, strict=True))


def _ever_kept(folder: Path) -> int:
    """Read from a copy, so that the files stay as they are."""
    with tempfile.TemporaryDirectory() as copied:
        for file in folder.glob("outbox.db*"):
            if file.name != "outbox.db-shm":
                shutil.copy(file, copied)
        return int(_noted(Path(copied, "outbox.db"), "snapshots_total") or 0)


def _folders(folder: Path, agents: int) -> list[Path]:
    return [folder / f"agent{number}" for number in range(agents)]


def _have_heard(store: Prometheus, folders: Sequence[Path]) -> bool:
    """Since when the store has been running: from then on they wait with what it may have lost."""
    began = STARTED.search(fetch(f"{store.url}/metrics"))
    since = "" if began is None else f"{float(began[1]):.2f}"
    return all(_noted(folder / "outbox.db", STORE_SINCE) == since for folder in folders)


def _noted(outbox: Path, key: str) -> str | None:
    with closing(sqlite3.connect(f"{outbox.as_uri()}?mode=ro", uri=True, timeout=10)) as database:
        row = database.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
    return None if row is None else str(row[0])


def _are_empty(store: Prometheus, agents: int, since: float) -> bool:
    """All have said so after `since`; the newest snapshot is on its way at any time."""
    said = store.query(f"haidang_outbox_snapshots <= 1 and timestamp(haidang_outbox_snapshots) > {since:.3f}")
    return len(said) == agents and not store.query("haidang_agent_relay_frames > 0")


def _compare(store: Prometheus, folder: Path) -> tuple[int, int, int, int, int]:
    """Of one agent: snapshots kept, missing in the store, twice in it, given up by the agent, left out."""
    outbox = Outbox(folder / "outbox.db")
    stats, waiting = outbox.stats(), set(_waiting(outbox))
    outbox.close()
    who = credentials.load(folder)
    if who is None:
        raise RuntimeError(f"{folder} is not enrolled")
    found = store.query(f'haidang_snapshots_total{{agent="{who.agent}"}}[1d]', at=time.time() + AHEAD_SECONDS)
    numbers = [int(value) for series in found for _, value in series["values"] if value != "NaN"]
    missing = len(set(range(stats.snapshots_total)) - waiting - set(numbers))
    left_out = stats.lost.get("clock", 0)
    given_up = sum(stats.lost.values()) - left_out
    return stats.snapshots_total, missing, len(numbers) - len(set(numbers)), given_up, left_out


def _waiting(outbox: Outbox) -> Iterator[int]:
    """The numbers of snapshots that the centre has not confirmed."""
    after = -FAR_MS
    while (batch := outbox.backlog(FAR_MS, after, FRAME_SAMPLES)) is not None:
        (column,) = [at for at, labels in enumerate(batch.layout) if ("__name__", SNAPSHOTS.name) in labels]
        yield from (int(values[column]) for values in batch.values)
        after = batch.timestamps_ms[-1]
