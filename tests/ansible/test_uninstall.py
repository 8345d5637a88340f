"""The agent taken away by Ansible from a machine that install.sh had put it on: this one, with overlays."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest
import yaml

from tests.ansible.playing import ANSIBLE, BIN
from tests.packaging.sealed import Sealed

if TYPE_CHECKING:
    from pathlib import Path

LAID = (
    "etc/haidang/agent.toml", "etc/haidang/ca.pem", "etc/haidang/signer.pem", "opt/haidang/install.sh",
    "opt/haidang/releases/1/bin/haidang-agent", "usr/lib/sysusers.d/haidang-agent.conf",
    "var/lib/haidang/credentials.json",
)  # fmt: skip
KEPT = {f"/{name}" for name in LAID if name.startswith(("etc", "var"))}


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("purge", "stays"), [(True, set()), (False, KEPT)])
def test_nothing_of_install_sh_stays_but_what_is_kept(tmp_path: Path, purge: bool, stays: set[str]) -> None:
    given = {
        "ansible_connection": "local", "ansible_python_interpreter": "/usr/bin/python3", "agent_system": "linux",
        "agent_firewall": False, "agent_purge": purge,
    }  # fmt: skip
    (tmp_path / "given.json").write_text(json.dumps(given), encoding="ascii")
    step = {"ansible.builtin.include_role": {"name": "agent", "tasks_from": "uninstall"}}
    play = [{"hosts": "localhost", "gather_facts": False, "tasks": [step]}]
    (tmp_path / "play.yml").write_text(yaml.safe_dump(play), encoding="ascii")
    environment = (f"ANSIBLE_CONFIG={ANSIBLE / 'ansible.cfg'}", f"ANSIBLE_HOME={tmp_path / 'ansible'}")
    words = (f"@{tmp_path / 'given.json'}", str(tmp_path / "play.yml"))
    with Sealed(tmp_path) as machine:
        for name in LAID:
            (machine.root / name).parent.mkdir(parents=True, exist_ok=True)
            (machine.root / name).touch()
        (machine.root / "opt/haidang/current").symlink_to("releases/1")
        (machine.root / "usr/local/bin/haidang-agent").symlink_to("/opt/haidang/current/bin/haidang-agent")

        done = machine.run(
            "env", *environment, str(BIN / "ansible-playbook"), "--inventory", "localhost,", "--extra-vars", *words
        )

        assert done.returncode == os.EX_OK, done.stdout + done.stderr
        folders = {path.rpartition("/")[0] for path in stays}
        assert machine.changes() - folders == stays
