"""A city is cut off for six hours, and its line comes back at once: is the present there, and when is the past?

Real agents in two processes, each with an outbox of the whole cut, a real collector, a Prometheus with all rules and
an Alertmanager with the committed routes, which tells the collector and a webhook. Agents that find nobody at the
centre's door try on as in earnest; then the door is opened to all of them in one instant.

Then the same city for as long without a past in its outboxes: what the backlog adds is the difference. How many units
and hours say HAIDANG_BENCH_UNITS and HAIDANG_BENCH_HOURS.
"""

from __future__ import annotations

import json
import os
import sqlite3
import statistics
import tempfile
import time
import urllib.parse
from collections import Counter
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.comeback_city import HOURS, PROCESSES, UNITS, City, open_door, start
from benchmarks.comeback_fleet import OVER, Told, fill, report
from benchmarks.measure import cpu_seconds, fetch, wait_for

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.servers import Prometheus

DARK_SECONDS = float(os.environ.get("HAIDANG_BENCH_DARK", "120"))
"""Agents knock in vain and rules see a city that is silent, before the line is back."""
LIVE_SECONDS = float(os.environ.get("HAIDANG_BENCH_LIVE", "90"))
"""The city is looked at for so long after the last of its backlog: rules have seen all of it by then."""
LIVE_WITHIN, DRAINED_WITHIN, DELAY_AT_MOST = 60, 900, 5.0
LONGEST_SECONDS = 3 * 3600
AGENTS_A_QUERY = 100
Alerts = Counter[tuple[str, str]]
"""How often each (name, unit) fired anew."""


@dataclass
class Outcome:
    """Seconds count from the return on. `delays`: of snapshots made since then, once their agent was back."""

    watched: float
    returned: list[float]
    live: float
    drained: float
    delays: list[float]
    before: set[tuple[str, str]]
    """What fired when the line came back."""
    alerts: Alerts
    """What began to fire since."""
    standing: set[tuple[str, str]]
    """What fires at the end."""
    told: dict[str, Told]
    cpu: tuple[float, float]
    """Of collector and store, in seconds, until it was drained."""


def main(_: float) -> None:
    print(f"{UNITS} units, cut off for {HOURS:g} hours", flush=True)
    with tempfile.TemporaryDirectory(prefix="haidang-bench-") as name:
        outcome = _come_back(Path(name), HOURS, 0.0)
    _tell("backlog", outcome)
    with tempfile.TemporaryDirectory(prefix="haidang-bench-") as name:
        without = _come_back(Path(name), 0.0, outcome.watched)
    _tell("no backlog", without)
    known = without.before | without.alerts.keys()
    past = {key: number for key, number in outcome.alerts.items() if key not in known}
    print(f"alerts that began after the return and not in the city without backlog: {len(past)} (0)")
    for (alert, unit), number in sorted(past.items())[:20]:
        print(f"  {alert} {unit}: {number}")


def _come_back(folder: Path, hours: float, seconds: float) -> Outcome:
    """With outboxes that hold the last `hours`; looked at until they are empty, and for `seconds` at least."""
    with ExitStack() as stack:
        city = start(stack, folder)
        pool = stack.enter_context(ProcessPoolExecutor(PROCESSES, mp_context=get_context("spawn")))
        parts = [replace(city.part, number=number) for number in range(PROCESSES)]
        if hours:
            began = time.monotonic()
            held = [sum(each) for each in zip(*pool.map(fill, parts), strict=True)]
            print(
                f"outboxes of {len(city.found)} agents hold {held[0]:,} samples in {held[1]:,} snapshots, "
                f"{held[2] / 1e6:.0f} MB; filled in {time.monotonic() - began:.0f} s",
                flush=True,
            )
        at_work = [pool.submit(report, part) for part in parts]
        try:
            return _measured(city, at_work, seconds)
        finally:
            (city.fleet / OVER).touch()


def _measured(city: City, at_work: Sequence[Future[dict[str, Told]]], seconds: float) -> Outcome:
    _go_on(at_work, DARK_SECONDS)
    before = _firing(city.store, 30)
    cpu = (cpu_seconds(city.collector_pid), cpu_seconds(city.store.pid))
    back = open_door(city)
    live = wait_for("everybody's present", lambda: city.present(back) == len(city.found), LONGEST_SECONDS, every=0.5)
    wait_for("the past", lambda: _alive(at_work) and not city.waiting(), LONGEST_SECONDS, every=1)
    used = (cpu_seconds(city.collector_pid) - cpu[0], cpu_seconds(city.store.pid) - cpu[1])
    until = max(time.time() + LIVE_SECONDS, back + seconds)
    _go_on(at_work, until - time.time())
    alerts = Counter(key for key in _firing(city.store, int(time.time() - back)) if key not in before)
    standing = _firing(city.store, 10)
    alerts |= _opened(city.folder / "haidang.db", back)
    (city.fleet / OVER).touch()
    told = {agent: each for one in at_work for agent, each in one.result(timeout=120).items()}
    _check_nothing_is_lost(city.store, told, city.part.cut)
    drained = max(at for each in told.values() for at, _, _ in each.past) - back
    returned, delays = [], []
    for each in told.values():
        since = [(ms / 1000, late / 1000) for ms, late in each.taken if back < ms / 1000 < until]
        first = min(ms + late for ms, late in since)
        returned.append(first - back)
        delays += [late for ms, late in since if ms >= first]
    return Outcome(until - back, returned, live, drained, delays, before, alerts, standing, told, used)


