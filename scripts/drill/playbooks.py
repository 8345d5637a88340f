"""The playbooks on two Debians that were just booted: a centre, and a school's computer behind the school's router.

    python -m scripts.drill.playbooks

Tried: check mode on the bare machines, installation, a second run that changes nothing, enrolment and reporting by TLS,
a router's right given and taken; the centre upgraded, backed up and rolled back, also from tables that the version
before cannot read; agents upgraded by the rolling playbook, a broken version that goes back by itself, rollback, new
keys and certificates; removal without a trace. VictoriaMetrics is there beside Prometheus, and a stand-in for Grafana.
Ansible runs on another computer of the school, by SSH, without Internet.
Needs root and what `scripts/drill/debian.py` needs. Exit status: 0 all as promised, 1 something is not.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

import yaml

from scripts.bundle import pack
from scripts.drill.centre import Centre
from scripts.drill.debian import CACHE, Debian
from scripts.drill.grafana import repository
from scripts.drill.leavings import accounts, unexplained
from scripts.drill.technician import Technician, say
from scripts.drill.wheels import build, fetch_what_it_needs
from tests.lab.ca import CertificateAuthority
from tests.lab.school import VirtualSchool
from tests.waiting import eventually

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
UNITS = f"code,name,district,level\n{UNIT},Trường Tiểu học Sao Mai,Quận 1,primary\n"
CENTRE = ("collector", "prometheus", "alertmanager", "victoriametrics", "grafana")
PURGE: dict[str, Any] = {f"{role}_purge": True for role in CENTRE}
IDENTITY = "/var/lib/haidang/credentials.json"
RAW_FRAMES, NETWORK_SETTINGS = 1 << 13, 1 << 12
"""CAP_NET_RAW and CAP_NET_ADMIN in proc(5)'s CapEff; linux/capability.h."""
FOREIGN = ("/root/.ssh", "/root/.cache", "/home", "/srv/drill")
"""The drill's own."""


