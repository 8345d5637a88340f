"""The offline bundle on a Debian that was just booted: install, first metric at the centre, upgrade, uninstall.

    python -m scripts.drill.packages dist/haidang-agent-0.1.0-linux-x86_64.tar.gz

The Debian is a PC of the virtual school, the collector speaks TLS with a CA of its own, and a real Prometheus stores.
Needs root, and what `scripts/drill/debian.py` needs. Exit status: 0 all as promised, 1 something is not.
"""

from __future__ import annotations

import argparse
import json
import socket
import sys
import tarfile
import tempfile
import time
import zipfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from scripts.bundle import SUMS, pack
from scripts.drill.debian import Debian
from tests.lab import VirtualSchool
from tests.lab.ca import CertificateAuthority
from tests.servers import get
from tests.waiting import eventually

if TYPE_CHECKING:
    from tests.lab import Node

UNIT = "TH-001"
PORT, STORE_PORT = 8443, 9090
FIRST_METRIC_SECONDS = 120
"""The promise."""
ACCOUNTS = ("/etc/passwd", "/etc/group", "/etc/shadow", "/etc/gshadow")
UNITS_CSV = f"code,name,district,level\n{UNIT},Trường Tiểu học Sao Mai,Quận 1,primary\n"
HAIDANG = str(Path(sys.executable).with_name("haidang"))


class Centre:
    """Collector and Prometheus in the centre's node; all of it in one folder."""

    def __init__(self, school: VirtualSchool) -> None:
        self._node: Node = school.centre
        self._folder = school.folder
        self._address = school.centre_address
        self.url = f"https://{self._address}:{PORT}"
        self.ca = CertificateAuthority(school.folder)

    def start(self) -> None:
        certificate, key = self.ca.issue(self._address)
        units = self._folder / "units.csv"
        units.write_text(UNITS_CSV, encoding="utf-8")
        self.haidang("units", "import", str(units))
        settings = self._folder / "prometheus.yml"
        settings.write_text("storage:\n  tsdb:\n    out_of_order_time_window: 31d\n", encoding="ascii")
        store = [
            f"--config.file={settings}", f"--storage.tsdb.path={self._folder / 'tsdb'}",
            f"--web.listen-address=127.0.0.1:{STORE_PORT}", "--web.enable-remote-write-receiver",
        ]  # fmt: skip
        log = (self._folder / "centre.log").open("wb")
        self._node.start("prometheus", *store, stdout=log, stderr=log)
        serve = ["--listen", f"{self._address}:{PORT}", "--tls-cert", str(certificate), "--tls-key", str(key)]
        self._node.start(HAIDANG, "serve", *serve, "--data", str(self._folder), stdout=log, stderr=log)
        log.close()
        eventually("the store is ready", lambda: self.query("vector(1)"), seconds=60)
        eventually("the collector listens", self._listens, seconds=60)

    def _listens(self) -> bool:
        with self._node.inside(), socket.create_connection((self._address, PORT), timeout=5):
            return True

    def haidang(self, *words: str) -> str:
        """Standard output of a command on the centre's registry."""
        return self._node.run(HAIDANG, *words, "--data", str(self._folder), check=True, timeout=60).stdout

    def query(self, expression: str) -> list[dict[str, Any]]:
        with self._node.inside():
            answer = json.loads(get(f"http://127.0.0.1:{STORE_PORT}/api/v1/query?query={expression}"))
        found: list[dict[str, Any]] = answer["data"]["result"]
        return found

    def version(self) -> str:
        """That the agent reports now; empty before it does."""
        return next((row["metric"]["version"] for row in self.query("haidang_agent_info")), "")


def main() -> int:
    options = _options()
    with ExitStack() as stack:
        school = stack.enter_context(VirtualSchool(pcs=1))
        centre = Centre(school)
        centre.start()
        _say("booting a Debian")
        machine = stack.enter_context(Debian("pc1", school.pc(1), school.folder))
        machine.copy(centre.ca.certificate, "/root")
        accounts = _accounts(machine)
        faults = _install(machine, centre, options.bundle, options.signer)
        if centre.version():
            faults += _upgrade(machine, centre, _newer(options.bundle, school.folder))
            faults += _uninstall(machine, accounts)
    for fault in faults:
        _say(f"NOT AS PROMISED: {fault}")
    return int(bool(faults))


