"""A centre with its real servers and one school, in namespaces: what the whole-way test plays with."""

from __future__ import annotations

import email
import email.policy
import json
import os
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from haidang_agent.outbox import Outbox
from haidang_collector.supervisor import programs, victoria
from haidang_collector.supervisor.files import FACTS_SECONDS, SCRAPE_SECONDS, write_files
from haidang_collector.supervisor.plan import Plan

from tests.lab import Node, VirtualSchool
from tests.lab.ca import CertificateAuthority
from tests.waiting import eventually

if TYPE_CHECKING:
    from types import TracebackType

    from haidang_collector.supervisor.child import Child

BIN = Path(sys.executable).parent
UNIT, DISTRICT = "TH-MAU-01", "Quận Mẫu"
SMTP = "127.0.0.1:1025"
PUSHED = '{agent!="", job="", __name__!~".*:.*|ALERTS.*"}[1h]'
"""What agents pushed: neither scraped nor recorded by a rule."""


@dataclass(frozen=True, slots=True)
class Mail:
    """One message in the mailbox; `received` in Unix seconds."""

    subject: str
    text: str
    received: float


@dataclass(frozen=True, slots=True)
class Source:
    """What the school has counted itself."""

    snapshots: int
    samples: int


@dataclass(frozen=True, slots=True)
class Absence:
    """A program that was killed at `begin` and started again at `end`, Unix seconds."""

    program: str
    begin: float
    end: float


