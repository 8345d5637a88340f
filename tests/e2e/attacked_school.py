"""A school whose LAN is attacked, its agent, its centre, and the two ways by which people hear of it."""

from __future__ import annotations

import email
import email.policy
import json
import os
import re
import shutil
import subprocess
import threading
import time
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import yaml

from tests.agent.intrusion.authority import Authority
from tests.e2e.city import BIN, UNIT, City
from tests.lab import VirtualSchool, serving
from tests.lab.attacks import (
    ArpPoisoning,
    Attack,
    InterceptingProxy,
    LyingResolver,
    Resolver,
    RogueDhcpServer,
    RogueRouter,
)
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import TracebackType

    from haidang_collector.supervisor.plan import Plan

SITE, OTHER_SITE = "hcm.edu.vn", "smas.edu.vn"
"""Known to the centre: the one that the proxy opens, and the one that the resolver lies about."""
AGENT, ATTACKER, VICTIM = 1, 2, 3
PCS = 7
PROBES = ["internet", "intrusion", "lan"]
NAME = re.compile(r"\balertname=(\w+)")


class Heard(NamedTuple):
    """One alert in one message; `at` in Unix seconds."""

    at: float
    alert: str
    status: str


class AttackedSchool(City):
    """Context manager. `check_seconds` is the pace of the active checks, None: as shipped.

    The router gives addresses, names and IPv6 prefixes as it should; sites that the centre knows are in the Internet.
    """

    def __init__(self, folder: Path, *, push_seconds: int, check_seconds: float | None = None) -> None:
        super().__init__(folder, isps=("VNPT",), push_seconds=push_seconds)
        self.school = VirtualSchool(isps=("VNPT",), pcs=PCS)
        self._check_seconds = check_seconds
        self._stack_of_school = ExitStack()
        self.hook: list[Heard] = []
        self.public, self.proxys = Authority(folder, "Public CA"), Authority(folder, "School Filter CA")

    def __enter__(self) -> Self:
        with self._stack_of_school as stack:
            own_files = Path("/etc/netns") / self.school.pc(AGENT).name
            own_files.mkdir(parents=True)
            stack.callback(shutil.rmtree, own_files)
            (own_files / "resolv.conf").write_text(f"nameserver {self.school.router_address}\n", encoding="ascii")
            super().__enter__()
            stack.push(super().__exit__)
            self._stack_of_school = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack_of_school.__exit__(kind, error, trace)

    def attacks(self) -> dict[str, Attack]:
        """New ones, by kind."""
        school, server = self.school, self.school.common_target
        forged = self.proxys.issue(SITE)
        made: list[Attack] = [
            RogueDhcpServer(school, ATTACKER, VICTIM),
            ArpPoisoning(school, ATTACKER, AGENT),
            RogueRouter(school, ATTACKER, VICTIM),
            LyingResolver(school, ATTACKER, VICTIM, OTHER_SITE, self.resolver),
            InterceptingProxy(school, VICTIM, SITE, server, forged),
        ]
        return {attack.kind: attack for attack in made}

    def incidents(self) -> list[dict[str, Any]]:
        """All that the agent has found, by its own word."""
        config = self.folder / "agent" / "agent.toml"
        done = self.school.pc(AGENT).run(str(BIN / "haidang-agent"), "incidents", "--json", "--config", str(config))
        found: list[dict[str, Any]] = json.loads(done.stdout)["incidents"]
        return found

    def watched(self) -> set[str]:
        """Kinds that the agent watches for, as far as the centre knows."""
        return {series["metric"]["kind"] for series in self.query("school_incident_active")}

    def active(self) -> set[str]:
        """Kinds that go on, as far as the centre knows."""
        return {series["metric"]["kind"] for series in self.query("school_incident_active > 0")}

    def mailed(self) -> list[Heard]:
        """Every alert of every mail, oldest first."""
        heard = []
        for file in (self.folder / "mail" / "new").iterdir():
            message = email.message_from_bytes(file.read_bytes(), policy=email.policy.default)
            body = message.get_body(("plain",))
            text = body.get_content() if body else ""
            heard += [Heard(file.stat().st_mtime, *each) for each in _alerts(text)]
        return sorted(heard)

    def told(self, alert: str, status: str, since: float, seconds: float) -> tuple[float, float]:
        """When it was in a webhook's message and in a mail after `since`, Unix seconds; waits for both."""
        wanted = (alert, status)

        def first(heard: Iterable[Heard]) -> float:
            return next((each.at for each in heard if each[1:] == wanted and each.at >= since), 0.0)

        hook = eventually(f"webhook: {alert} {status}", lambda: first(list(self.hook)), seconds=seconds)
        mail = eventually(f"mail: {alert} {status}", lambda: first(self.mailed()), seconds=20)
        return hook, mail

    def ready(self) -> None:
        """The centre knows that all kinds are watched for."""
        wanted = {"rogue_dhcp", "arp_spoof", "rogue_ra", "dns_tampered", "tls_intercepted"}
        eventually("the LAN is watched", lambda: wanted <= self.watched(), seconds=60)

    def _trust_collector(self, plan: Plan) -> None:
        """And everything goes to a webhook of ours too."""
        super()._trust_collector(plan)
        with self.school.centre.inside():
            server = ThreadingHTTPServer(("127.0.0.1", 0), _hook(self.hook))
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        self._stack_of_school.callback(server.server_close)
        self._stack_of_school.callback(thread.join)
        self._stack_of_school.callback(server.shutdown)
        settings = plan.data / "alertmanager" / "alertmanager.yml"
        content = yaml.safe_load(settings.read_text(encoding="utf-8"))
        for receiver in content["receivers"]:
            ours = {"url": f"http://127.0.0.1:{server.server_port}/", "send_resolved": True}
            receiver.setdefault("webhook_configs", []).append(ours)
        settings.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")

    def _set_up_agent(self) -> None:
        """What it shall watch it learns from the centre."""
        start, router, internet = self._stack_of_school.enter_context, self.school.router, self.school.internet
        server, sites = self.school.common_target, {site: self.public.issue(site) for site in (SITE, OTHER_SITE)}
        start(serving.addresses(router, "lan", "10.20.0.100", "10.20.0.199", *serving.ADVERTISE))
        self.resolver = start(Resolver(router, dict.fromkeys(sites, server)))
        start(serving.sites(internet, server, 443, sites))
        names = ("dhcp_ask", "dns_check", "tls_check") if self._check_seconds else ()
        pace = {f"{name}_every_seconds": self._check_seconds for name in names}
        known = {"known_sites": [f"{site} {server}/32" for site in sites], "known_issuers": [self.public.known]}
        lines = [f"{key} = {json.dumps(value)}" for key, value in (pace | known).items()]
        watch = self.folder / "watch.toml"
        watch.write_text("\n".join([f"[agent]\nprobes = {json.dumps(PROBES)}\n[probes.intrusion]", *lines]) + "\n")
        command = [str(BIN / "haidang"), "units", "config", UNIT, "--set", str(watch)]
        subprocess.run(command, env=os.environ | self._commands["collector"][2], check=True, capture_output=True)
        super()._set_up_agent()


def _alerts(text: str) -> Iterator[tuple[str, str]]:
    """Name and status of each alert of a mail."""
    begin = 0
    for found in NAME.finditer(text):
        yield found[1], "resolved" if "Over since" in text[begin : found.start()] else "firing"
        begin = found.end()


def _hook(heard: list[Heard]) -> type[BaseHTTPRequestHandler]:
    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            at, sent = time.time(), json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            heard.extend(Heard(at, alert["labels"]["alertname"], alert["status"]) for alert in sent["alerts"])
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """The test looks at what arrived."""

    return Hook
