"""10,000 alerts of 2,500 schools in a minute: are all accounted for, and how long do others wait meanwhile?

A real Alertmanager with the committed routes (a post for each alert and unit), `haidang serve` on SQLite with people to
tell, a real mail server. An alert is accounted for when its incident is kept and a message that a mail server took has
its number. Beside it others ask: /healthz, a unit's page, an agent's push, and notes on an incident.
"""

from __future__ import annotations

import math
import random
import re
import statistics
import tempfile
import threading
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
from haidang_collector.notify.tables import Message, Telling
from haidang_collector.registry.models import Incident
from haidang_collector.registry.store import Registry
from sqlalchemy import func, select

from benchmarks.measure import cpu_seconds, fetch, rss_mib, wait_for
from tests.collector import remote_write as rw
from tests.collector.running import add_agent
from tests.e2e.telling_centre import telling_centre
from tests.servers import prometheus

if TYPE_CHECKING:
    from tests.e2e.telling_centre import TellingCentre

UNITS, DISTRICTS = 2_500, 24
ALERTS, WITHIN = 10_000, 60.0
NAMES = ("WanDown", "PortalDown", "LabOffline", "RogueDhcpServer")
SLICES = 120
ASK_EVERY = 0.5
MS_AT_MOST = 200
TOLD_SECONDS = 900
PASSWORD = "bench-password"
BAD_REQUEST = 400
LIMITS = {"per_hour": 6, "gather_seconds": 10, "spacing_seconds": 30}


def main(_: float) -> None:
    """With the limits as they are by default."""
    with tempfile.TemporaryDirectory(prefix="haidang-bench-") as name, ExitStack() as stack:
        store = stack.enter_context(prometheus(Path(name)))
        environment = {
            "STORE_WRITE_URL": store.write_url, "PROMETHEUS_URL": store.url, "OPERATOR_PASSWORD": PASSWORD
        }  # fmt: skip
        districts_of = {f"TH-{number:04}": f"Quận {number % DISTRICTS + 1}" for number in range(UNITS)}
        centre = stack.enter_context(telling_centre(Path(name) / "centre", districts_of, LIMITS, **environment))
        registry = Registry(centre.database)
        stack.callback(registry.close)
        _post(centre, [_alert(0, "WanDown")])
        wait_for("the first to be kept", lambda: _kept(registry) == 1)
        others = Others(centre)
        print(f"{UNITS} units; before: {others.ask(10)}")
        began, cpu = time.time(), _cpu(centre)
        asking = threading.Thread(target=others.ask, args=(WITHIN,))
        asking.start()
        _fire(centre, began)
        asking.join()
        print(f"{ALERTS} alerts within {WITHIN:.0f} s, others meanwhile: {others}")
        wait_for("all to be kept", lambda: _kept(registry) == ALERTS, TOLD_SECONDS, every=0.2)
        print(f"  kept {time.time() - began:.1f} s after the first; collector: {_cpu(centre) - cpu:.1f} s of CPU")
        wait_for("all to be told", lambda: _untold(registry) == 0, TOLD_SECONDS, every=5)
        print(f"  told {time.time() - began:.1f} s after the first; collector: {_cpu(centre) - cpu:.1f} s of CPU")
        _account(centre, registry)


