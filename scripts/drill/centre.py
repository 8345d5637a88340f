"""The centre's Debian, and what is asked of it: its registry, its store, its Alertmanager, its Grafana."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from scripts.drill.technician import say
from tests.waiting import eventually

if TYPE_CHECKING:
    from scripts.drill.debian import Debian

BACKUPS = "/var/backups/haidang"
DATABASE = "/var/lib/haidang-collector/haidang.db"
AS_THE_COLLECTOR = ("runuser", "-u", "haidang-collector", "--")
NEWER_TABLES = """import sqlite3, sys
with sqlite3.connect(sys.argv[1], timeout=30) as database:
    database.execute("UPDATE alembic_version SET version_num = 'newer'")
"""


class Centre:
    """A machine that playbooks made the centre, or will."""

    def __init__(self, machine: Debian) -> None:
        self.machine = machine

    def haidang(self, *words: str) -> str:
        return self.machine.run("/usr/local/bin/haidang", *words).stdout

    def query(self, expression: str, port: int = 9090) -> list[Any]:
        asked = f"http://127.0.0.1:{port}/api/v1/query?query={expression}"
        told = json.loads(self.machine.run("curl", "-sg", asked.replace(" ", "%20")).stdout)
        found: list[Any] = told["data"]["result"]
        return found

    def expect(self, what: str, expression: str, port: int = 9090) -> None:
        eventually(what, lambda: self.query(expression, port), seconds=90)
        say(f"{what}: {self.query(expression, port)[0]['value'][1]}")

    def expect_agent(self, version: str) -> None:
        self.expect(f"an agent {version} is heard at the centre", f'count(haidang_agent_info{{version="{version}"}})')

    def expect_itself(self, version: str) -> None:
        self.expect(f"the collector says {version}", f'count(haidang_collector_info{{version="{version}"}})')

    def agents(self) -> dict[str, dict[str, Any]]:
        return {agent["agent"]: agent for agent in json.loads(self.haidang("agents", "list", "--json"))}

    def refused(self) -> list[Any]:
        """How often the collector let somebody in no more, as Prometheus counted it."""
        return [row["value"][1] for row in self.query('haidang_ingest_requests_total{status="401"}')]

    def alerts(self) -> list[str]:
        told = self.machine.run("amtool", "--alertmanager.url=http://127.0.0.1:9093", "alert", "query", "-o", "json")
        return sorted({alert["labels"]["alertname"] for alert in json.loads(told.stdout)})

    def grafana(self) -> dict[str, Any]:
        """What the stand-in was given."""
        told: dict[str, Any] = json.loads(self.machine.run("curl", "-s", "http://127.0.0.1:3000/").stdout)
        return told

    def backups(self) -> list[str]:
        return sorted(self.machine.run("ls", BACKUPS).stdout.split())

    def give_it_newer_tables(self) -> None:
        """As a newer version would mark them."""
        self.machine.run(*AS_THE_COLLECTOR, "python3", "-c", NEWER_TABLES, DATABASE)

    def restore(self, backup: str) -> None:
        """As docs/backup.md tells it, with the version before."""
        self.machine.run("systemctl", "stop", "haidang-collector")
        self.machine.run("sh", "-c", f"mkdir -m 700 /srv/drill/newer && mv {DATABASE}* /srv/drill/newer/")
        program = "/opt/haidang/previous/bin/haidang"
        words = ("db", "restore", f"{BACKUPS}/{backup}", "--data", "/var/lib/haidang-collector")
        self.machine.run(*AS_THE_COLLECTOR, program, *words)
