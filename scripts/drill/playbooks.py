"""The playbooks on two Debians that were just booted: a centre, and a school's computer behind the school's router.

    python -m scripts.drill.playbooks

Tried: check mode on the bare machines, installation, a second run that changes nothing, enrolment and reporting by TLS,
upgrade by the rolling playbook, a broken version that goes back by itself, rollback, new keys and certificates, removal
without a trace (VictoriaMetrics, beside Prometheus, too). Ansible runs on another computer of the school, by SSH,
without Internet.
Needs root and what `scripts/drill/debian.py` needs. Exit status: 0 all as promised, 1 something is not.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).parents[2]))

import yaml

from scripts.bundle import pack
from scripts.drill.debian import CACHE, Debian
from scripts.drill.wheels import ROOT, build, fetch_what_it_needs
from tests.lab.ca import CertificateAuthority
from tests.lab.school import VirtualSchool
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.lab.node import Node

FIRST, NEXT, BROKEN = "0.1.0", "0.1.1", "0.1.2"
EXTRAS = ("collector", "pdf", "postgres", "router", "snmp")
NEVER_RUNS = {
    "agent/haidang_agent/commands/run.py": (
        "def run(options: argparse.Namespace) -> int:\n",
        "def run(options: argparse.Namespace) -> int:\n    return 1\n",
    )
}
UNIT = "TH-001"
PORT = 8443
PLAY_SECONDS = 1800
UNITS = f"code,name,district,level\n{UNIT},Trường Tiểu học Sao Mai,Quận 1,primary\n"
RECAP = re.compile(r"^(\S+)\s+: ok=\d+\s+changed=(\d+)\s+unreachable=(\d+)\s+failed=(\d+)", re.MULTILINE)
CENTRE = ("collector", "prometheus", "alertmanager", "victoriametrics")
PURGE: dict[str, Any] = {f"{role}_purge": True for role in CENTRE}
IDENTITY = "/var/lib/haidang/credentials.json"
FOREIGN = ("/root/.ssh", "/root/.cache", "/home", "/srv/drill")
"""The drill's own."""


class Technician:
    """The computer that Ansible runs on: this program's, in the network of one of the school's computers."""

    def __init__(self, node: Node, folder: Path, variables: Mapping[str, Any]) -> None:
        self._node = node
        self._folder = folder
        self._key = folder / "id_ed25519"
        self.variables = dict(variables)
        self.inventory = folder / "hosts.yml"
        self.faults: list[str] = []
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self._key], check=True)

    def may_enter(self, machine: Debian) -> None:
        machine.write("/root/.ssh/authorized_keys", self._key.with_suffix(".pub").read_bytes(), mode=0o600)
        machine.remember()

    def play(self, book: str, *options: str, expect: str = "ok", **variables: Any) -> None:
        """`expect`: ok, unchanged (no host changed anything) or failed; another outcome is a fault."""
        given = self._folder / "variables.json"
        given.write_text(json.dumps(self.variables | variables), encoding="utf-8")
        given.chmod(0o600)
        began = time.monotonic()
        log = self._folder / "playbook.log"
        with log.open("w", encoding="utf-8") as out:
            playing = self._node.start(
                str(Path(sys.executable).with_name("ansible-playbook")),
                *("--inventory", str(self.inventory), "--extra-vars", f"@{given}", *options),
                str(ROOT / "ansible/playbooks" / f"{book}.yml"),
                env={**os.environ, **self._environment},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
            )
            status = playing.wait(PLAY_SECONDS)
        said = log.read_text(encoding="utf-8")
        recap = {host: tuple(map(int, numbers)) for host, *numbers in RECAP.findall(said)}
        changed = sum(numbers[0] for numbers in recap.values())
        came = "failed" if status else "unchanged" if not changed else "ok"
        say(f"{book} {' '.join(options)}: {came}, {changed} changes, {time.monotonic() - began:.0f} s")
        if came != expect and not (expect == "ok" and came == "unchanged"):
            self.faults.append(f"{book} {' '.join(options)}: {came} in the place of {expect}")
            say(said[-8000:])

    @property
    def _environment(self) -> dict[str, str]:
        return {
            "ANSIBLE_CONFIG": str(ROOT / "ansible/ansible.cfg"),
            "ANSIBLE_HOME": str(self._folder / "ansible"),
            "ANSIBLE_LOCAL_TEMP": str(self._folder / "ansible/tmp"),
            "ANSIBLE_PRIVATE_KEY_FILE": str(self._key),
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_SSH_CONTROL_PATH_DIR": str(
                self._folder / "cp"
            ),  # another drill's machines have these addresses too
            "ANSIBLE_SSH_ARGS": "-o ControlMaster=auto -o ControlPersist=120s -o StrictHostKeyChecking=accept-new "
            f"-o UserKnownHostsFile={self._folder / 'known_hosts'}",
        }


