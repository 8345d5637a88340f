"""Online systems and the portal as a PC of the virtual school sees them: each fault is injected, and named rightly.

A real nginx with a private CA stands behind the ISP, by IPv4 and IPv6; the school's names come from a real dnsmasq.
"""

from __future__ import annotations

import datetime as dt
import os
import shutil
import sys
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.agent.intrusion.authority import Authority
from tests.lab import VirtualSchool
from tests.lab.serving import names
from tests.reach.feeds import News, rss
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

NGINX = """
daemon off; worker_processes 1; pid nginx.pid; error_log error.log; user root; events {{ worker_connections 128; }}
http {{
  access_log off; default_type text/html; charset utf-8;
  client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
  {servers}
}}
"""
SERVER = """
server {{ listen 443 ssl; listen [::]:443 ssl; server_name {name}; root {folder};
  ssl_certificate {pem}; ssl_certificate_key {pem}; {rest} }}
"""
WELL = 'location / { return 200 "<h1>Xin chao</h1>"; }'
SITES = {
    "well": WELL, "status": "return 503;", "loop": "return 302 /;", "closed": "return 444;", "mismatch": WELL,
    "handshake": "ssl_reject_handshake on;", "slow": "location / { limit_rate 1k; try_files /large.html =404; }",
    "expired": WELL, "stranger": WELL, "misnamed": WELL, "half": WELL, "portal": "index portal.html;",
}  # fmt: skip
"""By the first label of their name; `half` has an IPv6 address where nobody is."""
DEAD6 = "2001:db8:ce::dead"
TIMEOUT = 2.5
FAULTS = {
    "status": "status", "loop": "redirects", "closed": "closed", "mismatch": "mismatch", "handshake": "handshake",
    "slow": "slow", "expired": "certificate_expired", "stranger": "certificate_untrusted",
    "misnamed": "certificate_name", "nameless": "name_unknown", "refused": "refused",
}  # fmt: skip
AT_FAULT = {
    "status": "processing", "loop": "processing", "closed": "processing", "mismatch": "content", "handshake": "tls",
    "slow": "transfer", "expired": "tls", "stranger": "tls", "misnamed": "tls", "nameless": "resolve",
    "refused": "connect",
}  # fmt: skip
SOUND = {"well", "half"}
HOUR, DAY = 3600, 86400
PHASES = {"resolve", "connect", "tls", "processing", "transfer", "content"}
LETTER, PLAN = "Công văn về tổ chức kỳ thi học sinh giỏi", "Kế hoạch kiểm tra cuối học kỳ một"


def feed(*items: tuple[str, float]) -> bytes:
    """Titles, and how many hours ago they were published."""
    now = dt.datetime.now(dt.UTC)
    told = [
        News(title, f"https://{title[:2].lower()}.example/", now - dt.timedelta(hours=hours)) for title, hours in items
    ]
    return rss(told)


def host(site: str) -> str:
    return f"{site}.example"


class Told(NamedTuple):
    """What the agent says: by service the fault, and the phases that were passed and those that failed."""

    faults: dict[str, str]
    passed: dict[str, set[str]]
    failed: dict[str, set[str]]
    versions: dict[str, float]


