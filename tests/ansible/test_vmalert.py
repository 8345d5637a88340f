"""The service of vmalert that the role victoriametrics writes."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

from tests.ansible.playing import ANSIBLE, BIN, run

if TYPE_CHECKING:
    from pathlib import Path

ROLE = ANSIBLE / "roles/victoriametrics"
TEMPLATE = ROLE / "templates/haidang-vmalert.service.j2"


def test_systemd_takes_the_service(tmp_path: Path) -> None:
    """
    With two Alertmanagers, each an option of its own.
    """
    vmalert, unit = tmp_path / "vmalert", tmp_path / "haidang-vmalert.service"
    vmalert.write_text("#!/bin/sh\n", encoding="ascii")
    vmalert.chmod(0o755)
    alertmanagers = ["http://127.0.0.1:9093", "http://192.0.2.11:9093"]
    given = {
        "ansible_python_interpreter": sys.executable,
        "victoriametrics_vmalert": str(vmalert),
        "victoriametrics_folder": "/etc/victoria-metrics",
        "victoriametrics_scrape_interval": "5s",
        "victoriametrics_listen": "127.0.0.1:8428",
        "victoriametrics_alertmanagers": alertmanagers,
    }
    options = ("--extra-vars", f"@{ROLE / 'vars/main.yml'}", "--extra-vars", json.dumps(given))
    words = ("localhost", "--connection", "local", *options, "--module-name", "template")
    run(BIN / "ansible", *words, "--args", f"src={TEMPLATE} dest={unit}", folder=tmp_path)

    done = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True, timeout=60, check=False)

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    (started,) = [line.split() for line in unit.read_text("utf-8").splitlines() if line.startswith("ExecStart=")]
    assert [f"-notifier.url={url}" for url in alertmanagers] == [word for word in started if "notifier" in word]
