"""What the role prometheus adds to Debian's unit: broken files are moved aside before each start."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from haidang_collector.supervisor import head_chunks

from tests.ansible.playing import ANSIBLE, BIN, run

ROLE = ANSIBLE / "roles/prometheus"
UNIT = Path("/lib/systemd/system/prometheus.service")


def test_debians_unit_takes_it_and_it_mends_debians_folder(tmp_path: Path) -> None:
    """
    By the file that the role ships, which is the product's own.
    """
    addition, data = tmp_path / "prometheus.service.d/haidang.conf", tmp_path / "metrics2"
    for folder in (addition.parent, tmp_path / "haidang", data / "chunks_head"):
        folder.mkdir(parents=True)
    given = {"ansible_python_interpreter": sys.executable, "prometheus_folder": str(tmp_path)}
    words = ("localhost", "--connection", "local", "--extra-vars", json.dumps(given), "--module-name", "template")
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


def _options() -> str:
    done = subprocess.run(["prometheus", "--help"], capture_output=True, text=True, check=False)
    return done.stdout + done.stderr