class Lab:
    """The school, and what stands in the Internet."""

    def __init__(self, school: VirtualSchool) -> None:
        self.school = school
        self.config = school.folder / "agent.toml"
        self._known = Authority(school.folder, "known")
        self._stranger = Authority(school.folder, "stranger")
        self._names = ExitStack()

    @contextmanager
    def running(self) -> Iterator[Lab]:
        own_files = Path("/etc/netns") / self.school.pc(1).name
        own_files.mkdir(parents=True)
        with ExitStack() as stack:
            stack.callback(shutil.rmtree, own_files)
            (own_files / "resolv.conf").write_text(f"nameserver {self.school.router_address}\n", encoding="ascii")
            self._serve(stack)
            stack.enter_context(self._names)
            self.answer_names()
            self._configure()
            yield self

    def answer_names(self) -> None:
        both = f"{self.school.centre_address},{self.school.centre_address6}"
        records = {host(site): both for site in (*SITES, "refused")}
        records[host("half")] = f"{self.school.centre_address},{DEAD6}"
        self._names.enter_context(names(self.school.router, records))

    def silence_names(self) -> None:
        """The name server is gone, and its address does not answer: as with a router that hangs."""
        self._names.close()
        self.school.router.nft(
            "add table inet deaf",
            "add chain inet deaf in { type filter hook input priority 0; }",
            "add rule inet deaf in udp dport 53 drop",
        )

    def hear_names(self) -> None:
        self.school.router.nft("delete table inet deaf")
        self.answer_names()

    def services(self) -> Told:
        found = Told({}, {}, {}, {})
        for name, labels, value in self._once("services"):
            service = labels.get("service", "")
            if name == "school_service_fault":
                found.faults[service] = labels["fault"]
            elif name == "school_service_up":
                (found.passed if value else found.failed).setdefault(service, set()).add(labels["phase"])
            elif name == "school_service_ip_version":
                found.versions[service] = value
        return found

    def portal(self) -> dict[str, float]:
        return {name: value for name, labels, value in self._once("portal") if name.startswith("school_")}

    def _once(self, probe: str) -> list[tuple[str, dict[str, str], float]]:
        command = (sys.executable, "-m", "haidang_agent", "once", "--probe", probe, "--config", str(self.config))
        done = self.school.pc(1).run(*command, env={**os.environ, "LANG": "C.UTF-8"})
        assert done.returncode == 0, done.stderr
        families = text_string_to_metric_families(done.stdout)
        return [(sample.name, sample.labels, sample.value) for family in families for sample in family.samples]

    def _serve(self, stack: ExitStack) -> None:
        folder = self.school.folder / "web"
        folder.mkdir()
        (folder / "large.html").write_text("x" * 100_000)
        announced = '<link rel="alternate" type="application/rss+xml" href="/own.xml">'
        (folder / "portal.html").write_text(f"<head>{announced}</head><h1>Trường</h1>", encoding="utf-8")
        (folder / "own.xml").write_bytes(feed((LETTER, 5)))
        (folder / "department.xml").write_bytes(feed((LETTER, 30), (PLAN, 2)))
        servers = "".join(self._server(site, rest, folder) for site, rest in SITES.items())
        (folder / "nginx.conf").write_text(NGINX.format(servers=servers))
        binary = shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin")
        if binary is None:
            raise FileNotFoundError("no nginx on PATH; run: apt-get install nginx-light")
        command = (binary, "-p", str(folder), "-e", str(folder / "error.log"), "-c", str(folder / "nginx.conf"))
        process = self.school.centre.start(*command)
        stack.callback(process.wait)
        stack.callback(process.kill)
        listening = lambda: ":443 " in self.school.centre.run("ss", "-lntH").stdout  # noqa: E731
        eventually("nginx listens", listening, seconds=10)

    def _server(self, site: str, rest: str, folder: Path) -> str:
        authority = self._stranger if site == "stranger" else self._known
        name = host("other" if site == "misnamed" else site)
        pem = authority.issue(name, (-9, -1) if site == "expired" else (-1, 9))
        return SERVER.format(name=host(site), folder=folder, pem=pem, rest=rest)

    def _configure(self) -> None:
        ca = self._known.pem
        portal = f"https://{host('portal')}/"
        services = "".join(_service(site) for site in (*FAULTS, *SOUND))
        self.config.write_text(
            f'[agent]\nroles = ["site"]\nstate_dir = "{self.school.folder}"\nlisten = ""\n'
            f'[probes.services]\nspread = "0s"\ntimeout = "{TIMEOUT}s"\nca = "{ca}"\n'
            f'[probes.portal]\nspread = "0s"\nca = "{ca}"\n'
            f'[portal]\nurl = "{portal}"\ndepartment_feed = "{portal}department.xml"\n{services}'
        )


def _service(site: str) -> str:
    port = ":81" if site == "refused" else ""
    match = 'match = "tam biet"\n' if site == "mismatch" else 'match = "Xin chao"\n' if site in SOUND else ""
    return f'[[service]]\nname = "{site}"\nurl = "https://{host(site)}{port}/"\n{match}'


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with VirtualSchool(isps=("VNPT",), pcs=1) as school, Lab(school).running() as running:
        yield running


def test_each_fault_is_named_and_no_other(lab: Lab) -> None:
    told = lab.services()

    assert told.faults == FAULTS
    assert told.failed == {service: {phase} for service, phase in AT_FAULT.items()}
    assert {service for service, passed in told.passed.items() if passed == PHASES} == SOUND
    assert told.versions["well"] == 6, "as a browser has it"
    assert told.versions["half"] == 4, "whose IPv6 leads nowhere"


def test_a_name_server_that_is_silent_is_at_fault_for_all(lab: Lab) -> None:
    lab.silence_names()
    try:
        told = lab.services()
    finally:
        lab.hear_names()

    assert set(told.faults.values()) == {"name_unanswered"}
    assert told.passed == {}, "nothing is known of what comes after it"


def test_the_path_is_at_fault_where_the_isp_is_cut(lab: Lab) -> None:
    lab.school.cut_isp("VNPT")
    try:
        told = lab.services()
    finally:
        lab.school.repair_all()

    assert told.faults.pop("nameless") == "name_unknown", "the school's own name server still answers"
    assert set(told.faults.values()) <= {"connect_timeout", "unreachable"}
    assert {phase for service in told.failed for phase in told.failed[service]} == {"resolve", "connect"}
    assert told.failed.keys() >= SOUND


def test_the_portal_and_how_far_it_lags(lab: Lab) -> None:
    """It has taken in the letter, and not yet the plan."""
    told = lab.portal()

    assert (told["school_portal_up"], told["school_portal_feed_valid"]) == (1, 1)
    assert 2 * HOUR <= told["school_portal_feed_lag_seconds"] < 2 * HOUR + 1800
    assert 5 * HOUR <= time.time() - told["school_portal_changed_timestamp_seconds"] < 5 * HOUR + 1800
    assert 8 * DAY < told["school_portal_tls_expiry_timestamp_seconds"] - time.time() < 9 * DAY


def test_all_is_well_again(lab: Lab) -> None:
    assert {service for service, passed in lab.services().passed.items() if passed == PHASES} == SOUND