class City:
    """Context manager: everything runs inside, and nothing is left after it. `store`: as of `haidang up --store`."""

    restart_seconds = 4.0
    """Longest time that a killed program is away before it is started again."""

    def __init__(self, folder: Path, *, isps: tuple[str, ...], push_seconds: int, store: str = "prometheus") -> None:
        self.folder = folder
        self.store = store
        self.school = VirtualSchool(isps=isps, pcs=1)
        self._push_seconds = push_seconds
        self._stack = ExitStack()
        self._commands: dict[str, tuple[Node, list[str], dict[str, str]]] = {}
        self._running: dict[str, subprocess.Popen[Any]] = {}
        self.absences: list[Absence] = []

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.enter_context(self.school)
            self._set_up_centre()
            self._set_up_agent()
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The `result` of an instant query."""
        asked = urllib.parse.urlencode({"query": expression})
        with self.school.centre.inside():
            answer = urllib.request.urlopen(f"http://127.0.0.1:9090/api/v1/query?{asked}", timeout=60)
        with answer:
            found: list[dict[str, Any]] = json.load(answer)["data"]["result"]
        return found

    def value(self, expression: str) -> float:
        """The one value of an instant query. Raises LookupError where there is none."""
        return float(self.query(expression)[0]["value"][1])

    def stored_samples(self) -> int:
        """All samples that the store has from the school's agents; VictoriaMetrics shows stale markers as NaN."""
        return sum(value != "NaN" for series in self.query(PUSHED) for _, value in series["values"])

    def kill_and_restart(self, name: str, after: float) -> None:
        """SIGKILL, and the same command again so many seconds later.

        VictoriaMetrics gets SIGTERM: what it has taken in the last seconds is in its memory only (docs/scale.md).
        """
        with self._running[name] as process:
            if name == "victoriametrics":
                process.terminate()
            else:
                process.kill()
        killed = time.time()
        time.sleep(after)  # how long it is away: part of the story, not a wait for anything
        self._start(name)
        self.absences.append(Absence(name, killed, time.time()))

    def stop_agent(self) -> Source:
        """In order; then what its own outbox has counted."""
        with self._running["agent"] as process:
            process.terminate()
            assert process.wait(60) == 0
        outbox = Outbox(self.folder / "agent" / "outbox.db")
        stats = outbox.stats()
        outbox.close()
        assert stats.lost == {}
        assert stats.snapshots == 0, "the outbox is empty after the goodbye"
        return Source(stats.snapshots_total, stats.samples_total)

    def mails(self, status: str, alert: str) -> list[Mail]:
        """Messages about an alert, `firing` or `resolved`, oldest first."""
        found = []
        for file in (self.folder / "mail" / "new").iterdir():
            message = email.message_from_bytes(file.read_bytes(), policy=email.policy.default)
            if (message["X-Haidang-Status"], message["X-Haidang-Alert"]) == (status, alert):
                body = message.get_body(("plain",))
                text = body.get_content() if body else ""
                found.append(Mail(message["Subject"], text, file.stat().st_mtime))
        return sorted(found, key=lambda mail: mail.received)

    def mail(self, status: str, alert: str, seconds: float) -> Mail:
        """The message, as soon as it is in the mailbox."""
        return eventually(f"mail: {alert} {status}", lambda: self.mails(status, alert), seconds=seconds)[0]

    def _set_up_centre(self) -> None:
        centre = self.school.centre
        plan = Plan(data=self.folder, smtp=SMTP, mail_to=("truc@example.test",), store=self.store)
        write_files(plan)
        if self.store == "victoriametrics":
            victoria.write_files(plan, victoria.RULES_PROGRAM)
        self._trust_collector(plan)
        database = {"HAIDANG_DATABASE_URL": f"sqlite:///{self.folder}/haidang.db"}
        units = self.folder / "units.csv"
        units.write_text(f"code,name,district,level\n{UNIT},Trường Mẫu,{DISTRICT},primary\n", encoding="utf-8")
        subprocess.run([BIN / "haidang", "units", "import", units], env=os.environ | database, check=True)
        authority = CertificateAuthority(self.folder)
        certificate, key = authority.issue(self.school.centre_address)
        alertmanager = self.folder / "alertmanager"
        mailbox = [sys.executable, "-m", "aiosmtpd", "-n", "-l", SMTP, "-c", "aiosmtpd.handlers.Mailbox"]
        serve = [str(BIN / "haidang"), "serve", "--tls-cert", str(certificate), "--tls-key", str(key)]
        self._commands = {
            "smtp": (centre, [*mailbox, str(self.folder / "mail")], {}),
            **{child.name: (centre, list(child._command), {}) for child in self._store(plan)},
            "alertmanager": (
                centre,
                [
                    "prometheus-alertmanager",
                    f"--config.file={alertmanager}/alertmanager.yml",
                    f"--storage.path={alertmanager}/data",
                    "--cluster.listen-address=",
                    "--web.listen-address=127.0.0.1:9093",
                ],
                {},
            ),
            "collector": (centre, [*serve, "--listen", "0.0.0.0:8080"], database),
        }
        for name in self._commands:
            self._start(name)
        eventually("the store answers", lambda: self.query("vector(1)"), seconds=20)
        read = "haidang_collector_start_timestamp_seconds and on () school_unit_info"
        eventually("the registry is read", lambda: self.query(read), seconds=40)

    def _store(self, plan: Plan) -> list[Child]:
        if self.store == "prometheus":
            return [programs.prometheus(plan, "prometheus")]
        return [victoria.store(plan, victoria.PROGRAM), victoria.alerting(plan, victoria.RULES_PROGRAM)]

    def _trust_collector(self, plan: Plan) -> None:
        """The collector speaks TLS here; store and Alertmanager reach it over loopback without checking."""
        scraping = {"prometheus": "prometheus/prometheus.yml", "victoriametrics": "victoriametrics/scrape.yml"}
        for name in (scraping[self.store], "alertmanager/alertmanager.yml"):
            path = plan.data / name
            text = path.read_text(encoding="utf-8").replace("http://127.0.0.1:8080", "https://127.0.0.1:8080")
            text = text.replace(
                "- job_name:", "- scheme: https\n  tls_config: {insecure_skip_verify: true}\n  job_name:"
            )
            hook = "/api/v1/alertmanager"
            text = text.replace(hook, hook + "\n    http_config: {tls_config: {insecure_skip_verify: true}}")
            text = text.replace(f"scrape_interval: {FACTS_SECONDS}s", f"scrape_interval: {SCRAPE_SECONDS}s")
            path.write_text(text, encoding="utf-8")

    def _set_up_agent(self) -> None:
        folder, pc = self.folder / "agent", self.school.pc(1)
        config = folder / "agent.toml"
        config.write_text(
            f'[server]\nurl = "https://{self.school.centre_address}:8080"\nca = "{self.folder}/ca.pem"\n'
            f'[agent]\nstate_dir = "{folder}"\npush_interval = "{self._push_seconds}s"\n'
            f"[probes.internet]\ntargets = {json.dumps(self.school.targets)}\n",
            encoding="utf-8",
        )
        database = os.environ | self._commands["collector"][2]
        command = [str(BIN / "haidang"), "tokens", "create", UNIT]
        token = subprocess.run(command, env=database, check=True, capture_output=True, text=True).stdout.strip()
        agent = str(BIN / "haidang-agent")
        enrolled = pc.run(agent, "enrol", "--config", str(config), env=os.environ | {"HAIDANG_TOKEN": token})
        assert enrolled.returncode == 0, enrolled.stderr
        self._commands["agent"] = (pc, [agent, "run", "--config", str(config)], {})
        self._start("agent")

    def _start(self, name: str) -> None:
        node, command, more = self._commands[name]
        with (self.folder / "log" / f"{name}.log").open("ab") as log:
            self._running[name] = node.start(*command, env=os.environ | more, stdout=log, stderr=log)
