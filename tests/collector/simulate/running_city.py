"""A simulated city in a real collector and a real Prometheus with the repository's rules, for a test or a benchmark.

Measurements go straight into the store, labelled as ingest labels them: what matters here is what becomes of them.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.parse
from array import array
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from haidang_agent.own_metrics import INFO
from haidang_agent.probe import Sample
from haidang_agent.snapshot import SnapshotBuilder
from haidang_agent.wire import encode
from haidang_collector.policy.policy import load
from haidang_collector.registry.models import Agent
from haidang_collector.registry.store import Registry, Sighting
from haidang_collector.simulate.centre import look
from haidang_collector.simulate.expected import expected, limits_on
from haidang_collector.simulate.readings import Readings
from haidang_collector.simulate.registry import fill

from tests.servers import PROMETHEUS_YML, Prometheus, free_port, get, prometheus, wait_until_ready
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from haidang_agent.snapshot import Layout
    from haidang_collector.simulate.model import City

RULES = Path(__file__).parents[3] / "alerts" / "rules"
AGENTS_A_REQUEST = 50
HEARD_EVERY_SECONDS = 8.0
FROZEN_SECONDS = 180.0
"""Rules that are under way are seen to their end first."""
ROUNDS = 20
"""After so many everybody sent samples again: below Prometheus' look-back of five minutes."""
FACTS = """\
scrape_configs:
  - job_name: registry
    metrics_path: /metrics/registry
    honor_labels: true
    scrape_interval: {seconds}s
    scrape_timeout: {seconds}s
    static_configs: [{{targets: ["127.0.0.1:{port}"]}}]
rule_files: ["{rules}/*.yml"]
"""


@dataclass
class RunningCity:
    """`url` is the collector's, `store` its Prometheus; `environment` is what its commands run in."""

    url: str
    store: Prometheus
    environment: dict[str, str]
    agents: int
    silence: Callable[[], None]
    """All agents fall silent; returns when nobody speaks any more."""

    def query(self, expression: str) -> list[dict[str, Any]]:
        """As `Prometheus.query`; a busy machine may take its time."""
        asked = urllib.parse.urlencode({"query": expression})
        answer = json.loads(get(f"{self.store.url}/api/v1/query?{asked}", seconds=60))
        result: list[dict[str, Any]] = answer["data"]["result"]
        return result

    def freeze(self) -> None:
        """From now on the store is as it is: nobody speaks, nothing is scraped, no rule runs."""
        self.silence()
        (self.store.folder / "prometheus.yml").write_text(PROMETHEUS_YML.format(window="31d"))
        assert self.store._process
        self.store._process.send_signal(signal.SIGHUP)
        eventually("a Prometheus without rules", lambda: not self.groups(), seconds=FROZEN_SECONDS)

    def groups(self) -> list[dict[str, Any]]:
        """The rule groups as Prometheus tells them, with the seconds of their last evaluation."""
        found: list[dict[str, Any]] = json.loads(get(f"{self.store.url}/api/v1/rules", seconds=60))["data"]["groups"]
        return found


class _Voice:
    """What one agent says, as series with the labels that ingest adds."""

    def __init__(self, agent: str, labels: dict[str, str], readings: Readings, roles: tuple[str, ...]) -> None:
        self.agent = agent
        self._readings = readings
        self._info = Sample(INFO, 1.0, ("0", "linux", ",".join(roles)))
        self._builder = SnapshotBuilder(())
        self._labels = tuple(labels.items())
        self._known: tuple[Layout, Layout] = ((), ())

    def say(self, now: float) -> tuple[Layout, array[float]]:
        bare, values = self._builder.build([self._info, *self._readings.at(now)], complete=False)
        if bare != self._known[0]:
            self._known = (bare, tuple(tuple(sorted(each + self._labels)) for each in bare))
        return self._known[1], values


