"""200 SIGKILLs of collector and Alertmanager at random moments over 1,000 incidents: is each told, and how often twice?

Real programs, the committed routes, a mail server in a process of its own that takes everything. Alerts are posted to
Alertmanager again and again, as Prometheus does. Each incident is a message of its own.
"""

from __future__ import annotations

import random
import re
import tempfile
import threading
import time
from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
from haidang_collector.notify.tables import Message
from haidang_collector.registry.models import Incident
from haidang_collector.registry.store import Registry
from sqlalchemy import func, select

from benchmarks.measure import scaled, wait_for
from tests.e2e.telling_centre import telling_centre

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.telling_centre import TellingCentre

INCIDENTS, KILLS, UNITS = 1_000, 200, 50
SEED = 7
POST_EVERY = 2.0
LONGEST_LIFE = 4.0
"""Seconds after it was ready, at most, that a program may live while there are kills to come."""
COLLECTORS_SHARE = 0.6
END_SECONDS = 900
LIMITS = {
    "per_hour": 1000, "gather_seconds": 0, "spacing_seconds": 0, "escalate_seconds": 86_400, "lease_seconds": 10,
}  # fmt: skip
"""So that there are as many messages as can be, and nobody but the officer is told. The lease is 300 by default."""


def main(_: float) -> None:
    dice, kills, incidents = random.Random(SEED), scaled(KILLS), scaled(INCIDENTS)
    units = {f"TH-{number:02}": "Quận 1" for number in range(UNITS)}
    with (
        tempfile.TemporaryDirectory(prefix="haidang-bench-") as name,
        telling_centre(Path(name), units, LIMITS) as centre,
        _prometheus(centre) as firing,
    ):
        began = time.time()
        killed = Counter(_kill(centre, dice, firing, incidents, kills) for _ in range(kills))
        firing.extend(_alert(number) for number in range(len(firing), incidents))
        print(f"{incidents} incidents within {time.time() - began:.0f} s; killed: {dict(killed)}")
        try:
            wait_for("all to be told", lambda: len(_told(centre)) == incidents, END_SECONDS, every=2)
            wait_for("none to wait", lambda: _states(centre).keys() == {"sent"}, END_SECONDS, every=2)
        finally:
            _account(centre, incidents)


def _kill(centre: TellingCentre, dice: random.Random, firing: list[dict[str, object]], most: int, kills: int) -> str:
    """Let it live a moment, in which some more alerts begin; then kill it and start it again."""
    firing.extend(_alert(number) for number in range(len(firing), min(most, len(firing) + -(-most // kills))))
    time.sleep(dice.uniform(0, LONGEST_LIFE))
    name = "collector" if dice.random() < COLLECTORS_SHARE else "alertmanager"
    program = centre.collector if name == "collector" else centre.alertmanager
    program.kill()
    program.start()
    return name


@contextmanager
def _prometheus(centre: TellingCentre) -> Iterator[list[dict[str, object]]]:
    """Posts what is in the list every two seconds; a dead Alertmanager hears of it the next time."""
    firing: list[dict[str, object]] = []
    done = threading.Event()

    def post() -> None:
        with httpx.Client(trust_env=False) as client:
            while not done.wait(POST_EVERY):
                try:
                    client.post(f"{centre.alertmanager_url}/api/v2/alerts", json=list(firing)).raise_for_status()
                except httpx.TransportError:
                    continue

    thread = threading.Thread(target=post)
    thread.start()
    try:
        yield firing
    finally:
        done.set()
        thread.join()


def _alert(number: int) -> dict[str, object]:
    unit, name = f"TH-{number % UNITS:02}", f"Fault{number}"
    return {
        "labels": {"alertname": name, "severity": "critical", "category": "link", "unit": unit, "district": "Quận 1"},
        "annotations": {"summary": f"{unit}: {name}.", "summary_en": f"{unit}: {name}."},
        "startsAt": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }


def _told(centre: TellingCentre) -> set[str]:
    return {name for letter in centre.sink.letters() for name in re.findall(r"Fault\d+\b", letter.body)}


def _states(centre: TellingCentre) -> Counter[str]:
    registry = Registry(centre.database)
    with registry.database.read() as connection:
        found = connection.execute(select(Message.state, func.count()).group_by(Message.state)).all()
    registry.close()
    return Counter(dict(found))


def _account(centre: TellingCentre, incidents: int) -> None:
    registry = Registry(centre.database)
    with registry.database.read() as connection:
        kept = connection.scalar(select(func.count(Incident.id)))
        again = connection.scalar(select(func.count(Message.id)).where(Message.attempts > 1))
    registry.close()
    letters = centre.sink.letters()
    twice = len(letters) - len({letter.key for letter in letters})
    print(f"  incidents kept: {kept}; told: {len(_told(centre))} of {incidents}; messages: {dict(_states(centre))}")
    print(f"  letters taken: {len(letters)}, of these twice: {twice} ({twice / len(letters):.2%}, at most 1 %)")
    print(f"  messages tried more than once: {again}")
