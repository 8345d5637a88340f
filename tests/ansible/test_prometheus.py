"""What the role prometheus starts it with, and adds to Debian's unit, by which broken files are moved aside."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from haidang_collector.supervisor import head_chunks

from tests.ansible.playing import ANSIBLE, BIN, run

ROLE = ANSIBLE / "roles/prometheus"
UNIT = Path("/lib/systemd/system/prometheus.service")
DATA = "/var/lib/prometheus/metrics2"
MOST_EXPOSED = 30
"""Tenths, of systemd-analyze security."""


def test_debians_unit_takes_it_and_it_mends_debians_folder(tmp_path: Path) -> None:
    """
    By the file that the role ships, which is the product's own.
    """
    addition, data = tmp_path / "prometheus.service.d/haidang.conf", tmp_path / "metrics2"
    for folder in (addition.parent, tmp_path / "haidang", data / "chunks_head"):
        folder.mkdir(parents=True)
    words = _template(prometheus_folder=str(tmp_path))
    run(BIN / "ansible", *words, "--args", f"src={ROLE}/templates/unit.conf.j2 dest={addition}", folder=tmp_path)
    shutil.copy(ROLE / "files/head_chunks.py", tmp_path / "haidang")
    unit = shutil.copy(UNIT, tmp_path)
    for number in (1, 2):
        (data / f"chunks_head/{number:06}").write_bytes(bytes(16))

    done = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    (command,) = re.findall(r"^ExecStartPre=-(.+)$", addition.read_text("utf-8"), re.MULTILINE)
    *before, folder = shlex.split(command)
    assert f'storage.tsdb.path="{folder}/"' in _options()
    subprocess.run([*before, data], check=True, capture_output=True, timeout=60)

    assert sorted(path.name for path in data.glob("chunks_head_aside/*/*")) == ["000001", "000002"]
    assert (ROLE / "files/head_chunks.py").samefile(head_chunks.__file__)


@pytest.mark.parametrize(
    ("listen", "has_it"),
    [
        (yaml.safe_load((ROLE / "defaults/main.yml").read_text(encoding="utf-8"))["prometheus_listen"], True),
        ("[::1]:9090", True),
        ("0.0.0.0:9090", False),
        ("192.0.2.10:9090", False),
    ],
)
def test_the_door_for_snapshots_is_open_to_this_machine_alone(tmp_path: Path, listen: str, has_it: bool) -> None:
    """
    Back-ups need it (docs/backup.md), and who comes in by it can delete series.
    """
    words = _template(prometheus_listen=listen)
    run(BIN / "ansible", *words, "--args", f"src={ROLE}/templates/default.j2 dest={tmp_path}/default", folder=tmp_path)

    (arguments,) = shlex.split((tmp_path / "default").read_text(encoding="utf-8"), comments=True)
    options = arguments.removeprefix("ARGS=").split()

    assert f"--web.listen-address={listen}" in options
    assert {"--config.file=/etc/prometheus/prometheus.yml", f"--storage.tsdb.path={DATA}"} < set(options)
    assert ("--web.enable-admin-api" in options) == has_it
    assert all(option.partition("=")[0] in _options() for option in options)


def test_programs_from_archives_are_as_shut_in_as_our_own(tmp_path: Path) -> None:
    given = {
        "ansible_python_interpreter": sys.executable, "program_service": "lamp", "program_command": "lamp",
        "program_description": "A lamp", "program_user": "root", "program_state": "lamp", "program_reloads": True,
    }  # fmt: skip
    unit, template = tmp_path / "lamp.service", ANSIBLE / "roles/program/templates/program.service.j2"
    words = ("localhost", "--connection", "local", "--extra-vars", json.dumps(given), "--module-name", "template")
    run(BIN / "ansible", *words, "--args", f"src={template} dest={unit}", folder=tmp_path)

    asked = ["systemd-analyze", "security", "--offline=true", f"--threshold={MOST_EXPOSED}", "--no-pager", unit]
    done = subprocess.run(asked, capture_output=True, text=True, timeout=60, check=False)

    assert done.returncode == 0, done.stdout + done.stderr


def _template(**given: str) -> tuple[str, ...]:
    """Words of ansible's that write a template, by the role's defaults but for what is given."""
    files = [word for part in ("defaults", "vars") for word in ("--extra-vars", f"@{ROLE / part / 'main.yml'}")]
    more = json.dumps({"ansible_python_interpreter": sys.executable, **given})
    return ("localhost", "--connection", "local", *files, "--extra-vars", more, "--module-name", "template")


def _options() -> str:
    done = subprocess.run(["prometheus", "--help"], capture_output=True, text=True, check=False)
    return done.stdout + done.stderr