@contextmanager
def running_city(
    folder: Path, city: City, *, interval: str | None = None, scrape_seconds: int = 5
) -> Iterator[RunningCity]:
    """All of it, with every heard agent kept talking. `interval`: in the place of those of minutes that rules have."""
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    rules = _rules(folder / "rules", interval)
    facts = FACTS.format(seconds=scrape_seconds, port=port, rules=rules)
    environment = {
        **os.environ,
        "HAIDANG_DATABASE_URL": f"sqlite:///{folder}/haidang.db",
        "HAIDANG_LISTEN": f"127.0.0.1:{port}",
        "HAIDANG_STORE_FOLDER": str(folder.absolute()),
    }
    with ExitStack() as stack:
        registry = Registry(environment["HAIDANG_DATABASE_URL"])
        stack.callback(registry.close)
        fill(registry.database, city)
        look(registry.database, city, time.time())
        voices = _enrol(registry, city)
        store = stack.enter_context(prometheus(folder, more=facts))
        environment |= {"HAIDANG_STORE_WRITE_URL": store.write_url, "HAIDANG_PROMETHEUS_URL": store.url}
        registry.record_seen({voice.agent: Sighting(time.time(), stopped=False) for voice in voices})
        _serve(stack, folder, environment, f"http://127.0.0.1:{port}")
        stopping = threading.Event()
        talking = threading.Thread(target=_talk, args=(stopping, registry, store, voices))
        talking.start()

        def silence() -> None:
            stopping.set()
            talking.join()

        stack.callback(silence)
        yield RunningCity(f"http://127.0.0.1:{port}", store, environment, len(voices), silence)


def _rules(folder: Path, interval: str | None) -> Path:
    folder.mkdir(exist_ok=True)
    for rule in RULES.glob("*.yml"):
        text = rule.read_text()
        if interval is not None:
            text = re.sub(r"(?m)^    interval: \d+m$", f"    interval: {interval}", text)
        (folder / rule.name).write_text(text)
    return folder


def _enrol(registry: Registry, city: City) -> list[_Voice]:
    """Every machine of the city that has an agent, straight into the table; only those heard get a voice."""
    voices, agents, now = [], [], datetime.now(UTC)
    for unit in city.units:
        if unit.presence == "none":
            continue
        for number, machine in enumerate(unit.machines):
            agent = f"a-{unit.code}-{number}".lower()
            agents.append(
                Agent(
                    id=agent, unit=unit.code, key_hash="0" * 64, roles=" ".join(machine.roles), version="0", os="linux",
                    enrolled_at=now, last_seen=None, stopped=False,
                )
            )  # fmt: skip
            if unit.presence == "heard":
                labels = {"agent": agent, "district": unit.district, "unit": unit.code}
                voices.append(_Voice(agent, labels, Readings(unit, machine, city.seed), machine.roles))
    with registry.database.write() as session:
        session.add_all(agents)
    return voices


def _serve(stack: ExitStack, folder: Path, environment: dict[str, str], url: str) -> None:
    with (folder / "collector.log").open("wb") as log:
        program = Path(sys.executable).parent / "haidang"
        process = subprocess.Popen([program, "serve"], env=environment, stdout=log, stderr=log)
    stack.callback(process.wait)
    stack.callback(process.terminate)
    wait_until_ready(f"{url}/readyz", process)


def _talk(stopping: threading.Event, registry: Registry, store: Prometheus, voices: list[_Voice]) -> None:
    """Everybody is heard all the time; samples come at once from all, then from one part after another."""
    part, told = voices, 0
    while not stopping.is_set():
        registry.record_seen({voice.agent: Sighting(time.time(), stopped=False) for voice in voices})
        _tell(stopping, store, part)
        part, told = voices[told::ROUNDS], (told + 1) % ROUNDS
        stopping.wait(HEARD_EVERY_SECONDS)


def _tell(stopping: threading.Event, store: Prometheus, voices: list[_Voice]) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", store.port)
    for start in range(0, len(voices), AGENTS_A_REQUEST):
        if stopping.is_set():
            break
        now = time.time()
        said = [voice.say(now) for voice in voices[start : start + AGENTS_A_REQUEST]]
        layout = tuple(labels for each, _ in said for labels in each)
        values = array("d", (value for _, each in said for value in each))
        connection.request("POST", "/api/v1/write", encode(layout, [int(now * 1000)], [values]))
        answer = connection.getresponse()
        body = answer.read()
        if answer.status >= http.client.MULTIPLE_CHOICES:
            raise RuntimeError(f"the store said {answer.status}: {body!r}")
    connection.close()


def differences(running: RunningCity, city: City) -> list[str]:
    """Where the rules say another thing of a unit than it was built as, a line each."""
    said: dict[tuple[str, str], str] = {}
    limits = limits_on(city.day, load())
    for metric, words in (
        ("school:row:not_applicable", {"1": "not_applicable"}),
        ("school:row:compliant", {"1": "met", "0": "unmet"}),
    ):
        for each in running.query(metric):
            said[each["metric"]["unit"], each["metric"]["row"]] = words[each["value"][1]]
    return [
        f"{unit.code} ({unit.level}, {unit.presence}) {row}: is {state}, said {told}"
        for unit in city.units
        for row, state in expected(unit, limits).items()
        if (told := said.get((unit.code, row), "unknown")) != state
    ]
