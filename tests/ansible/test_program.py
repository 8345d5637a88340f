"""Programs from their makers' archives: installed, replaced and removed on this machine, with overlays."""

from __future__ import annotations

import hashlib
import tarfile
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.ansible.playing import ANSIBLE, BIN
from tests.packaging.sealed import Sealed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PROGRAM = "/opt/haidang-programs/lamp-{version}/bin/lamp"
COMMAND = "/usr/local/bin/lamp"


class Maker:
    """Publishes versions of a program called lamp in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()

    def publish(self, version: str, *, listed: str = "") -> None:
        """`listed` stands in the list in the place of the archive's SHA-256."""
        program = self.folder / "lamp"
        program.write_text(f"#!/bin/sh\necho {version}\n", encoding="ascii")
        program.chmod(0o755)
        archive = self.folder / f"lamp-{version}.tar.gz"
        with tarfile.open(archive, "w:gz") as packed:
            packed.add(self.folder, f"lamp-{version}", recursive=False)
            packed.add(program, f"lamp-{version}/lamp")
        found = listed or hashlib.sha256(archive.read_bytes()).hexdigest()
        with (self.folder / "sums.txt").open("a", encoding="ascii") as sums:
            sums.write(f"{found}  {archive.name}\n")


class Host:
    """This machine, which Ansible installs the lamp on."""

    def __init__(self, machine: Sealed, folder: Path, maker: Maker) -> None:
        self._machine = machine
        self._folder = folder
        self._maker = maker

    def play(self, *steps: str, version: str, ends: int = 0, releases: str = "") -> str:
        given = {
            "ansible_connection": "local", "ansible_python_interpreter": "/usr/bin/python3", "program_name": "lamp",
            "program_version": version, "program_releases": releases or str(self._maker.folder),
            "program_archive": f"lamp-{version}.tar.gz", "program_sums": "sums.txt",
            "program_commands": {"lamp": "lamp"}, "program_handler": "Restart the lamp",
        }  # fmt: skip
        restart = {"name": "Restart the lamp", "ansible.builtin.debug": {"msg": "THE LAMP IS RESTARTED"}}
        uses: list[dict[str, Any]] = [
            {"ansible.builtin.include_role": {"name": "program", "tasks_from": step}} for step in steps
        ]
        play = [{"hosts": "localhost", "tasks": uses, "vars": given, "handlers": [restart]}]
        (self._folder / "play.yml").write_text(yaml.safe_dump(play), encoding="ascii")
        environment = (f"ANSIBLE_CONFIG={ANSIBLE / 'ansible.cfg'}", f"ANSIBLE_HOME={self._folder / 'ansible'}")
        command = (str(BIN / "ansible-playbook"), "--inventory", "localhost,", str(self._folder / "play.yml"))
        done = self._machine.run("env", *environment, *command)
        assert done.returncode == ends, done.stdout + done.stderr
        return done.stdout

    def lay(self, command: str, *, as_link: bool) -> None:
        """In the lamp's place, or where a link there points to."""
        place = self._machine.root / COMMAND.lstrip("/")
        file = place.with_name("other-lamp") if as_link else place
        file.write_text(command, encoding="ascii")
        file.chmod(0o755)
        if as_link:
            place.symlink_to("/usr/local/bin/other-lamp")

    def says(self) -> str:
        return self._machine.run(COMMAND).stdout.strip()

    def changes(self) -> set[str]:
        return {path for path in self._machine.changes() if "lamp" in path or "haidang-programs" in path}


@pytest.fixture
def maker(tmp_path: Path) -> Maker:
    return Maker(tmp_path / "maker")


@pytest.fixture
def host(tmp_path: Path, maker: Maker) -> Iterator[Host]:
    with Sealed(tmp_path) as machine:
        yield Host(machine, tmp_path, maker)


@pytest.mark.timeout(300)
def test_a_newer_version_replaces_the_older_and_a_removal_leaves_nothing(host: Host, maker: Maker) -> None:
    maker.publish("1")
    maker.publish("2")

    first = host.play("check", "main", "prune", version="1", releases=f"file://{maker.folder}")
    assert (host.says(), "THE LAMP IS RESTARTED" in first) == ("1", True)
    again = host.play("check", "main", "prune", version="1")
    assert ("changed=0" in again, "THE LAMP IS RESTARTED" in again) == (True, False)
    host.play("check", "main", "prune", version="2")
    assert host.says() == "2"
    assert {path for path in host.changes() if path.endswith("/lamp")} == {COMMAND, PROGRAM.format(version="2")}
    host.play("uninstall", version="2")

    assert host.changes() == set()


@pytest.mark.timeout(300)
@pytest.mark.parametrize("scheme", ["", "file://"])
def test_an_archive_that_is_not_the_one_in_the_list_is_not_taken(host: Host, maker: Maker, scheme: str) -> None:
    maker.publish("1")
    maker.publish("2", listed="0" * 64)
    host.play("check", "main", version="1")
    before = host.changes()

    said = host.play("check", "main", version="2", ends=2, releases=f"{scheme}{maker.folder}")

    assert "0" * 64 in said
    assert (host.says(), host.changes()) == ("1", before)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("as_link", [False, True])
def test_what_the_role_did_not_make_is_neither_replaced_nor_removed(host: Host, maker: Maker, as_link: bool) -> None:
    maker.publish("1")
    host.lay("#!/bin/sh\necho another\n", as_link=as_link)
    before = host.changes()

    said = host.play("check", "main", version="1", ends=2)
    host.play("uninstall", version="1")

    assert f"in its way: {COMMAND}" in " ".join(said.split())
    assert (host.says(), host.changes()) == ("another", before)


@pytest.mark.timeout(300)
def test_nothing_is_fetched_by_plain_http(host: Host) -> None:
    """
    Who stands between would send the list as well.
    """
    said = host.play("check", "main", version="1", ends=2, releases="http://127.0.0.1:9")

    assert "not fetched by plain http" in " ".join(said.split())
    assert host.changes() == set()
