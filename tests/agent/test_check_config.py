"""`haidang-agent check-config` says what would keep rooms from being counted, before the agent runs."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path


def check(folder: Path, rooms: str) -> tuple[int, str]:
    file = folder / "agent.toml"
    file.write_text(rooms, encoding="utf-8")
    command = [sys.executable, "-m", "haidang_agent", "check-config", "--config", file]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    return done.returncode, done.stderr


@pytest.mark.parametrize(
    ("key", "fault"),
    [
        ("vlan = -1", "vlan = -1: not in 1…4094"),
        ('cidr = "10.20.1.5/24"', "cidr: 10.20.1.5/24 has host bits set; write as 10.20.1.0/24"),
        ('ports = ["10.20.0.2 Gi1/0/9-1"]', "ends before it begins; write the lower number first"),
        ('machines = ["8c:ec:4b"]', "'8c:ec:4b' is no MAC address"),
    ],
)
def test_a_room_that_cannot_be_counted_is_a_fault(tmp_path: Path, key: str, fault: str) -> None:
    status, said = check(tmp_path, f'[[lab]]\nname = "Phòng 1"\n{key}\n[[lab]]\nname = "Phòng 2"\nvlan = 9999\n')

    assert status == 2
    assert f"[[lab]] 'Phòng 1' {key.split(maxsplit=1)[0]}" in said
    assert fault in said
    assert "[[lab]] 'Phòng 2' vlan = 9999" in said


def test_a_room_of_an_older_configuration_is_sound(tmp_path: Path) -> None:
    old = '[[lab]]\nname = "Phòng 1"\ncidr = "10.20.1.0/24"\ndeclared = 40\nlevel = "primary"\n'

    assert check(tmp_path, old) == (0, "")