def _fire(centre: TellingCentre, began: float) -> None:
    """As evenly as Prometheus would: a slice every half second."""
    kinds = [(number % UNITS, NAMES[number // UNITS]) for number in range(1, ALERTS)]
    random.Random(1).shuffle(kinds)
    for number in range(SLICES):
        _post(centre, [_alert(unit, name) for unit, name in kinds[number::SLICES]])
        time.sleep(max(0.0, began + (number + 1) * WITHIN / SLICES - time.time()))


def _post(centre: TellingCentre, alerts: list[dict[str, object]]) -> None:
    httpx.post(f"{centre.alertmanager_url}/api/v2/alerts", json=alerts, trust_env=False).raise_for_status()


def _alert(unit: int, name: str) -> dict[str, object]:
    code, district = f"TH-{unit:04}", f"Quận {unit % DISTRICTS + 1}"
    severity = "critical" if name == "RogueDhcpServer" else "warning"
    category = "security" if name == "RogueDhcpServer" else "link"
    return {
        "labels": {"alertname": name, "severity": severity, "category": category, "unit": code, "district": district},
        "annotations": {
            "summary": f"{code}: {name}", "summary_en": f"{code}: {name}", "description": "Việc cần làm: " + "x" * 300,
            "description_en": "What to do: " + "x" * 300, "runbook_url": f"docs/runbooks/{name}.md",
        },
        "startsAt": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "endsAt": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3600)),
    }  # fmt: skip


class Others:
    """Who else asks the collector, each kind on a connection of its own. `took` is in milliseconds."""

    def __init__(self, centre: TellingCentre) -> None:
        self._url = centre.url
        self._push_as = {
            "Authorization": add_agent(centre.database)[1], "Content-Encoding": "snappy",
            "Content-Type": "application/x-protobuf", "X-Prometheus-Remote-Write-Version": "0.1.0",
        }  # fmt: skip
        self._took: dict[str, list[float]] = {}

    def ask(self, seconds: float) -> Others:
        """Each every half second, from now on, in the place of what was asked before."""
        self._took = {name: [] for name in ("healthz", "unit's page", "push", "note")}
        threads = [threading.Thread(target=self._repeat, args=(name, seconds)) for name in self._took]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return self

    def _repeat(self, name: str, seconds: float) -> None:
        until = time.monotonic() + seconds
        person = ("bench", PASSWORD)
        auth = None if name == "push" else person
        with httpx.Client(base_url=self._url, trust_env=False, timeout=60, auth=auth) as client:
            page = client.get("/incidents/1", auth=person).text
            token = re.findall(r'name="csrf" value="([^"]+)"', page)[0]
            while time.monotonic() < until:
                began = time.monotonic()
                answer = self._send(client, name, token)
                self._took[name].append((time.monotonic() - began) * 1000)
                if answer.status_code >= BAD_REQUEST:
                    raise RuntimeError(f"{name}: {answer.status_code} {answer.text[:300]}")
                time.sleep(max(0.0, began + ASK_EVERY - time.monotonic()))

    def _send(self, client: httpx.Client, name: str, token: str) -> httpx.Response:
        if name == "push":
            series = b"".join(rw.simple("school_internet_up", 1, time.time(), n=str(number)) for number in range(100))
            return client.post("/api/v1/write", content=rw.snappy(series), headers=self._push_as)
        if name == "note":
            return client.post("/incidents/1/note", data={"text": "Đã gọi.", "csrf": token})
        return client.get("/healthz" if name == "healthz" else "/units/TH-0001")

    def __str__(self) -> str:
        parts = [
            f"{name} {statistics.median(took):.0f}/{_p95(took):.0f}/{max(took):.0f} ms"
            for name, took in self._took.items()
        ]
        return f"{', '.join(parts)} (median/p95/most; p95 at most {MS_AT_MOST})"


def _p95(took: list[float]) -> float:
    return sorted(took)[math.ceil(0.95 * len(took)) - 1]


def _kept(registry: Registry) -> int:
    with registry.database.read() as connection:
        return connection.scalar(select(func.count(Incident.id))) or 0


def _untold(registry: Registry) -> int:
    """What is still to be told or on its way, but for what climbs only if nobody takes it on."""
    first = select(func.count()).select_from(Telling).where(Telling.told_at.is_(None), Telling.kind == "firing")
    unsent = select(func.count(Message.id)).where(Message.state != "sent")
    with registry.database.read() as connection:
        return (connection.scalar(first) or 0) + (connection.scalar(unsent) or 0)


def _account(centre: TellingCentre, registry: Registry) -> None:
    """Every incident's number must stand in a letter that the mail server took."""
    letters = centre.sink.letters()
    told = {int(number) for letter in letters for number in re.findall(r"/incidents/(\d+)", letter.body)}
    with registry.database.read() as connection:
        kept = set(connection.scalars(select(Incident.id)))
    people = Counter(letter.to for letter in letters)
    print(f"  {len(kept)} incidents, in no letter: {len(kept - told)}")
    print(f"  {len(letters)} letters to {len(people)} people, at most {max(people.values())} to one")
    print(f"  answers of the webhook other than 200: {_refused(centre)}; memory: {_memory(centre):.0f} MiB")


def _refused(centre: TellingCentre) -> str:
    """As Alertmanager counts them."""
    metrics = fetch(f"{centre.alertmanager_url}/metrics").decode()
    failed = re.findall(r"^alertmanager_notification_requests_failed_total\{.*webhook.*\} (\d+)", metrics, re.MULTILINE)
    return ", ".join(failed) or "unknown"


def _cpu(centre: TellingCentre) -> float:
    assert centre.collector.process is not None
    return cpu_seconds(centre.collector.process.pid)


def _memory(centre: TellingCentre) -> float:
    assert centre.collector.process is not None
    return rss_mib(centre.collector.process.pid)
