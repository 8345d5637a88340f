"""A collector for a test, with one unit and one enrolled agent in it."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from haidang_collector.app import create_app
from haidang_collector.registry.models import Unit
from haidang_collector.registry.store import Registry
from haidang_collector.registry.tokens import Applicant, create_token, enrol
from starlette.testclient import TestClient

from tests.servers import free_port, wait_until_ready

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import httpx
    from haidang_collector.settings import Settings

UNIT = "TH-001"
DISTRICT = "Quận 1"

SERVE = """\
import sys, uvicorn
from haidang_collector.app import create_app
from haidang_collector.settings import from_environment
uvicorn.run(create_app(from_environment()), port=int(sys.argv[1]), access_log=False)
"""


@dataclass
class Served:
    """A collector that listens."""

    port: int
    process: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def peak_memory_mib(self) -> float:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) / 1024


def database_url(folder: Path) -> str:
    """Of a registry in this folder, which is made where it is missing: with tables, and nothing in them."""
    file = folder / "collector.db"
    if not file.exists():
        file.write_bytes(_empty_registry())
    return f"sqlite:///{file}"


@cache
def _empty_registry() -> bytes:
    """Its file; the migrations take a quarter of a second, and thousands of tests want one."""
    with TemporaryDirectory() as folder:
        file = Path(folder, "empty.db")
        Registry(f"sqlite:///{file}").close()
        return file.read_bytes()


def add_agent(url: str, *, roles: Sequence[str] = ("site",), unit: str = UNIT) -> tuple[str, str]:
    """Enrols an agent into the unit, which is made when it is missing. Its id and its Authorization header."""
    registry = Registry(url)
    try:
        with registry.database.write() as session:
            session.merge(
                Unit(code=unit, name="Trường Tiểu học Sao Mai", district=DISTRICT, level="primary", students={})
            )
        token = create_token(registry.database, unit, uses=1, lifetime=timedelta(hours=1)).token
        key = secrets.token_urlsafe(32)
        enrolled = enrol(registry.database, Applicant(token, key, tuple(roles), "0.1.0", "linux"))
    finally:
        registry.close()
    if enrolled is None:
        raise RuntimeError("a fresh token was refused")
    return enrolled.agent, f"Bearer {enrolled.agent}.{key}"


@contextmanager
def client_of(
    settings: Settings, *, store: httpx.AsyncBaseTransport | None = None, peer: str = "127.0.0.1"
) -> Iterator[TestClient]:
    """The running application, asked by `peer`."""
    app = create_app(settings, store_transport=store)
    with TestClient(app, base_url="http://127.0.0.1", client=(peer, 50_000)) as client:
        yield client


@contextmanager
def serving(folder: Path, **environment: str) -> Iterator[Served]:
    """The application in a process of its own behind uvicorn, as in earnest. `environment` without `HAIDANG_`."""
    port = free_port()
    given = {f"HAIDANG_{name}": value for name, value in environment.items()}
    with (folder / "collector.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-W", "error", "-c", SERVE, str(port)], env=os.environ | given, stdout=log, stderr=log
        )
    try:
        wait_until_ready(f"http://127.0.0.1:{port}/healthz", process)
        yield Served(port, process)
    finally:
        process.terminate()
        process.wait(timeout=60)
