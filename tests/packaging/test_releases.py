"""Releases of a Windows PC, in a folder of this machine: python.exe of each is a script that notes its words."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.packaging.wheelhouse import ROOT

RELEASES = ROOT / "packaging/windows/releases.py"
OLD, NEW, NEWER = "0.1.0", "0.1.1", "0.1.2"
NOT_THERE = 2


class Computer:
    def __init__(self, folder: Path) -> None:
        self.root = folder / "Haidang"
        self._log = folder / "log"
        self._log.touch()
        self._schtasks = folder / "System32/schtasks.exe"
        self._schtasks.parent.mkdir()
        self.has_task(yes=True)

    def has_task(self, *, yes: bool) -> None:
        self._schtasks.write_text(f"#!/bin/sh\nexit {int(not yes)}\n", encoding="ascii")
        self._schtasks.chmod(0o755)

    def install(self, *versions: str, status: int = 0) -> None:
        for version in versions:
            scripts = self.root / "releases" / version / "Scripts"
            scripts.mkdir(parents=True, exist_ok=True)
            (scripts.parent / ".whole").touch()
            python = scripts / "python.exe"
            python.write_text(f'#!/bin/sh\nshift 5\necho "{version} $*" >> {self._log}\nexit {status}\n')
            python.chmod(0o755)

    def do(self, *words: str, ends: int = 0) -> dict[str, Any]:
        """What it printed; empty where it printed nothing."""
        done = subprocess.run(
            [sys.executable, "-I", RELEASES, self.root, *words],
            env={"SYSTEMROOT": str(self._schtasks.parents[1])},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == ends, done.stderr
        told: dict[str, Any] = json.loads(done.stdout or "{}")
        return told

    def told(self) -> list[str]:
        """What was asked of the agents since this was asked last."""
        lines = self._log.read_text(encoding="utf-8").splitlines()
        self._log.write_text("", encoding="ascii")
        return lines

    def there(self) -> set[str]:
        return {path.name for path in (self.root / "releases").iterdir()}


@pytest.fixture
def computer(tmp_path: Path) -> Computer:
    return Computer(tmp_path)


def test_taken_again_changes_nothing_unless_something_is_new(computer: Computer) -> None:
    computer.install(OLD)

    first = computer.do("take", OLD, "--server", "https://centre.example")
    assert first == {"changed": True, "current": OLD, "previous": ""}
    assert computer.told() == [f"{OLD} service install --server https://centre.example"]
    assert (computer.root / "releases.py").read_bytes() == RELEASES.read_bytes()
    assert (computer.root / "uninstall.ps1").is_file()

    assert computer.do("take", OLD) == {"changed": False, "current": OLD, "previous": ""}
    assert computer.told() == []
    assert computer.do("take", OLD, "--ca", "ca.pem")["changed"], "a new authority"
    computer.has_task(yes=False)
    assert computer.do("take", OLD)["changed"], "somebody deleted the task"


def test_there_and_back(computer: Computer) -> None:
    computer.install(OLD, NEW, NEWER)
    computer.do("take", OLD)

    assert computer.do("take", NEW) == {"changed": True, "current": NEW, "previous": OLD}
    assert computer.do("back") == {"changed": True, "current": OLD, "previous": NEW}
    assert computer.told()[-2:] == [f"{OLD} service install", f"{OLD} service start"]
    assert (
        str(computer.root / f"releases/{OLD}/Scripts/python.exe") in (computer.root / "haidang-agent.cmd").read_text()
    )
    assert computer.do("prune")["changed"]
    assert computer.there() == {OLD, NEW}
    assert not computer.do("prune")["changed"]


def test_given_up_for_the_one_before(computer: Computer) -> None:
    computer.install(OLD, NEW, NEWER)
    for version in (OLD, NEW, NEWER):
        computer.do("take", version)

    assert computer.do("abandon", NEWER) == {"changed": True, "current": NEW, "previous": OLD}
    assert computer.there() == {OLD, NEW}
    assert not computer.do("abandon", NEWER)["changed"], "it is not in use"


def test_where_there_is_no_way_back_nothing_is_changed(computer: Computer) -> None:
    computer.install(OLD)
    computer.do("take", OLD)
    computer.told()

    computer.do("back", ends=NOT_THERE)
    assert not computer.do("abandon", OLD)["changed"]
    assert (computer.there(), computer.told()) == ({OLD}, [])


@pytest.mark.parametrize("version", [NEW, "", "..", f"0/../{OLD}", "half"])
def test_only_what_is_whole_is_taken(computer: Computer, version: str) -> None:
    computer.install(OLD)
    (computer.root / "releases/half").mkdir()

    computer.do("take", version, ends=NOT_THERE)

    assert computer.told() == []


def test_a_step_that_fails_leaves_the_old_one_in_use(computer: Computer) -> None:
    computer.install(OLD)
    computer.install(NEW, status=1)
    computer.do("take", OLD)

    computer.do("take", NEW, ends=1)

    assert json.loads((computer.root / "in-use.json").read_text()) == {"current": OLD, "previous": ""}


def test_the_agents_own_commands_end_as_they_end(computer: Computer) -> None:
    computer.install(OLD)
    computer.do("take", OLD)
    computer.install(OLD, status=3)
    computer.told()

    computer.do("run", "status", "--json", ends=3)

    assert computer.told() == [f"{OLD} status --json"]