def _alive(at_work: Sequence[Future[Any]]) -> bool:
    """Raises what ended a part of the fleet."""
    return not any(each.result() for each in at_work if each.done())


def _go_on(at_work: Sequence[Future[Any]], seconds: float) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        _alive(at_work)
        time.sleep(1)


def _firing(store: Prometheus, seconds: int) -> set[tuple[str, str]]:
    found = store.query(f'max_over_time(ALERTS{{alertstate="firing"}}[{seconds}s])')
    return {(each["metric"]["alertname"], each["metric"].get("unit", "")) for each in found}


def _opened(registry: Path, back: float) -> Alerts:
    """Incidents that began since, as Alertmanager told them to the collector."""
    since = datetime.fromtimestamp(back, UTC).strftime("%Y-%m-%d %H:%M:%S")
    with closing(sqlite3.connect(f"{registry.as_uri()}?mode=ro", uri=True)) as database:
        rows = database.execute("SELECT alertname, unit FROM incident WHERE starts_at > ?", (since,))
        return Counter((name, unit or "") for name, unit in rows)


def _check_nothing_is_lost(store: Prometheus, told: dict[str, Told], since: float) -> None:
    stored = _stored(store, sorted(told), since)
    wrong = [
        f"{agent}: kept {each.kept}, stored {stored[agent]}, unsent {each.unsent}, lost {each.lost}"
        for agent, each in told.items()
        if stored[agent] != each.kept or each.unsent or each.lost
    ]
    kept = sum(each.kept for each in told.values())
    print(f"kept by agents {kept:,}, stored {stored.total():,}; agents that differ: {len(wrong)} (0) {wrong[:3]}")


def _stored(store: Prometheus, agents: Sequence[str], since: float) -> Counter[str]:
    """Samples that ingest wrote of each agent: neither what is scraped nor what rules made of it."""
    asked = urllib.parse.urlencode({"match[]": '{agent!="",job=""}', "start": since})
    names = json.loads(fetch(f"{store.url}/api/v1/label/__name__/values?{asked}"))["data"]
    number: Counter[str] = Counter()
    for first in range(0, len(agents), AGENTS_A_QUERY):
        those = "|".join(agents[first : first + AGENTS_A_QUERY])
        for name in names:
            if ":" in name or name.startswith("ALERTS"):
                continue
            counted = f'count_over_time({name}{{agent=~"{those}",job=""}}[{int(time.time() - since) + 60}s])'
            for each in store.query(f"sum by (agent) ({counted})"):
                number[each["metric"]["agent"]] += int(each["value"][1])
    return number


def _tell(name: str, outcome: Outcome) -> None:
    delays = sorted(outcome.delays)
    answers: Counter[str] = Counter()
    for each in outcome.told.values():
        answers.update(each.requests)
    p50, p99 = delays[len(delays) // 2], delays[len(delays) * 99 // 100]
    print(
        f"{name}: first answered {statistics.median(outcome.returned):.1f} s (median) to "
        f"{max(outcome.returned):.1f} s after the return; "
        f"everybody's present at the store after {outcome.live:.1f} s (at most {LIVE_WITHIN}); "
        f"all outboxes empty after {outcome.drained:.0f} s (at most {DRAINED_WITHIN})\n"
        f"  {len(delays)} live snapshots, from their making to the 204: p50 {p50 * 1000:.0f} ms, p99 {p99:.2f} s, "
        f"worst {delays[-1]:.2f} s; {sum(late > DELAY_AT_MOST for late in delays)} over {DELAY_AT_MOST:g} s (0)\n"
        f"  answers {dict(answers)}; CPU s until then: collector {outcome.cpu[0]:.0f}, store {outcome.cpu[1]:.0f}",
        flush=True,
    )
    _tell_past(outcome)
    ended = Counter(name for name, unit in outcome.alerts if (name, unit) not in outcome.standing)
    began = Counter(name for name, _ in outcome.alerts)
    print(f"  alerts that began after the return: {dict(began)}; of these ended by now: {dict(ended)} (0)", flush=True)


def _tell_past(outcome: Outcome) -> None:
    """By tenths of the time that it took."""
    past = sorted(push for each in outcome.told.values() for push in each.past)
    samples, took = sum(number for _, number, _ in past), past[-1][0] - past[0][0]
    shown = [past[len(past) * tenth // 10][2] for tenth in range(10)]
    print(
        f"  backlog: {samples:,} samples in {took:.0f} s, {samples / max(took, 1):,.0f} a second; "
        f"granted to each, over time: {', '.join(f'{rate:,.0f}' for rate in shown)}",
        flush=True,
    )