class Drill:
    """Centre and school, and what is asked of them in turn."""

    def __init__(self, school: VirtualSchool, centre: Debian, pupil: Debian, *, quick: bool) -> None:
        self._quick = quick
        self._school = school
        self._centre = Centre(centre)
        self._accounts = accounts(centre)
        self._pupil = pupil
        self._ca = CertificateAuthority(school.folder)
        certificate, key = self._ca.issue(school.centre_address)
        shown, its_key = self._ca.issue(school.pc_address(1))
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
                "agent_client_cert": str(shown),
                "agent_client_key": its_key.read_text(encoding="ascii"),
                "grafana_repository": "file:/srv/drill/grafana",
                "grafana_repository_key": "/srv/drill/grafana/key.asc",
                "grafana_admin_password": "drill-password",
                "grafana_collector": f"https://{school.centre_address}:{PORT}",
            },
        )
        for machine in (centre, pupil):
            self.technician.may_enter(machine)

    def run(self) -> list[str]:
        self._install_centre()
        self._install_agent()
        self._make_it_a_router()
        self._upgrade_centre()
        self._leave_newer_tables()
        self._upgrade()
        self._rotate()
        self._uninstall()
        return self.technician.faults

    def _install_centre(self) -> None:
        everywhere = {group: {"hosts": {"centre": None}} for group in CENTRE}
        place = {"ansible_host": self._school.centre_address}
        hosts = {"all": {"vars": {"ansible_user": "root"}, "hosts": {"centre": place}, "children": everywhere}}
        self.technician.inventory.write_text(yaml.safe_dump(hosts), encoding="utf-8")
        centre = self._centre
        self._bare_first("centre")
        self.technician.play("centre")
        self._unchanged("centre")
        centre.machine.write("/srv/drill/units.csv", UNITS)
        centre.haidang("units", "import", "/srv/drill/units.csv")
        centre.expect("rules are loaded", "count(ALERTS{alertname='Watchdog'})")
        centre.expect("the registry is asked", "count(school_unit_info)")
        centre.expect("VictoriaMetrics asks it too", "count(up{job='registry'} == 1)", port=8428)
        eventually("Alertmanager has the Watchdog", lambda: "Watchdog" in centre.alerts(), seconds=90)
        say(f"Alertmanager has: {', '.join(centre.alerts())}")
        given = centre.grafana()
        self.technician.must("Grafana's stand-in has its password", given["password"])
        self.technician.must(f"Grafana's stand-in can read {len(given['files'])} files", len(given["files"]) > 1)

    def _install_agent(self) -> None:
        address = self._school.pc_address(1)
        table = (
            "host,unit,address,roles,os,groups,ansible_user\n"
            f"centre,,{self._school.centre_address},,linux,{' '.join(CENTRE)},root\n"
            f"th-001-pc1,{UNIT},{address},site host,linux,,root\n"
        )
        self._centre.machine.write("/srv/drill/hosts.csv", table)
        told = self._centre.haidang("inventory", "--hosts", "/srv/drill/hosts.csv", "--yaml")
        self.technician.inventory.write_text(told, encoding="utf-8")
        self._bare_first("agents")
        began = time.monotonic()
        self.technician.play("agents")
        self._centre.expect_agent(FIRST)
        say(f"from the start of the playbook to the first metric at the centre: {time.monotonic() - began:.0f} s")
        self._unchanged("agents")
        whose = self._pupil.run("stat", "-c", "%A %U %G", "/etc/haidang/client.key").stdout.strip()
        self.technician.must(
            f"the agent alone reads its certificate's key ({whose})", whose == "-rw-r----- root haidang"
        )

    def _make_it_a_router(self) -> None:
        """And back: the right must be there, and gone."""
        for roles, wanted in ((["site", "host", "router"], True), (["site", "host"], False)):
            self.technician.play("agents", agent_roles=roles)
            rights = self._rights()
            told = f"as {' '.join(roles)} CapEff is {rights:x}"
            self.technician.must(told, rights == RAW_FRAMES | (NETWORK_SETTINGS if wanted else 0))

    def _rights(self) -> int:
        number = self._pupil.run("systemctl", "show", "--property=MainPID", "--value", "haidang-agent").stdout.strip()
        lines = self._pupil.run("cat", f"/proc/{number}/status").stdout.splitlines()
        return next(int(line.split()[1], 16) for line in lines if line.startswith("CapEff:"))

    def _upgrade_centre(self) -> None:
        play, centre = self.technician.play, self._centre
        centre.machine.run("systemctl", "start", "haidang-collector-backup.service")
        play("centre", release_version=NEXT)
        centre.expect_itself(NEXT)
        self._unchanged("centre", release_version=NEXT)
        play("rollback", "--tags", "collector")
        centre.expect_itself(FIRST)
        play("rollback", "--tags", "collector")
        centre.expect_itself(NEXT)
        made = centre.backups()
        kinds = [name.partition("Z")[2] for name in made]
        told = f"backed up by the service, before the upgrade and before each rollback: {', '.join(made)}"
        self.technician.must(told, kinds == [".gz", f"-from-{FIRST}.gz", f"-from-{NEXT}.gz", f"-from-{FIRST}.gz"])

    def _leave_newer_tables(self) -> None:
        centre = self._centre
        centre.give_it_newer_tables()
        said = " ".join(self.technician.play("rollback", "--tags", "collector", expect="failed").split())
        self.technician.must("it says what to do", f"registry-TIME-from-{FIRST}.gz, and run this again" in said)
        centre.expect_itself(NEXT)
        centre.restore(next(name for name in centre.backups() if FIRST in name))
        self.technician.play("rollback", "--tags", "collector")
        centre.expect_itself(FIRST)
        centre.expect_agent(FIRST)

    def _upgrade(self) -> None:
        play, centre = self.technician.play, self._centre
        play("upgrade", release_version=NEXT)
        centre.expect_agent(NEXT)
        self._unchanged("upgrade", release_version=NEXT, upgrade_watch_seconds=0)
        play("upgrade", expect="failed", release_version=BROKEN, agent_verify_seconds=15)
        centre.expect_agent(NEXT)
        play("rollback")
        centre.expect_agent(FIRST)
        links = self._pupil.run("ls", "/opt/haidang/releases").stdout.split()
        say(f"versions kept at the school: {', '.join(links)}")

    def _rotate(self) -> None:
        centre, must = self._centre, self.technician.must
        before, old, refused = centre.agents(), self._pupil.run("cat", IDENTITY).stdout, centre.refused()
        self.technician.play("rotate_identities")
        after = centre.agents()
        must("the agent is the same", before.keys() == after.keys())
        must("no new key is awaited", not any(agent["new_key_wanted"] for agent in after.values()))
        must("the agent's own key is a new one", self._pupil.run("cat", IDENTITY).stdout != old)
        must("the agent was let in all the time", centre.refused() == refused)
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
        left = self._pupil.traces(ignore=FOREIGN) + unexplained(self._centre.machine, self._accounts, FOREIGN)
        say(f"left after the removal: {', '.join(left) or 'nothing'}")
        self.technician.faults += [f"left: {line}" for line in left]

    def _bare_first(self, book: str) -> None:
        if not self._quick:
            self.technician.play(book, "--check")

    def _unchanged(self, book: str, **variables: Any) -> None:
        if not self._quick:
            self.technician.play(book, expect="unchanged", **variables)


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
        centre.copy(repository(school.folder / "grafana"), "/srv/drill")
        faults = Drill(school, centre, pupil, quick=options.quick).run()
    for fault in faults:
        say(f"NOT AS PROMISED: {fault}")
    return int(bool(faults))


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