class Drill:
    """Centre and school, and what is asked of them in turn."""

    def __init__(self, school: VirtualSchool, centre: Debian, pupil: Debian, *, quick: bool) -> None:
        self._quick = quick
        self._school = school
        self._centre = centre
        self._pupil = pupil
        self._ca = CertificateAuthority(school.folder)
        certificate, key = self._ca.issue(school.centre_address)
        self.technician = Technician(
            school.pc(2),
            school.folder,
            {
                "release_version": FIRST,
                "release_bundle": _bundles(school.folder / "bundles"),
                "collector_listen": f"0.0.0.0:{PORT}",
                "collector_health_url": f"https://127.0.0.1:{PORT}",
                "collector_certificate": str(certificate),
                "collector_key": key.read_text(encoding="ascii"),
                "collector_portals": False,
                "collector_secrets": {"HAIDANG_OPERATOR_PASSWORD": "drill-password"},
                "prometheus_operator_password": "drill-password",
                "prometheus_collectors": [f"{school.centre_address}:{PORT}"],
                "prometheus_collector_scheme": "https",
                "prometheus_collector_ca_file": str(self._ca.certificate),
                "victoriametrics_operator_password": "drill-password",
                "victoriametrics_collectors": [f"{school.centre_address}:{PORT}"],
                "victoriametrics_collector_scheme": "https",
                "victoriametrics_collector_ca_file": str(self._ca.certificate),
                "alertmanager_collector_url": f"https://{school.centre_address}:{PORT}",
                "alertmanager_operator_password": "drill-password",
                "alertmanager_collector_ca_file": str(self._ca.certificate),
                "agent_server_url": f"https://{school.centre_address}:{PORT}",
                "agent_ca_file": str(self._ca.certificate),
            },
        )
        for machine in (centre, pupil):
            self.technician.may_enter(machine)

    def run(self) -> list[str]:
        self._install_centre()
        self._install_agent()
        self._upgrade()
        self._rotate()
        self._uninstall()
        return self.technician.faults

    def _install_centre(self) -> None:
        everywhere = {group: {"hosts": {"centre": None}} for group in CENTRE}
        place = {"ansible_host": self._school.centre_address}
        hosts = {"all": {"vars": {"ansible_user": "root"}, "hosts": {"centre": place}, "children": everywhere}}
        self.technician.inventory.write_text(yaml.safe_dump(hosts), encoding="utf-8")
        play = self.technician.play
        self._bare_first("centre")
        play("centre")
        self._unchanged("centre")
        self._centre.write("/srv/drill/units.csv", UNITS)
        self._haidang("units", "import", "/srv/drill/units.csv")
        self._expect("rules are loaded", "count(ALERTS{alertname='Watchdog'})")
        self._expect("the registry is asked", "count(school_unit_info)")
        self._expect("VictoriaMetrics asks it too", "sum(up) == 2", port=8428)
        eventually("Alertmanager has the Watchdog", lambda: "Watchdog" in self._alerts(), seconds=90)
        say(f"Alertmanager has: {', '.join(self._alerts())}")

    def _install_agent(self) -> None:
        address = self._school.pc_address(1)
        table = (
            "host,unit,address,roles,os,groups,ansible_user\n"
            f"centre,,{self._school.centre_address},,linux,{' '.join(CENTRE)},root\n"
            f"th-001-pc1,{UNIT},{address},site host,linux,,root\n"
        )
        self._centre.write("/srv/drill/hosts.csv", table)
        told = self._haidang("inventory", "--hosts", "/srv/drill/hosts.csv", "--yaml")
        self.technician.inventory.write_text(told, encoding="utf-8")
        self._bare_first("agents")
        began = time.monotonic()
        self.technician.play("agents")
        self._expect_version(FIRST)
        say(f"from the start of the playbook to the first metric at the centre: {time.monotonic() - began:.0f} s")
        self._unchanged("agents")

    def _upgrade(self) -> None:
        play = self.technician.play
        play("upgrade", release_version=NEXT)
        self._expect_version(NEXT)
        self._unchanged("upgrade", release_version=NEXT)
        play("upgrade", expect="failed", release_version=BROKEN, agent_verify_seconds=15)
        self._expect_version(NEXT)
        play("rollback")
        self._expect_version(FIRST)
        links = self._pupil.run("ls", "/opt/haidang/releases").stdout.split()
        say(f"versions kept at the school: {', '.join(links)}")

    def _rotate(self) -> None:
        before, old, refused = self._agents(), self._pupil.run("cat", IDENTITY).stdout, self._refused()
        self.technician.play("rotate_identities")
        after = self._agents()
        if before.keys() != after.keys() or any(agent["new_key_wanted"] for agent in after.values()):
            self.technician.faults.append("the agent is another one, or has the old key")
        if self._pupil.run("cat", IDENTITY).stdout == old:
            self.technician.faults.append("the agent's own key is the old one")
        if self._refused() != refused:
            self.technician.faults.append("the agent was refused while it changed its key")
        certificate, key = self._ca.issue(self._school.centre_address)
        self.technician.play(
            "rotate_certificates",
            collector_certificate=str(certificate),
            collector_key=key.read_text(encoding="ascii"),
        )
        self.technician.play("agents")

    def _uninstall(self) -> None:
        self.technician.play("uninstall", **PURGE)
        self._unchanged("uninstall", **PURGE)
        left = self._pupil.traces(ignore=FOREIGN)
        theirs = ("haidang", "victoria", "/opt/")
        left += [line for line in self._centre.traces(ignore=FOREIGN) if any(word in line for word in theirs)]
        say(f"left after the removal: {', '.join(left) or 'nothing'}")
        self.technician.faults += [f"left: {line}" for line in left]

    def _bare_first(self, book: str) -> None:
        if not self._quick:
            self.technician.play(book, "--check")

    def _unchanged(self, book: str, **variables: Any) -> None:
        if not self._quick:
            self.technician.play(book, expect="unchanged", **variables)

    def _alerts(self) -> list[str]:
        told = self._centre.run("amtool", "--alertmanager.url=http://127.0.0.1:9093", "alert", "query", "-o", "json")
        return sorted({alert["labels"]["alertname"] for alert in json.loads(told.stdout)})

    def _agents(self) -> dict[str, dict[str, Any]]:
        return {agent["agent"]: agent for agent in json.loads(self._haidang("agents", "list", "--json"))}

    def _refused(self) -> list[Any]:
        """How often the collector let somebody in no more, as Prometheus counted it."""
        return [row["value"][1] for row in self._query('haidang_ingest_requests_total{status="401"}')]

    def _haidang(self, *words: str) -> str:
        return self._centre.run("/usr/local/bin/haidang", *words).stdout

    def _query(self, expression: str, port: int = 9090) -> list[Any]:
        asked = f"http://127.0.0.1:{port}/api/v1/query?query={expression}"
        told = json.loads(self._centre.run("curl", "-sg", asked.replace(" ", "%20")).stdout)
        found: list[Any] = told["data"]["result"]
        return found

    def _expect(self, what: str, expression: str, port: int = 9090) -> None:
        eventually(what, lambda: self._query(expression, port), seconds=90)
        say(f"{what}: {self._query(expression, port)[0]['value'][1]}")

    def _expect_version(self, version: str) -> None:
        self._expect(f"{version} is heard at the centre", f'count(haidang_agent_info{{version="{version}"}})')


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="neither check mode nor second runs")
    options = parser.parse_args()
    with ExitStack() as stack:
        school = stack.enter_context(VirtualSchool(pcs=2))
        say("booting two Debians")
        centre = stack.enter_context(Debian("centre", school.centre, school.folder))
        pupil = stack.enter_context(Debian("pc1", school.pc(1), school.folder))
        for machine in (centre, pupil):
            machine.run("apt-get", "install", "-y", "-q", "python3-venv", "python3-apt")
        faults = Drill(school, centre, pupil, quick=options.quick).run()
    for fault in faults:
        say(f"NOT AS PROMISED: {fault}")
    return int(bool(faults))


def say(text: str) -> None:
    print(f"drill: {text}", file=sys.stderr, flush=True)


def _bundles(folder: Path) -> str:
    """One for each version, named by it. What others made is kept for the next drill; our own is made anew."""
    kept = CACHE / "wheels"
    kept.mkdir(parents=True, exist_ok=True)
    for version, changes in ((FIRST, {}), (NEXT, {}), (BROKEN, NEVER_RUNS)):
        say(f"making a bundle of {version}")
        wheelhouse = folder / version / "wheelhouse"
        wheelhouse.mkdir(parents=True)
        own = build(version, wheelhouse, changes)
        if version == FIRST:
            fetch_what_it_needs(own, EXTRAS, kept)
        for wheel in kept.glob("*.whl"):
            if not wheel.name.startswith("haidang-"):
                shutil.copy2(wheel, wheelhouse)
        pack(folder / version, folder / f"bundle-{version}.tar.gz", None)
    return f"{folder}/bundle-{{{{ release_version }}}}.tar.gz"


if __name__ == "__main__":
    sys.exit(main())
