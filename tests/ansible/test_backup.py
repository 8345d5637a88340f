"""The timer's back-up, by the commands that its unit gives to systemd."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.ansible.playing import ANSIBLE, BIN

if TYPE_CHECKING:
    from pathlib import Path

UNIT = ANSIBLE.parent / "packaging/linux/haidang-collector-backup.service"
UNITS = "code,name,district,level\nTH-001,Trường Tiểu học Sao Mai,Quận 1,primary\n"


@pytest.fixture
def centre(tmp_path: Path) -> Path:
    """`data` has a registry; in `backups` are those of sixteen days."""
    (tmp_path / "units.csv").write_text(UNITS, encoding="utf-8")
    haidang("units", "import", str(tmp_path / "units.csv"), data=tmp_path / "data")
    (tmp_path / "backups").mkdir()
    for day in range(1, 17):
        (tmp_path / f"backups/registry-202611{day:02}T020000Z.gz").touch()
    (tmp_path / "backups/another's").touch()
    return tmp_path


def haidang(*words: str, data: Path) -> str:
    done = subprocess.run([BIN / "haidang", *words, "--data", data], check=True, capture_output=True, text=True)
    return done.stdout


def start(folder: Path, kept: str | None = None) -> list[int]:
    """Exit status of each command of the unit, until one fails; `kept` as collector.env would have it."""
    unit = UNIT.read_text(encoding="ascii").replace("%%", "%").replace("$$", "$")
    unit = unit.replace("/opt/haidang/current/bin/haidang", str(BIN / "haidang"))
    unit = unit.replace("/var/backups/haidang", str(folder / "backups"))
    name, value = re.findall(r"^Environment=(\w+)=(\w+)$", unit, re.MULTILINE)[0]
    environment = {**os.environ, "HAIDANG_DATA": str(folder / "data"), name: kept or value}
    ended: list[int] = []
    for command in re.findall(r"^ExecStart(?:Post)?=(.+)$", unit, re.MULTILINE):
        if not any(ended):
            ended.append(subprocess.run(shlex.split(command), env=environment, check=False).returncode)
    return ended


def test_the_newest_fourteen_stay(centre: Path) -> None:
    assert start(centre) == [0, 0]

    names = sorted(path.name for path in (centre / "backups").glob("registry-*"))
    assert len(names) == 14
    assert names[0] == "registry-20261104T020000Z.gz"
    haidang("db", "restore", str(centre / "backups" / names[-1]), data=centre / "restored")
    assert "TH-001" in haidang("units", "list", data=centre / "restored")
    assert (centre / "backups/another's").exists()


def test_keeping_none_is_refused(centre: Path) -> None:
    assert start(centre, kept="0") == [0, 1]

    assert len(list((centre / "backups").glob("registry-*"))) == 17, "nothing was removed"