def _install(machine: Debian, centre: Centre, bundle: Path, signer: Path | None) -> list[str]:
    token = json.loads(centre.haidang("tokens", "create", UNIT, "--json"))["token"]
    packed = machine.copy(bundle, "/root")
    began = time.monotonic()
    machine.run("tar", "-xzf", packed, "-C", "/root")
    script = packed.removesuffix(".tar.gz") + "/install.sh"
    words = ["--server", centre.url, "--ca", "/root/ca.pem", "--token-file", "-"]
    if signer is not None:
        words += ["--signer", machine.copy(signer, "/root")]
    done = machine.run(script, *words, feed=f"{token}\n", check=False)
    _say(f"install.sh ended with {done.returncode} after {time.monotonic() - began:.1f} s:\n{done.stderr}{done.stdout}")
    if not (machine.root / "opt/haidang/current").exists():
        return ["nothing was installed"]
    eventually("the first metric is at the centre", centre.version, seconds=FIRST_METRIC_SECONDS)
    took = time.monotonic() - began
    _say(f"from install.sh to the first metric at the centre: {took:.1f} s")
    faults = [f"{took:.0f} s to the first metric"] if took > FIRST_METRIC_SECONDS else []
    if done.returncode:
        faults.append("doctor found something to mend right after the installation")
    return faults + _sandbox(machine, centre)


def _sandbox(machine: Debian, centre: Centre) -> list[str]:
    """What the service cannot measure although root can."""
    free = _probes(machine.run("haidang-agent", "once").stdout)
    eventually("every probe has reported", lambda: len(centre.query("haidang_probe_success")) >= len(free), seconds=120)
    rows = centre.query("haidang_probe_success")
    kept = {row["metric"]["probe"]: float(row["value"][1]) for row in rows}
    _say(
        f"probes that measure: {sum(kept.values()):.0f} of {len(kept)} as the service, {sum(free.values()):.0f} as root"
    )
    return [f"{probe} measures as root, not as the service" for probe in free if free[probe] > kept.get(probe, 0)]


def _probes(exposition: str) -> dict[str, float]:
    lines = [line for line in exposition.splitlines() if line.startswith("haidang_probe_success{")]
    return {line.split('"')[1]: float(line.rpartition(" ")[2]) for line in lines}


def _upgrade(machine: Debian, centre: Centre, bundle: Path) -> list[str]:
    packed = machine.copy(bundle, "/root")
    began = time.monotonic()
    machine.run("rm", "-f", "/etc/haidang/signer.pem")  # the newer one is made here, and not signed
    done = machine.run("/opt/haidang/install.sh", "--offline", packed, check=False)
    _say(f"upgrade: install.sh ended with {done.returncode} after {time.monotonic() - began:.1f} s")
    wanted = bundle.name.split("-")[2]
    eventually(f"{wanted} reports", lambda: centre.version() == wanted, seconds=60)
    return [f"the upgrade ended with {done.returncode}:\n{done.stderr}{done.stdout}"] if done.returncode else []


def _newer(bundle: Path, folder: Path) -> Path:
    """The same bundle with the next version in it."""
    with tempfile.TemporaryDirectory(dir=folder) as work:
        with tarfile.open(bundle) as packed:
            packed.extractall(work, filter="data")
        (draft,) = Path(work).iterdir()
        for old in draft.glob(f"{SUMS}*"):
            old.unlink()
        wheel = next((draft / "wheelhouse").glob("haidang-*.whl"))
        version = wheel.name.split("-")[1]
        newer = f"{version}.post1"
        _rename(wheel, version, newer)
        return pack(draft, folder / bundle.name.replace(version, newer), None)


def _rename(wheel: Path, version: str, newer: str) -> None:
    """A wheel of another version: in its name, its metadata and what the program says."""
    target = wheel.with_name(wheel.name.replace(version, newer))
    with zipfile.ZipFile(wheel) as before, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as after:
        for entry in before.infolist():
            content = before.read(entry)
            if entry.filename.endswith("dist-info/METADATA"):
                content = content.replace(f"Version: {version}\n".encode(), f"Version: {newer}\n".encode())
            if entry.filename == "haidang_agent/__init__.py":
                content = content.replace(f'"{version}"'.encode(), f'"{newer}"'.encode())
            if entry.filename.endswith("dist-info/RECORD"):
                lines = content.decode().replace(f"haidang-{version}.", f"haidang-{newer}.").splitlines()
                content = "".join(f"{line.split(',')[0]},,\n" for line in lines).encode()
            after.writestr(entry.filename.replace(f"haidang-{version}.", f"haidang-{newer}."), content)
    wheel.unlink()


def _uninstall(machine: Debian, accounts: list[str]) -> list[str]:
    machine.run("/opt/haidang/uninstall.sh", "--purge")
    left = machine.traces(ignore=("/root", *ACCOUNTS))
    now = zip(ACCOUNTS, accounts, _accounts(machine), strict=True)
    left += [f"~ {path}" for path, before, after in now if before != after]
    _say(f"left after uninstall.sh --purge: {', '.join(left) or 'nothing'}")
    return [f"left: {line}" for line in left]


def _accounts(machine: Debian) -> list[str]:
    """Written anew by any change of users: what they say counts, not when they were written."""
    return [machine.run("cat", path).stdout for path in ACCOUNTS]


def _say(text: str) -> None:
    print(f"drill: {text}", file=sys.stderr, flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle", type=Path, help="a bundle of the agent for Linux, from scripts/bundle.py")
    parser.add_argument("--signer", type=Path, metavar="FILE", help="the certificate that it is signed with")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
