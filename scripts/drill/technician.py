"""Who plays the playbooks in a drill, and what came of each."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scripts.drill.wheels import ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from scripts.drill.debian import Debian
    from tests.lab.node import Node

PLAY_SECONDS = 1800
PLAYED = ("ansible", "alerts", "packaging")
RECAP = re.compile(r"^(\S+)\s+: ok=\d+\s+changed=(\d+)\s+unreachable=(\d+)\s+failed=(\d+)", re.MULTILINE)


class Technician:
    """The computer that Ansible runs on: this program's, in the network of one of the school's computers.

    Plays from a copy of the checkout: a file that somebody changes meanwhile would look like a play that did.
    """

    def __init__(self, node: Node, folder: Path, variables: Mapping[str, Any]) -> None:
        self._node = node
        self._folder = folder
        self._product = folder / "product"
        for name in PLAYED:
            shutil.copytree(ROOT / name, self._product / name)
        self._key = folder / "id_ed25519"
        self.variables = dict(variables)
        self.inventory = folder / "hosts.yml"
        self.faults: list[str] = []
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self._key], check=True)

    def may_enter(self, machine: Debian) -> None:
        machine.write("/root/.ssh/authorized_keys", self._key.with_suffix(".pub").read_bytes(), mode=0o600)
        machine.remember()

    def play(self, book: str, *options: str, expect: str = "ok", **variables: Any) -> str:
        """What Ansible said. `expect`: ok, unchanged (no host changed anything) or failed; else it is a fault."""
        given = self._folder / "variables.json"
        given.write_text(json.dumps(self.variables | variables), encoding="utf-8")
        given.chmod(0o600)
        began = time.monotonic()
        log = self._folder / "playbook.log"
        with log.open("w", encoding="utf-8") as out:
            playing = self._node.start(
                str(Path(sys.executable).with_name("ansible-playbook")),
                *("--inventory", str(self.inventory), "--extra-vars", f"@{given}", *options),
                str(self._product / "ansible/playbooks" / f"{book}.yml"),
                env={**os.environ, **self._environment},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
            )
            status = playing.wait(PLAY_SECONDS)
        said = log.read_text(encoding="utf-8")
        recap = {host: tuple(map(int, numbers)) for host, *numbers in RECAP.findall(said)}
        changed = sum(numbers[0] for numbers in recap.values())
        came = "failed" if status else "unchanged" if not changed else "ok"
        say(f"{book} {' '.join(options)}: {came}, {changed} changes, {time.monotonic() - began:.0f} s")
        if came != expect and not (expect == "ok" and came == "unchanged"):
            self.faults.append(f"{book} {' '.join(options)}: {came} in the place of {expect}")
            say(said[-8000:])
        return said

    def must(self, what: str, holds: object) -> None:
        """Another fault where it does not hold."""
        say(f"{what}: {'yes' if holds else 'NO'}")
        if not holds:
            self.faults.append(f"not so: {what}")

    @property
    def _environment(self) -> dict[str, str]:
        return {
            "ANSIBLE_CONFIG": str(self._product / "ansible/ansible.cfg"),
            "ANSIBLE_HOME": str(self._folder / "ansible"),
            "ANSIBLE_LOCAL_TEMP": str(self._folder / "ansible/tmp"),
            "ANSIBLE_PRIVATE_KEY_FILE": str(self._key),
            "ANSIBLE_NOCOLOR": "1",
            # another drill's machines have these addresses too
            "ANSIBLE_SSH_CONTROL_PATH_DIR": str(self._folder / "cp"),
            "ANSIBLE_SSH_ARGS": "-o ControlMaster=auto -o ControlPersist=120s -o StrictHostKeyChecking=accept-new "
            f"-o UserKnownHostsFile={self._folder / 'known_hosts'}",
        }


def say(text: str) -> None:
    print(f"drill: {text}", file=sys.stderr, flush=True)
