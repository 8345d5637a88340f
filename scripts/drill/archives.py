"""The store and Alertmanager from their makers' archives, as on systems without packages of them, on a booted Debian.

    python -m scripts.drill.archives --programs DIR

The archives are packed here, from the programs in DIR (prometheus, promtool, alertmanager, amtool, victoria-metrics,
vmalert 1.91 or newer, vmbackup, vmrestore) and under the makers' names; without DIR those of Debian 12 are taken, and
VictoriaMetrics is left out, for Debian's vmalert is too old. Tried: check mode on the bare machine, installation, a
second run that changes nothing, another version, an archive that is not the one in the list, removal without a trace.
Needs root and what `scripts/drill/debian.py` needs. Exit status: 0 all as promised, 1 something is not.
"""

from __future__ import annotations

import argparse
import hashlib
import shutil
import sys
import tarfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).parents[2]))

import yaml

from scripts.drill.centre import Centre
from scripts.drill.debian import Debian
from scripts.drill.leavings import accounts, unexplained
from scripts.drill.technician import Technician, say
from tests.lab.school import VirtualSchool
from tests.waiting import eventually

DEBIAN = {
    "prometheus": "/usr/bin/prometheus", "promtool": "/usr/bin/promtool",
    "alertmanager": "/usr/bin/prometheus-alertmanager", "amtool": "/usr/bin/amtool",
}  # fmt: skip


class Archive(NamedTuple):
    """As its makers publish it: its name, the folder in it, the list's name, and by command the files in it."""

    name: str
    folder: str
    sums: str
    files: dict[str, str]


ARCHIVES = (
    Archive(
        "prometheus-{version}.linux-amd64", "{name}/", "sha256sums.txt",
        {"prometheus": "prometheus", "promtool": "promtool"},
    ),
    Archive(
        "alertmanager-{version}.linux-amd64", "{name}/", "sha256sums.txt",
        {"alertmanager": "alertmanager", "amtool": "amtool"},
    ),
    Archive(
        "victoria-metrics-linux-amd64-v{version}", "", "{name}_checksums.txt",
        {"victoria-metrics": "victoria-metrics-prod"},
    ),
    Archive(
        "vmutils-linux-amd64-v{version}", "", "{name}_checksums.txt",
        {"vmalert": "vmalert-prod", "vmbackup": "vmbackup-prod", "vmrestore": "vmrestore-prod"},
    ),
)  # fmt: skip
FIRST, NEXT, FORGED = "1.0.0", "1.0.1", "1.0.2"
ROLES = {
    "prometheus": ("prometheus", "prometheus"),
    "alertmanager": ("prometheus-alertmanager", "alertmanager"),
    "victoriametrics": ("victoria-metrics", "victoria-metrics"),
}
"""Their services, and the commands that those run."""
FOREIGN = ("/root/.ssh", "/root/.cache", "/home", "/srv/drill")


def publish(folder: Path, version: str, programs: dict[str, Path]) -> None:
    """Archives and lists as the makers publish them; what is not among the programs is left out."""
    folder.mkdir()
    for archive in ARCHIVES:
        if not programs.keys() >= archive.files.keys():
            continue
        name = archive.name.format(version=version)
        target = folder / f"{name}.tar.gz"
        with tarfile.open(target, "w:gz", compresslevel=1) as packed:
            for command, file in archive.files.items():
                packed.add(programs[command], f"{archive.folder.format(name=name)}{file}")
        with (folder / archive.sums.format(name=name)).open("a", encoding="ascii") as listed:
            listed.write(f"{hashlib.sha256(target.read_bytes()).hexdigest()}  {target.name}\n")


