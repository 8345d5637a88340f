"""The service as packaged: sound to systemd, with little to lose, and able to do its work with what it is given."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.agent.namespaces import Lan

UNIT = Path(__file__).parents[2] / "packaging/linux/haidang-agent.service"
AGENT = Path(sys.executable).with_name("haidang-agent")
MOST_EXPOSED = 30
"""Tenths, of systemd-analyze security: 2.3 as it stands."""
NOBODY = 65534
READ = "dac_read_search"
"""Beside what the service has: the Python of these tests may be root's own."""


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """As installed, with the agent where it is here."""
    text = UNIT.read_text(encoding="utf-8")
    file = tmp_path / UNIT.name
    file.write_text(text.replace("/opt/haidang/current/bin/haidang-agent", str(AGENT)), encoding="utf-8")
    return file


def settings(name: str) -> list[str]:
    return re.findall(rf"^{name}=(.*)$", UNIT.read_text(encoding="utf-8"), re.MULTILINE)


def test_systemd_is_content(unit: Path) -> None:
    done = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_it_has_little_to_lose(unit: Path) -> None:
    asked = ["systemd-analyze", "security", "--offline=true", f"--threshold={MOST_EXPOSED}", "--no-pager", unit]
    done = subprocess.run(asked, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout[-200:] + done.stderr


def test_the_watch_and_the_sweep_work_as_this_user_with_this_capability(tmp_path: Path) -> None:
    (capability,) = {*settings("AmbientCapabilities"), *settings("CapabilityBoundingSet")}

    told = once(tmp_path, capability.removeprefix("CAP_").lower())

    assert told['haidang_probe_success{probe="intrusion"}'] == 1
    assert told["haidang_intrusion_interfaces"] == 1
    assert told['school_lan_sweep_info{method="arp"}'] == 1


def test_without_it_they_do_not(tmp_path: Path) -> None:
    told = once(tmp_path)

    assert told['haidang_probe_success{probe="intrusion"}'] == 0
    assert told['school_lan_sweep_info{method="neighbours"}'] == 1


def once(folder: Path, *capabilities: str) -> dict[str, float]:
    """What `haidang-agent once` measures in a LAN of two PCs, as nobody with these capabilities alone."""
    kept = ",".join(f"+{capability}" for capability in (*capabilities, READ))
    who = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--no-new-privs"]
    rights = [f"--inh-caps=-all,{kept}", f"--ambient-caps=-all,{kept}", f"--bounding-set=-all,{kept}"]
    config = folder / "agent.toml"
    config.write_text(
        f'[agent]\nstate_dir = {json.dumps(str(folder))}\nprobes = ["lan", "intrusion"]\n', encoding="utf-8"
    )
    os.chown(folder, NOBODY, NOBODY)
    with Lan(pcs=2) as lan:
        command = lan.agent.command(
            *who, *rights, sys.executable, "-B", AGENT.as_posix(), "once", "--config", str(config)
        )
        done = subprocess.run(command, capture_output=True, text=True, timeout=180, check=False)
    lines = [line.rpartition(" ") for line in done.stdout.splitlines() if not line.startswith("#")]
    assert lines, done.stderr
    return {name: float(value) for name, _space, value in lines}
