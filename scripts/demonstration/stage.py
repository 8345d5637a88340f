"""What the demonstration plays on: the virtual school, a centre with the real servers, agents on PCs and router."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from tests.lab import VirtualSchool
from tests.lab.ca import CertificateAuthority

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from tests.lab import Node

BIN = Path(sys.executable).parent
ISPS = ("VNPT", "Viettel")
ROLES = ({"site", "host"}, {"site", "host"}, {"host"})
"""Of the PCs' agents: two that are to be heard day and night, and an ordinary one."""
ROUTER = 0
"""The router's place among the numbers of the PCs."""
UNIT, NAME = "TH-DEMO-01", "Trường Tiểu học Hải Đăng"
SMTP = "127.0.0.1:1025"
RECEIVER = "truc@example.test"
COLLECTOR, PROMETHEUS, AGENT = 8080, 9090, 9810
TLS = f"{VirtualSchool.centre_address}:8443"
STORE = f"http://127.0.0.1:{PROMETHEUS}"
READY_SECONDS = 90.0

_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class StageError(Exception):
    """The demonstration cannot start; the text is one line."""


class Stage:
    """Context manager; nothing is left after it. `say` gets a line of progress at a time."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self.school = VirtualSchool(isps=ISPS, pcs=len(ROLES))
        self._say = say
        self._stack = ExitStack()
        self._agents: dict[int, subprocess.Popen[bytes]] = {}
        foreign = {name: value for name, value in os.environ.items() if not name.startswith("HAIDANG_")}
        self._environment = foreign | {"HAIDANG_STORE_WRITE_URL": f"{STORE}/api/v1/write"}

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._say(f"building a school with {len(ROLES)} PCs, a router and the ISPs {', '.join(ISPS)}")
            stack.enter_context(self.school)
            (self.folder / "log").mkdir()
            self._start_centre()
            self._enrol_agents()
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    @property
    def folder(self) -> Path:
        return self.school.folder

    @property
    def mailbox(self) -> Path:
        return self.folder / "mail"

    def power_on(self, pc: int) -> None:
        """The PC and the agent on it."""
        self.school.power_on(pc)
        if not self.is_on(pc):
            self._start_agent(pc)

    def bring_router_back(self) -> None:
        """The router and the agent on it."""
        self.school.bring_router_back()
        if not self.is_on(ROUTER):
            self._start_agent(ROUTER)

    def is_on(self, pc: int) -> bool:
        return self._agents[pc].poll() is None

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The `result` of an instant query to the centre's Prometheus. Raises OSError while it does not answer."""
        asked = urllib.parse.urlencode({"query": expression})
        answer = json.loads(get(self.school.centre, f"{STORE}/api/v1/query?{asked}"))
        found: list[dict[str, Any]] = answer["data"]["result"]
        return found

    def _start_centre(self) -> None:
        centre = self.school.centre
        self._say("starting the centre: haidang up (collector, Prometheus, Alertmanager), TLS ingest, a mail server")
        mail_server = ["-m", "aiosmtpd", "-n", "-l", SMTP, "-c", "aiosmtpd.handlers.Mailbox", str(self.mailbox)]
        self._start(centre, "smtp", sys.executable, *mail_server)
        up = ["up", f"--data={self.folder}", f"--smtp={SMTP}", f"--mail-to={RECEIVER}", "--no-agent"]
        running = self._start(centre, "up", str(BIN / "haidang"), *up)
        self._wait(running, "up", lambda: bool(get(centre, f"http://127.0.0.1:{COLLECTOR}/healthz")))
        certificate, key = CertificateAuthority(self.folder, "Hải Đăng demo CA").issue(self.school.centre_address)
        serve = ["serve", f"--data={self.folder}", f"--listen={TLS}", f"--tls-cert={certificate}", f"--tls-key={key}"]
        running = self._start(centre, "ingest", str(BIN / "haidang"), *serve)
        self._wait(running, "ingest", lambda: _listens(centre, TLS))

    def _enrol_agents(self) -> None:
        self._say(f"enrolling the agents of the PCs and of the router in unit {UNIT}")
        units = self.folder / "units.csv"
        units.write_text(f"code,name,district,level\n{UNIT},{NAME},Q1,primary\n", encoding="utf-8")
        self._haidang("units", "import", f"--data={self.folder}", str(units))
        tables = self.folder / "wan.toml"
        tables.write_text("".join(_wan_table(self.school, isp) for isp in ISPS), encoding="utf-8")
        self._haidang("units", "config", UNIT, f"--set={tables}", f"--data={self.folder}")
        machines = {ROUTER: {"router"}} | dict(enumerate(ROLES, 1))
        token = self._haidang("tokens", "create", UNIT, f"--uses={len(machines)}", f"--data={self.folder}")
        with ThreadPoolExecutor() as pool:
            list(pool.map(lambda number: self._enrol(number, machines[number], token), machines))
        for machine in machines:
            self._start_agent(machine)

    def _enrol(self, pc: int, roles: set[str], token: str) -> None:
        folder = self._agent_folder(pc)
        folder.mkdir()
        (folder / "agent.toml").write_text(
            f'[server]\nurl = "https://{TLS}"\nca = "{self.folder}/ca.pem"\n'
            f"[agent]\nroles = {json.dumps(sorted(roles))}\n"
            f'state_dir = "{folder}"\nlisten = "127.0.0.1:{AGENT}"\npush_interval = "5s"\n'
            f"[probes.internet]\ntargets = {json.dumps(self.school.targets)}\n"
            f"[probes.intrusion]\nscanners = {json.dumps(self._sweepers())}\n",
            encoding="utf-8",
        )
        command = [str(BIN / "haidang-agent"), "enrol", f"--config={folder}/agent.toml"]
        done = self._machine(pc).run(*command, env=self._environment | {"HAIDANG_TOKEN": token})
        if done.returncode:
            raise StageError(f"the agent of machine {pc} could not be enrolled: {done.stderr.strip()}")

    def _sweepers(self) -> list[str]:
        """The MACs of those that look through the LAN, which is no attack."""
        return [self.school.pc_mac(pc) for pc, roles in enumerate(ROLES, 1) if "site" in roles]

    def _start_agent(self, pc: int) -> None:
        command = [str(BIN / "haidang-agent"), "run", f"--config={self._agent_folder(pc)}/agent.toml"]
        self._agents[pc] = self._start(self._machine(pc), f"agent{pc}", *command)

    def _machine(self, number: int) -> Node:
        return self.school.router if number == ROUTER else self.school.pc(number)

    def _agent_folder(self, pc: int) -> Path:
        return self.folder / f"pc{pc}"

    def _haidang(self, *words: str) -> str:
        done = self.school.centre.run(str(BIN / "haidang"), *words, env=self._environment)
        if done.returncode:
            raise StageError(f"haidang {' '.join(words)}: {done.stderr.strip()}")
        return done.stdout.strip()

    def _start(self, node: Node, name: str, *command: str) -> subprocess.Popen[bytes]:
        """In a session of its own, so that Ctrl-C in the terminal is ours."""
        with self._log(name).open("ab") as log:
            return node.start(
                *command,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def _wait(self, process: subprocess.Popen[bytes], name: str, ready: Callable[[], bool]) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while True:
            try:
                if ready():
                    return
            except OSError:
                time.sleep(0.05)
            if process.poll() is not None or time.monotonic() > deadline:
                words = self._log(name).read_text(errors="replace").strip()
                raise StageError(f"{name} did not start: {words.rpartition(chr(10))[2] or 'it said nothing'}")

    def _log(self, name: str) -> Path:
        return self.folder / "log" / f"demo-{name}.log"


def get(node: Node, url: str) -> bytes:
    """The body, asked for from inside the node. Raises OSError."""
    with node.inside():
        answer = _DIRECT.open(url, timeout=2)
    with answer:
        body: bytes = answer.read()
        return body


def _wan_table(school: VirtualSchool, name: str) -> str:
    isp = school.isps[name]
    return (
        f'[[wan]]\nname = "{isp.wan}"\nisp = "{name}"\nmedium = "fibre"\ninterface = "{isp.wan}"\n'
        f'gateway = "{isp.gateway}"\nprefixes = ["{isp.prefix}"]\n'
        f"targets = {json.dumps([isp.target, school.common_target])}\n"
    )


def _listens(node: Node, address: str) -> bool:
    host, _, port = address.rpartition(":")
    with node.inside(), socket.create_connection((host, int(port)), timeout=2):
        return True
