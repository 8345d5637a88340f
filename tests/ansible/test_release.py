"""Which release is in use and which is the way back, on a machine that install.sh and the role take turns on."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import pytest
import yaml

from tests.ansible.playing import BIN, run

if TYPE_CHECKING:
    from pathlib import Path

FAILED = 2


class Machine:
    """Versions 1, 2 and 3 are complete; its links are relative, as install.sh makes them."""

    def __init__(self, folder: Path, current: str, previous: str = "") -> None:
        self._folder, self._root = folder, folder / "haidang"
        for version in ("1", "2", "3"):
            (self._root / "releases" / version / "bin").mkdir(parents=True)
            (self._root / "releases" / version / ".complete-").touch()
        for link, version in (("current", current), ("previous", previous)):
            if version:
                (self._root / link).symlink_to(f"releases/{version}")

    def play(self, *steps: str, ends: int = 0) -> str:
        """The role's tasks by the names of their files; the version to install is 3."""
        facts = {"os_family": "Debian", "distribution": "Debian", "pkg_mgr": "apt", "architecture": "x86_64"}
        given = {
            "ansible_connection": "local", "ansible_python_interpreter": sys.executable, "ansible_facts": facts,
            "release_packages": [], "release_root": str(self._root), "release_version": "3", "release_extras": [],
            "release_program": "agent",
        }  # fmt: skip
        (self._folder / "given.json").write_text(json.dumps(given), encoding="ascii")
        tasks = [{"ansible.builtin.include_role": {"name": "release", "tasks_from": step}} for step in steps]
        handlers = [{"name": "Restart", "ansible.builtin.debug": {"msg": "restarted"}, "listen": "haidang release"}]
        play = [{"hosts": "localhost", "gather_facts": False, "tasks": tasks, "handlers": handlers}]
        (self._folder / "play.yml").write_text(yaml.safe_dump(play), encoding="ascii")
        words = ("--inventory", "localhost,", "--extra-vars", f"@{self._folder / 'given.json'}")
        return run(BIN / "ansible-playbook", *words, self._folder / "play.yml", folder=self._folder, ends=ends)

    @property
    def links(self) -> tuple[str, str]:
        """Names of the versions in use and before; empty where there is none."""
        return self._link("current"), self._link("previous")

    @property
    def releases(self) -> set[str]:
        return {path.name for path in (self._root / "releases").iterdir()}

    def _link(self, name: str) -> str:
        link = self._root / name
        return link.readlink().name if link.is_symlink() else ""

    def lose(self, version: str) -> None:
        (self._root / "releases" / version).rename(self._folder / version)


def test_the_way_back_is_kept(tmp_path: Path) -> None:
    machine = Machine(tmp_path, current="2", previous="1")

    machine.play("prune")

    assert machine.releases == {"1", "2"}


def test_a_new_version_has_the_one_before_as_its_way_back(tmp_path: Path) -> None:
    machine = Machine(tmp_path, current="2", previous="1")

    machine.play("main", "prune")

    assert (machine.links, machine.releases) == (("3", "2"), {"2", "3"})

    machine.play("rollback")

    assert machine.links == ("2", "3")


def test_a_version_that_does_not_work_is_left_for_the_one_before(tmp_path: Path) -> None:
    machine = Machine(tmp_path, current="2", previous="1")

    machine.play("main", "abandon")

    assert (machine.links, machine.releases) == (("2", "1"), {"1", "2"})


def test_the_version_that_is_in_use_is_not_taken_again(tmp_path: Path) -> None:
    """
    Nothing restarts, and nothing is left for a version before: it is something else that does not work.
    """
    machine = Machine(tmp_path, current="3", previous="2")

    said = machine.play("main", "abandon")

    assert "changed=0" in said
    assert (machine.links, machine.releases) == (("3", "2"), {"1", "2", "3"})


def test_there_is_no_way_back_to_what_is_gone(tmp_path: Path) -> None:
    machine = Machine(tmp_path, current="2", previous="1")
    machine.lose("1")

    said = machine.play("rollback", ends=FAILED)

    assert "localhost has no version before the one in use" in said
    assert machine.links[0] == "2"


@pytest.mark.parametrize("steps", [("main",), ("main", "abandon")])
def test_a_version_that_is_gone_is_no_way_back(tmp_path: Path, steps: tuple[str, ...]) -> None:
    machine = Machine(tmp_path, current="2")
    machine.lose("2")

    machine.play(*steps)

    assert machine.links == ("3", "")
