"""A centre that tells people: `haidang serve` and Alertmanager in processes of their own, and a mail server.

Every unit has an officer and a leader, every district an operator, and the city one.
"""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING

import yaml
from haidang_collector.access.tables import Account
from haidang_collector.registry.models import Contact, Unit
from haidang_collector.registry.store import Registry
from haidang_collector.supervisor.files import alertmanager_config
from haidang_collector.supervisor.plan import Plan

from tests.mail_sink import mail_sink
from tests.servers import free_port, wait_until_ready

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from haidang_collector.registry.database import Database

    from tests.mail_sink import MailSink

HAIDANG = Path(sys.executable).parent / "haidang"
CITY = "so@example"
STARTS_SECONDS = 60


@dataclass
class Program:
    """A program that can be killed and started again at the same address."""

    command: Sequence[str | Path]
    ready: str
    log_file: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)
    _log: IO[bytes] | None = field(default=None, repr=False)

    def start(self, *, wait: bool = True) -> None:
        self._log = self.log_file.open("ab")
        self.process = subprocess.Popen(
            self.command, env=os.environ | self.environment, stdout=self._log, stderr=self._log
        )
        if wait:
            wait_until_ready(self.ready, self.process, seconds=STARTS_SECONDS)

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(timeout=60)
        if self._log is not None:
            self._log.close()


@dataclass(frozen=True, slots=True)
class TellingCollector:
    """`database` is the collector's own file, for looking into."""

    url: str
    collector: Program
    database: str
    sink: MailSink


@dataclass(frozen=True, slots=True)
class TellingCentre(TellingCollector):
    alertmanager_url: str
    alertmanager: Program


def officer_of(unit: str) -> str:
    return f"officer-{unit.lower()}@example"


def leader_of(unit: str) -> str:
    return f"leader-{unit.lower()}@example"


def operator_of(district: str) -> str:
    return f"{''.join(c for c in district.lower() if c.isalnum() and c.isascii())}@example"


@contextmanager
def telling_collector(
    folder: Path, districts_of: Mapping[str, str], limits: Mapping[str, float], **environment: str
) -> Iterator[TellingCollector]:
    """Units by code and their districts. `limits` are those of docs/notify.md; `environment` without `HAIDANG_`."""
    folder.mkdir(parents=True, exist_ok=True)
    database = f"sqlite:///{folder / 'haidang.db'}"
    registry = Registry(database)
    fill(registry.database, districts_of)
    registry.close()
    with mail_sink(folder) as sink:
        given = {"DATABASE_URL": database, "NOTIFY": str(_settings(folder, sink, limits)), **environment}
        address = f"127.0.0.1:{free_port()}"
        collector = Program(
            [HAIDANG, "serve", f"--listen={address}"],
            f"http://{address}/healthz",
            folder / "collector.log",
            {f"HAIDANG_{name}": value for name, value in given.items()},
        )
        try:
            collector.start()
            yield TellingCollector(f"http://{address}", collector, database, sink)
        finally:
            collector.kill()


@contextmanager
def telling_centre(
    folder: Path, districts_of: Mapping[str, str], limits: Mapping[str, float], **environment: str
) -> Iterator[TellingCentre]:
    """A collector as above, and an Alertmanager that tells it; it sends no mail of its own."""
    with telling_collector(folder, districts_of, limits, **environment) as told:
        plan = Plan(folder, collector_port=int(told.url.rpartition(":")[2]), alertmanager_port=free_port(), notify=True)
        alertmanager = Program(_alertmanager(folder, plan), f"{plan.alertmanager}/-/ready", folder / "alertmanager.log")
        try:
            alertmanager.start()
            yield TellingCentre(told.url, told.collector, told.database, told.sink, plan.alertmanager, alertmanager)
        finally:
            alertmanager.kill()


def fill(database: Database, districts_of: Mapping[str, str]) -> None:
    now, names = datetime.now(UTC), sorted(set(districts_of.values()))
    accounts = [(f"d{number}", operator_of(name), name) for number, name in enumerate(names)]
    with database.write() as session:
        for code, district in districts_of.items():
            session.add(Unit(code=code, name=f"Trường {code}", district=district, level="primary", students={}))
        session.flush()
        for code in districts_of:
            session.add(Contact(unit=code, role="officer", name=f"Cô {code}", email=officer_of(code)))
            session.add(Contact(unit=code, role="leader", name=f"Thầy {code}", email=leader_of(code)))
        for login, address, place in [*accounts, ("so", CITY, None)]:
            session.add(
                Account(
                    login=login, name=f"Ông {login}", email=address, role="operator", district=place, unit=None,
                    mapped=False, disabled=False, failed=0, created_at=now, changed_at=now,
                )
            )  # fmt: skip


def _settings(folder: Path, sink: MailSink, limits: Mapping[str, float]) -> Path:
    file = folder / "notify.toml"
    lines = [f"{name} = {value}" for name, value in limits.items()]
    file.write_text(
        f'[mail]\nserver = "{sink.address}"\nsender = "haidang@so.example"\nsecurity = "none"\n'
        f'[pages]\nurl = "https://hd.example"\n[limits]\n' + "\n".join(lines) + "\n"
    )
    return file


def _alertmanager(folder: Path, plan: Plan) -> list[str | Path]:
    """With the committed routes, as `haidang up` runs it."""
    file = folder / "alertmanager.yml"
    file.write_text(yaml.safe_dump(alertmanager_config(plan), allow_unicode=True))
    return [
        "prometheus-alertmanager", f"--config.file={file}", f"--storage.path={folder / 'alertmanager'}",
        f"--web.listen-address=127.0.0.1:{plan.alertmanager_port}", "--cluster.listen-address=",
        "--log.level=error",
    ]  # fmt: skip
