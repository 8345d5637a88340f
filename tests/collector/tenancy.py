"""A city of two districts whose store has a tenant for each, by the files of `haidang tenants`."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx
import yaml
from haidang_collector.cli import build
from haidang_collector.registry.models import Unit
from haidang_collector.registry.store import Registry
from haidang_collector.tenants import CENTRE
from typer.testing import CliRunner

from tests.collector import remote_write as rw
from tests.collector.running import DISTRICT, UNIT, add_agent, database_url, serving
from tests.servers import free_port, wait_until_ready

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
    from contextlib import ExitStack
    from pathlib import Path

OTHER, OTHER_UNIT = 'Quận "Mẫu", 2', "TH-9"
TENANTS = (CENTRE, DISTRICT, OTHER)
OURS, THEIRS = ("ArpSpoofing", UNIT), ("DnsSpoofing", OTHER_UNIT)
ALERTS = {CENTRE: {OURS, THEIRS}, DISTRICT: {OURS}, OTHER: {THEIRS}}
"""By tenant, what fires there while the school of each district is attacked."""


@dataclass
class City:
    """`ask`: what a tenant's store answers to an expression, as labels with the value among them."""

    collector: str
    keys: Sequence[str]
    client: httpx.Client
    ask: Callable[[str, str], list[dict[str, Any]]]

    def attack(self) -> None:
        """A snapshot of an agent of each school: an attack goes on there."""
        for key, kind in zip(self.keys, ("arp_spoof", "dns_spoof"), strict=True):
            body = rw.snappy(rw.simple("school_incident_active", 1, time.time(), kind=kind, severity="critical"))
            headers = rw.HEADERS | {"Authorization": key}
            self.client.post(f"{self.collector}/api/v1/write", content=body, headers=headers).raise_for_status()

    def alerts(self) -> dict[str, set[tuple[str, str]]]:
        """Of the attacks, those that fire, by tenant."""
        firing = 'ALERTS{alertstate="firing", category="security"}'
        return {whose: {(each["alertname"], each["unit"]) for each in self.ask(whose, firing)} for whose in TENANTS}

    def counted(self) -> dict[str, list[str]]:
        """The city's number of attacks, as each tenant knows it."""
        return {whose: [each["value"] for each in self.ask(whose, "city:school_incidents:count")] for whose in TENANTS}


@contextmanager
def running(folder: Path, name: str, command: Sequence[str], ready: str, **environment: str) -> Iterator[None]:
    with (folder / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, env=os.environ | environment, stdout=log, stderr=log)
    try:
        wait_until_ready(ready, process)
        yield
    finally:
        process.terminate()
        process.wait(timeout=60)


def city(
    stack: ExitStack,
    folder: Path,
    store: Mapping[str, str],
    ask: Callable[[str, str], list[dict[str, Any]]],
    vmalert: str = "vmalert",
    only: Collection[str] = (),
) -> City:
    """Collector, vmagent and vmalerts on that store; `store` are the collector's settings for it.

    `only`: the groups of rules that are evaluated, and every second; without it all, as they are.
    """
    keys = [add_agent(database_url(folder), unit=unit)[1] for unit in (UNIT, OTHER_UNIT)]
    registry = Registry(database_url(folder))
    with registry.database.write() as session:
        session.merge(Unit(code=OTHER_UNIT, name="N", district=OTHER, level="primary", students={}))
    registry.close()
    environment = {f"HAIDANG_{name}": value for name, value in store.items()}
    environment["HAIDANG_DATABASE_URL"] = database_url(folder)
    served = stack.enter_context(serving(folder, DATABASE_URL=database_url(folder), **store))
    words = ["--collector", f"127.0.0.1:{served.port}", "--vmagent", f"127.0.0.1:{free_port()}", "--first-port", "1"]
    files = folder / "tenants"
    written = CliRunner().invoke(
        build(), ["tenants", "--out", str(files), "--vmalert", vmalert, *words], env=environment
    )
    if written.exit_code != 0:
        raise RuntimeError(written.stderr)
    if only:
        _hurry(files, only)
    _evaluate(stack, files, vmalert)
    client = stack.enter_context(httpx.Client(trust_env=False, timeout=30))
    return City(served.url, keys, client, ask)


def _hurry(files: Path, only: Collection[str]) -> None:
    for file in (files / "rules").glob("*/*.yml"):
        groups = [group for group in yaml.safe_load(file.read_text("utf-8"))["groups"] if group["name"] in only]
        content = {"groups": [group | {"interval": "1s"} for group in groups]}
        file.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    scrape = files / "scrape.yml"
    scrape.write_text(scrape.read_text("utf-8").replace("scrape_interval: 30s", "scrape_interval: 5s"), "utf-8")


def _evaluate(stack: ExitStack, files: Path, vmalert: str) -> None:
    """The programs as systemd would start them, but at free ports; vmagent first, for it ends last."""
    ports = {str(number): str(free_port()) for number in range(1, len(TENANTS) + 1)}
    environments = sorted(files.glob("*.env"))
    for file in (files / "scrape.yml", *environments):
        text = re.sub(r"(?<=127\.0\.0\.1:)[0-9]\b", lambda port: ports[port[0]], file.read_text("utf-8"))
        file.write_text(text, encoding="utf-8")
    for file in environments:
        options = dict(line.split("=", 1) for line in shlex.split(file.read_text("utf-8")))
        program = "vmagent" if file.stem == "vmagent" else vmalert
        health = f"http://{options['httpListenAddr']}/health"
        stack.enter_context(running(files, file.stem, [program, "-envflag.enable"], health, **options))