class Drill:
    """One machine of the centre, and what is asked of it in turn."""

    def __init__(self, school: VirtualSchool, machine: Debian, roles: list[str]) -> None:
        self._folder = school.folder / "archives"
        self._roles = roles
        self._centre = Centre(machine)
        self._machine = machine
        self._accounts = accounts(machine)
        sources: dict[str, Any] = {f"{role}_source": "archive" for role in roles}
        sources["victoriametrics_vmalert"] = "/usr/local/bin/vmalert"  # beside Prometheus nobody would evaluate there
        self.technician = Technician(school.pc(2), school.folder, sources | self._version(FIRST))
        hosts = {"centre": {"ansible_host": school.centre_address, "ansible_user": "root"}}
        groups = {role: {"hosts": {"centre": None}} for role in roles}
        inventory = {"all": {"hosts": hosts, "children": groups}}
        self.technician.inventory.write_text(yaml.safe_dump(inventory), encoding="utf-8")
        self.technician.may_enter(machine)

    def _version(self, version: str) -> dict[str, str]:
        places = {f"{role}_releases": str(self._folder / version) for role in self._roles}
        return places | {f"{role}_version": version for role in self._roles}

    def run(self, programs: dict[str, Path]) -> list[str]:
        play = self.technician.play
        purge: dict[str, Any] = {f"{role}_purge": True for role in self._roles}
        self._folder.mkdir()
        for version in (FIRST, NEXT, FORGED):
            publish(self._folder / version, version, programs)
        play("centre", "--check")
        play("centre")
        self._works(FIRST)
        play("centre", expect="unchanged")
        play("centre", **self._version(NEXT))
        self._works(NEXT)
        for archive in (self._folder / FORGED).glob("*.tar.gz"):
            archive.write_bytes(archive.read_bytes() + b"\0")
        play("centre", expect="failed", **self._version(FORGED))
        self._works(NEXT)
        play("uninstall", **purge)
        play("uninstall", expect="unchanged", **purge)
        left = unexplained(self._machine, self._accounts, FOREIGN)
        say(f"left after the removal: {', '.join(left) or 'nothing'}")
        return self.technician.faults + [f"left: {line}" for line in left]

    def _works(self, version: str) -> None:
        centre = self._centre
        for role in self._roles:
            service, command = ROLES[role]
            number = self._machine.run("systemctl", "show", "--property=MainPID", "--value", service).stdout
            runs = self._machine.run("readlink", f"/proc/{number.strip()}/exe").stdout.strip()
            (file,) = [archive.files[command] for archive in ARCHIVES if command in archive.files]
            wanted = f"/opt/haidang-programs/{command}-{version}/bin/{file}"
            self.technician.must(f"{runs} is what runs", runs == wanted)
        centre.expect("rules are loaded", "count(ALERTS{alertname='Watchdog'})")
        eventually("Alertmanager has the Watchdog", lambda: "Watchdog" in centre.alerts(), seconds=90)
        if "victoriametrics" in self._roles:
            centre.expect("vmalert writes to VictoriaMetrics", "count(ALERTS{alertname='Watchdog'})", port=8428)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--programs", type=Path, metavar="DIR", help="the programs (default: Debian 12's)")
    folder: Path | None = parser.parse_args().programs
    programs = {name: Path(path) for name, path in DEBIAN.items()}
    roles = ["prometheus", "alertmanager"]
    if folder:
        programs = {command: folder / command for archive in ARCHIVES for command in archive.files}
        roles.append("victoriametrics")
    else:
        say("without VictoriaMetrics: Debian's vmalert is too old for the rules")
    if missing := [str(path) for path in programs.values() if not shutil.which(path)]:
        parser.error(f"no program: {', '.join(missing)}")
    with ExitStack() as stack:
        school = stack.enter_context(VirtualSchool(pcs=2))
        say("booting a Debian")
        machine = stack.enter_context(Debian("centre", school.centre, school.folder))
        machine.run("apt-get", "install", "-y", "-q", "python3", "python3-apt")
        faults = Drill(school, machine, roles).run(programs)
    for fault in faults:
        say(f"NOT AS PROMISED: {fault}")
    return int(bool(faults))


if __name__ == "__main__":
    sys.exit(main())
