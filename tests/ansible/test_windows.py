"""The playbooks for Windows, played: the collection ansible.windows is stood in for, and a PC is a folder."""

from __future__ import annotations

import json
import shutil
import sys
import time
import tomllib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.ansible.playing import ANSIBLE, BIN, run

if TYPE_CHECKING:
    from collections.abc import Iterator

FIRST, NEXT, BROKEN = "0.1.0", "0.1.1", "0.1.2"
HOSTS = ("pc1", "pc2")
MODULES = ("command", "copy", "file", "package", "powershell", "stat", "template")
PACKAGING = ANSIBLE.parent / "packaging/windows"
FAILED = 2
UNTIL_SILENT = 5
"""Seconds."""
PIN = f"sha256:{'ab' * 32}"
PYTHON = """#!/bin/sh
# A release's python.exe, called with: -I -X utf8 -m haidang_agent WORDS ...
shift 5
echo "{version} $*" >> {log}
case "$1" in
  status) echo '{{"status": [{{"what": "agent", "of": "", "value": "a-1"}}, {{"what": "pushes answered", "of": "{answer}", "value": 3}}]}}' ;;
  check-config) exec {python} -m haidang_agent "$@" ;;
esac
"""  # noqa: E501


class Prometheus(ThreadingHTTPServer):
    """Hears every agent. `silent` of them fall silent then, and it takes UNTIL_SILENT to tell."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Asked)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.silent = 0
        self.heard_at = time.monotonic()

    def value(self, query: str) -> int:
        if "haidang_silence" in query:
            return self.silent if time.monotonic() - self.heard_at >= UNTIL_SILENT else 0
        self.heard_at = time.monotonic()
        return 1


class Asked(BaseHTTPRequestHandler):
    server: Prometheus

    def do_POST(self) -> None:
        query = self.rfile.read(int(self.headers["Content-Length"])).decode("ascii")
        told = json.dumps({"data": {"result": [{"value": [0, str(self.server.value(query))]}]}}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(told)))
        self.end_headers()
        self.wfile.write(told)

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""


@pytest.fixture
def prometheus() -> Iterator[Prometheus]:
    with Prometheus() as server:
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        yield server
        server.shutdown()


class School:
    """Two PCs on which FIRST is installed and enrolled; wheels of NEXT and BROKEN are unpacked."""

    def __init__(self, folder: Path, prometheus: Prometheus) -> None:
        self._folder = folder
        for host in HOSTS:
            data = folder / host / "data"
            data.mkdir(parents=True)
            (data / "credentials.json").touch()
            for version in (FIRST, NEXT, BROKEN):
                self._release(host, version)
            (folder / host / "in-use.json").write_text(json.dumps({"current": FIRST, "previous": ""}))
            shutil.copy2(PACKAGING / "releases.py", folder / host)
        actions = folder / "collections/ansible_collections/ansible/windows/plugins/action"
        actions.mkdir(parents=True)
        for name in MODULES:
            shutil.copy2(Path(__file__).with_name("windows_actions.py"), actions / f"win_{name}.py")
        system32 = folder / "System32"
        system32.mkdir()
        self._script(system32 / "schtasks.exe", "#!/bin/sh\n")
        (folder / "ca.pem").write_text("a certificate\n", encoding="ascii")
        groups = {"agents": HOSTS, "victoriametrics": ("localhost",)}
        inventory = {group: {"hosts": dict.fromkeys(hosts)} for group, hosts in groups.items()}
        (folder / "hosts.yml").write_text(yaml.safe_dump(inventory))
        place = f"{folder}/{{{{ inventory_hostname }}}}"
        self._given = {
            "ansible_connection": "local", "ansible_become": False, "ansible_python_interpreter": sys.executable,
            "agent_system": "windows", "agent_windows_root": place, "agent_windows_data": f"{place}/data",
            "agent_windows_config": f"{place}/data/agent.toml", "agent_windows_python": "present",
            "agent_windows_python_program": sys.executable, "agent_ca_file": str(folder / "ca.pem"),
            "agent_server_url": "https://collector.example", "agent_verify_seconds": 3,
            "agent_prometheus_url": prometheus.url, "upgrade_watch_seconds": 0,
        }  # fmt: skip

    def play(self, *books: str, options: tuple[str, ...] = (), ends: int = 0, **variables: Any) -> str:
        given = self._folder / "given.json"
        given.write_text(json.dumps(self._given | variables), encoding="utf-8")
        paths = [ANSIBLE / "playbooks" / f"{book}.yml" for book in books]
        words = ("--inventory", str(self._folder / "hosts.yml"), "--extra-vars", f"@{given}", *options, *paths)
        return run(
            BIN / "ansible-playbook",
            *words,
            folder=self._folder,
            ends=ends,
            ANSIBLE_COLLECTIONS_PATH=str(self._folder / "collections"),
            ANSIBLE_GATHERING="explicit",
            SYSTEMROOT=str(self._folder),
        )

    def in_use(self, host: str) -> tuple[str, str]:
        told = json.loads((self._folder / host / "in-use.json").read_text(encoding="utf-8"))
        return told["current"], told["previous"]

    def releases(self, host: str) -> set[str]:
        return {path.name for path in (self._folder / host / "releases").iterdir()}

    def told(self, host: str) -> list[str]:
        """What the agents of this PC were asked to do, each by its version."""
        log = self._folder / host / "log"
        return log.read_text(encoding="utf-8").splitlines() if log.exists() else []

    def _release(self, host: str, version: str) -> None:
        root = self._folder / host / "releases" / version
        shutil.copytree(PACKAGING, root / "Lib/site-packages/haidang_agent/packaging/windows")
        (root / "Scripts").mkdir()
        (root / "Scripts/pip.exe").touch()
        (root / ".whole").touch()
        answer = "503" if version == BROKEN else "204"
        log = self._folder / host / "log"
        text = PYTHON.format(version=version, log=log, answer=answer, python=sys.executable)
        self._script(root / "Scripts/python.exe", text)

    @staticmethod
    def _script(path: Path, text: str) -> None:
        path.write_text(text, encoding="ascii")
        path.chmod(0o755)


@pytest.mark.timeout(300)
def test_upgraded_and_taken_back(tmp_path: Path, prometheus: Prometheus) -> None:
    school = School(tmp_path, prometheus)

    school.play("upgrade", "rollback", release_version=NEXT)

    for host in HOSTS:
        assert school.in_use(host) == (FIRST, NEXT)
        assert school.releases(host) == {FIRST, NEXT}, "what is neither in use nor the way back is gone"
        deeds = [line for line in school.told(host) if "status" not in line]
        assert deeds == [
            f"{NEXT} service install",
            f"{NEXT} check-config --config {tmp_path}/{host}/data/agent.toml",
            f"{NEXT} service start",
            f"{FIRST} service install",
            f"{FIRST} service start",
        ]
        assert (tmp_path / host / "data/ca.pem").read_text(encoding="ascii") == "a certificate\n"


@pytest.mark.timeout(300)
def test_a_version_that_does_not_work_goes_no_further_than_the_first_machine(
    tmp_path: Path, prometheus: Prometheus
) -> None:
    school = School(tmp_path, prometheus)

    said = school.play("upgrade", ends=FAILED, release_version=BROKEN)

    assert f"{BROKEN} does not work on pc1, which is at its version before" in said
    assert school.in_use("pc1") == (FIRST, NEXT)
    assert school.releases("pc1") == {FIRST, NEXT}
    assert school.told("pc1")[-2:] == [f"{FIRST} service install", f"{FIRST} service start"]
    assert (school.in_use("pc2"), school.told("pc2")) == ((FIRST, ""), [])


@pytest.mark.timeout(300)
def test_agents_that_fall_silent_after_their_upgrade_end_it(tmp_path: Path, prometheus: Prometheus) -> None:
    """
    Each batch is watched before its silent agents are counted.
    """
    school = School(tmp_path, prometheus)
    prometheus.silent = 1

    said = school.play("upgrade", ends=FAILED, release_version=NEXT, upgrade_watch_seconds=UNTIL_SILENT + 1)

    assert f"1 agents of version {NEXT} are silent" in said
    assert school.in_use("pc1") == (NEXT, FIRST)
    assert (school.in_use("pc2"), school.told("pc2")) == ((FIRST, ""), [])


@pytest.mark.timeout(300)
def test_the_way_to_the_centre_is_what_variables_and_the_vault_tell(tmp_path: Path, prometheus: Prometheus) -> None:
    """
    PC 1 is the relay of PC 2. The key of the certificate that both show is nowhere to be read but where it belongs.
    """
    school = School(tmp_path, prometheus)
    key = "-----BEGIN PRIVATE KEY-----\nof the school\n-----END PRIVATE KEY-----\n"
    password, vault = tmp_path / "vault-password", tmp_path / "group_vars/agents/vault.yml"
    vault.parent.mkdir(parents=True)
    password.write_text("a long password\n", encoding="ascii")
    vault.write_text(yaml.safe_dump({"agent_client_key": key}), encoding="ascii")
    (tmp_path / "school.pem").write_text("a certificate to show\n", encoding="ascii")
    unlocked = ("--vault-password-file", str(password))
    run(BIN / "ansible-vault", "encrypt", *unlocked, vault, folder=tmp_path)

    said = school.play(
        "agents",
        options=(*unlocked, "-vvv"),
        release_version=FIRST,
        agent_client_cert=str(tmp_path / "school.pem"),
        agent_relay_listen="{{ '192.168.1.10:9196' if inventory_hostname == 'pc1' else '' }}",
        agent_relay="{{ 'http://192.168.1.10:9196' if inventory_hostname == 'pc2' else '' }}",
        agent_settings={"server": {"pins": [PIN]}, "agent": {"push_interval": "10s"}},
    )

    told = [tomllib.loads((tmp_path / host / "data/agent.toml").read_text(encoding="utf-8")) for host in HOSTS]
    for host, tables in zip(HOSTS, told, strict=True):
        data = f"{tmp_path}/{host}/data"
        assert tables["server"].pop("client_cert").replace("\\", "/") == f"{data}/client.pem"
        assert tables["server"].pop("client_key").replace("\\", "/") == f"{data}/client.key"
        assert tables["server"].pop("ca").replace("\\", "/") == f"{data}/ca.pem"
        assert (tmp_path / host / "data/client.pem").read_text(encoding="ascii") == "a certificate to show\n"
        assert (tmp_path / host / "data/client.key").read_text(encoding="ascii") == key
    common = {"url": "https://collector.example", "pins": [PIN]}
    agent = {"roles": ["host"], "push_interval": "10s"}
    assert told == [
        {"server": common, "agent": agent, "relay": {"listen": "192.168.1.10:9196"}},
        {"server": common | {"relay": "http://192.168.1.10:9196"}, "agent": agent},
    ]
    assert vault.read_text(encoding="ascii").startswith("$ANSIBLE_VAULT;")
    assert "of the school" not in said
