"""A school whose PC has no way to the Internet but the site agent: enrolled, heard, cut off, killed, and nothing lost.

PC (10.9.0.2, no default route) ── LAN ── site agent (10.9.0.1, relay) ── WAN ── collector, with TLS ── Prometheus
"""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from contextlib import ExitStack, closing, contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

from haidang_agent import credentials
from haidang_agent.outbox import Outbox
from haidang_collector.registry.store import Registry
from haidang_collector.registry.tokens import create_token

from tests.agent.machines import AGENT
from tests.agent.namespaces import Lan, Namespace, run
from tests.collector.running import UNIT, add_agent, database_url
from tests.lab.ca import CertificateAuthority
from tests.servers import free_port, prometheus
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.servers import Prometheus

COLLECTOR, SITE = "10.98.7.1", "10.98.7.2"
RELAY = "http://10.9.0.1:9196"
SERVE = """\
import sys, uvicorn
from haidang_collector.app import create_app
from haidang_collector.settings import from_environment
host, port, certificate, key = sys.argv[1:]
uvicorn.run(create_app(from_environment()), host=host, port=int(port), access_log=False, ssl_certfile=certificate,
            ssl_keyfile=key)
"""


class School:
    """Both machines' folders, and the commands to run there."""

    def __init__(self, folder: Path, lan: Lan, url: str, authority: Path) -> None:
        self.folder, self.url, self.authority = folder, url, authority
        self.machines: dict[str, Namespace] = {"site": lan.agent, "host": lan.pcs[0]}
        for name, server, more in (
            ("site", "", '[relay]\nlisten = "10.9.0.1:9196"\n'),
            ("host", f'relay = "{RELAY}"\n', ""),
        ):
            self.state(name).mkdir()
            (folder / f"{name}.toml").write_text(
                f'[server]\nurl = "{url}"\nca = "{authority}"\n{server}[agent]\nroles = ["host"]\n'
                f'probes = ["machine"]\nstate_dir = "{self.state(name)}"\npush_interval = "1s"\n{more}'
            )

    def state(self, name: str) -> Path:
        return self.folder / name

    def command(self, name: str, *words: str) -> list[str]:
        return self.machines[name].command(str(AGENT), *words, "--config", str(self.folder / f"{name}.toml"))

    def tells(self, name: str, *words: str, **environment: str) -> tuple[int, str]:
        done = subprocess.run(
            self.command(name, *words), env=os.environ | environment, stdout=subprocess.PIPE, text=True,
            timeout=180, check=False,
        )  # fmt: skip
        return done.returncode, done.stdout

    @contextmanager
    def running(self, name: str) -> Iterator[subprocess.Popen[bytes]]:
        """Killed with SIGKILL at the end."""
        with (self.folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(self.command(name, "run"), stdout=log, stderr=log)
        try:
            yield process
        finally:
            process.kill()
            process.wait(30)

    def in_custody(self) -> int:
        """Frames on the relay's disk."""
        with closing(sqlite3.connect(f"file:{self.state('site') / 'relay.db'}?mode=ro", uri=True)) as database:
            (count,) = database.execute("SELECT count(*) FROM frame").fetchone()
        return int(count)


@contextmanager
def city(folder: Path) -> Iterator[tuple[School, Prometheus]]:
    """A collector behind one line to the school, with TLS of the department's authority."""
    port, authority = free_port(), CertificateAuthority(folder)
    with ExitStack() as stack:
        store = stack.enter_context(prometheus(folder))
        lan = stack.enter_context(Lan(1))
        wire = f"hdrelay{os.getpid()}"[:15]
        run("ip", "link", "add", wire, "type", "veth", "peer", "wan0", "netns", lan.agent.name)
        run("ip", "address", "add", f"{COLLECTOR}/30", "dev", wire)
        run("ip", "link", "set", wire, "up")
        lan.agent.ip("address", "add", f"{SITE}/30", "dev", "wan0")
        lan.agent.ip("link", "set", "wan0", "up")
        given = {"HAIDANG_DATABASE_URL": database_url(folder), "HAIDANG_STORE_WRITE_URL": store.write_url}
        words = [sys.executable, "-c", SERVE, COLLECTOR, str(port), *map(str, authority.issue(COLLECTOR))]
        log = stack.enter_context((folder / "collector.log").open("wb"))
        process = subprocess.Popen(words, env=os.environ | given, stdout=log, stderr=log)
        stack.callback(process.wait, 30)
        stack.callback(process.terminate)
        yield School(folder, lan, f"https://{COLLECTOR}:{port}", authority.certificate), store


def token(folder: Path) -> str:
    add_agent(database_url(folder))  # and so the unit
    with closing(Registry(database_url(folder))) as registry:
        return create_token(registry.database, UNIT, uses=2, lifetime=timedelta(hours=1)).token


def numbers(store: Prometheus, agent: str) -> list[int]:
    """Of all snapshots of an agent that are in the store; one that is there twice stands here twice."""
    found = store.query(f'haidang_snapshots_total{{unit="{UNIT}",agent="{agent}"}}[1h]')
    return sorted(int(float(value)) for series in found for _, value in series["values"] if value != "NaN")


def settled(state: Path) -> int:
    with closing(Outbox(state / "outbox.db")) as outbox:
        stats = outbox.stats()
    assert sum(stats.lost.values()) == 0
    return stats.snapshots_total - stats.snapshots


def unit_key_is_told(state: Path) -> bool:
    return "unit_key" in (state / "centre.json").read_text(encoding="utf-8")


def way_of(school: School) -> dict[str, str] | None:
    """States by check, once the PC's way is sound."""
    found = json.loads(school.tells("host", "doctor", "--json")[1])["doctor"]
    states = {each["check"]: each["state"] for each in found}
    sound = all(states.get(check) == "ok" for check in ("relay", "certificate", "collector"))
    return states if sound else None


def test_a_pc_without_internet_is_heard_and_loses_nothing(tmp_path: Path) -> None:
    with city(tmp_path) as (school, store):
        given = {"HAIDANG_TOKEN": token(tmp_path)}
        eventually("the site agent is enrolled", lambda: school.tells("site", "enrol", **given)[0] == 0, seconds=30)
        with school.running("site"):
            eventually("the PC is, through it", lambda: school.tells("host", "enrol", **given)[0] == 0, seconds=30)
            host = credentials.load(school.state("host"))
            assert host is not None
            with school.running("host"):
                eventually("the PC is heard", lambda: numbers(store, host.agent), seconds=30)
                eventually("it knows the unit's key", lambda: unit_key_is_told(school.state("host")), seconds=30)
                states = eventually("the doctor finds the way", lambda: way_of(school), seconds=30, every=1)
                assert "default route" not in states, "it needs none"

                school.machines["site"].ip("link", "set", "wan0", "down")
                eventually("its measurements are with the relay", school.in_custody, seconds=60)
        with school.running("site"):
            assert school.in_custody() >= 1, "kill -9 took nothing"
            school.machines["site"].ip("link", "set", "wan0", "up")
            eventually("all is handed over", lambda: school.in_custody() == 0, seconds=60)
        found_numbers = numbers(store, host.agent)
        let_go = settled(school.state("host"))

    assert set(range(let_go)) <= set(found_numbers), "what the PC let go of is in the store"
    assert len(set(found_numbers)) == len(found_numbers), "and once"
