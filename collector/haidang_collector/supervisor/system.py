"""The whole system of one machine: what is started, in which order, and how it ends."""

from __future__ import annotations

import fcntl
import os
import socket
import subprocess
import sys
import threading
import time
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from haidang_collector.registry.database import Database
from haidang_collector.registry.location import sqlite_url
from haidang_collector.registry.models import Unit
from haidang_collector.registry.store import Registry
from haidang_collector.registry.tokens import create_token
from haidang_collector.supervisor.child import Child, ChildError
from haidang_collector.supervisor.settings import RETENTION, UpError, binary, write_files

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import IO

    from haidang_collector.supervisor.settings import Plan

TRIAL_UNIT = "TRIAL"
TRIAL_DISTRICT = "Trial"
WATCH_SECONDS = 0.5
TOKEN_LIFETIME = timedelta(minutes=10)


class System:
    """Collector, Prometheus, Alertmanager and this machine's agent. `say` gets a line of progress at a time."""

    def __init__(self, plan: Plan, say: Callable[[str], None]) -> None:
        self._plan = plan
        self._say = say
        self._stopping = threading.Event()
        self._lock: IO[str] | None = None
        self.children: dict[str, Child] = {}

    def start(self) -> None:
        """Everything up and answering when this returns. Raises UpError, ChildError; then nothing runs."""
        self._claim_folder()
        self._check_ports()
        prometheus, alertmanager = binary("prometheus"), binary("prometheus-alertmanager", "alertmanager")
        write_files(self._plan)
        first_time = self._prepare_registry()
        try:
            for child in (self._prometheus(prometheus), self._alertmanager(alertmanager), self._collector()):
                self._say(f"starting {child.name}")
                self.children[child.name] = child
                child.start()
            for child in self.children.values():
                child.wait_until_ready()
            if first_time:
                self._enrol()
            agent = self.children["agent"] = self._agent()
            self._say("starting agent")
            agent.start()
            agent.wait_until_ready()
        except BaseException:
            self.stop()
            raise

    def watch(self) -> None:
        """Restart what dies, until `ask_to_stop`."""
        while not self._stopping.wait(WATCH_SECONDS):
            for child in self.children.values():
                if not child.died():
                    continue
                if child.restart_at is None:
                    code = child.process.returncode if child.process else None
                    pause = child.plan_restart()
                    self._say(
                        f"{child.name} ended (status {code}), starts again in {pause:.0f} s; "
                        f"last words: {child.last_words or 'none'} (log: {child.log})"
                    )
                elif time.monotonic() >= child.restart_at:
                    child.start()
                    self._say(f"{child.name} started again")

    def ask_to_stop(self) -> None:
        """May be called from a signal handler."""
        self._stopping.set()

    def stop(self) -> None:
        """The agent first, for its goodbye needs the others; the collector last but for the lock."""
        for name in ("agent", "alertmanager", "collector", "prometheus"):
            if name in self.children:
                self._say(f"stopping {name}")
                self.children[name].stop()
        if self._lock is not None:
            self._lock.close()

    def _claim_folder(self) -> None:
        try:
            self._plan.data.mkdir(parents=True, exist_ok=True)
            self._lock = (self._plan.data / "lock").open("w")
        except OSError as failed:
            raise UpError(
                f"{self._plan.data} cannot be written ({failed.strerror}); give another with --data"
            ) from None
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UpError(
                f"{self._plan.data} is in use by another `haidang up`; stop it or give another --data"
            ) from None

    def _check_ports(self) -> None:
        for option, port in self._plan.ports().items():
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind(("127.0.0.1", port))
                except OSError:
                    raise UpError(f"port {port} is in use; stop what uses it or give another with {option}") from None

    def _prepare_registry(self) -> bool:
        """Schema and trial unit; True where this machine's agent has to be enrolled."""
        database = Database(sqlite_url(self._plan.data))
        database.upgrade()
        with database.write() as session:
            if session.get(Unit, TRIAL_UNIT) is None:
                name = "Máy dùng thử (this machine)"
                session.add(Unit(code=TRIAL_UNIT, name=name, district=TRIAL_DISTRICT, level="mixed", students={}))
        database.close()
        return not (self._plan.agent_config.parent / "credentials.json").exists()

    def _enrol(self) -> None:
        """By the same way as any school: a token, and the agent's own command."""
        self._say("enrolling this machine's agent")
        registry = Registry(sqlite_url(self._plan.data))
        token = create_token(registry.database, TRIAL_UNIT, uses=1, lifetime=TOKEN_LIFETIME).token
        registry.close()
        done = subprocess.run(  # noqa: S603 - our own program
            [_program("haidang-agent"), "enrol", "--config", self._plan.agent_config],
            env={**os.environ, "HAIDANG_TOKEN": token},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
        if done.returncode:
            raise ChildError(f"the agent could not be enrolled: {done.stderr.strip()}")

    def _child(self, name: str, command: list[str], ready_url: str, **more: str) -> Child:
        return Child(name, command, self._plan.data / "log" / f"{name}.log", {**os.environ, **more}, ready_url)

    def _prometheus(self, program: str) -> Child:
        folder, plan = self._plan.data / "prometheus", self._plan
        command = [
            program,
            f"--config.file={folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--storage.tsdb.retention.time={RETENTION}",
            f"--web.listen-address=127.0.0.1:{plan.prometheus_port}",
            "--web.enable-remote-write-receiver",
        ]
        return self._child("prometheus", command, f"{plan.prometheus}/-/ready")

    def _alertmanager(self, program: str) -> Child:
        folder, plan = self._plan.data / "alertmanager", self._plan
        command = [
            program,
            f"--config.file={folder / 'alertmanager.yml'}",
            f"--storage.path={folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{plan.alertmanager_port}",
            "--cluster.listen-address=",
        ]
        return self._child("alertmanager", command, f"{plan.alertmanager}/-/ready")

    def _collector(self) -> Child:
        plan = self._plan
        command = [_program("haidang"), "serve", "--data", str(plan.data)]
        return self._child(
            "collector",
            command,
            f"{plan.collector}/healthz",
            HAIDANG_LISTEN=f"127.0.0.1:{plan.collector_port}",
            HAIDANG_STORE_WRITE_URL=f"{plan.prometheus}/api/v1/write",
            HAIDANG_PROMETHEUS_URL=plan.prometheus,
            HAIDANG_ALERTMANAGER_URL=plan.alertmanager,
        )

    def _agent(self) -> Child:
        command = [_program("haidang-agent"), "run", "--config", str(self._plan.agent_config)]
        return self._child("agent", command, f"http://127.0.0.1:{self._plan.agent_port}/metrics")


def _program(name: str) -> str:
    """Our own program beside this interpreter."""
    return str(Path(sys.executable).parent / name)
