"""Stands in for the collection ansible.windows: what its modules do to a PC is done to a folder of this machine.

Copied by test_windows.py to where Ansible looks for action plugins of that collection, once for each name.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

from ansible.plugins.action import ActionBase
from ansible.template import trust_as_template

Result = dict[str, Any]


class ActionModule(ActionBase):
    def run(self, tmp: None = None, task_vars: dict[str, Any] | None = None) -> Result:
        super().run(tmp, task_vars)
        name = self._task.action.rpartition("win_")[2]
        return getattr(self, name)(**self._task.args)

    def command(
        self, argv: list[str], stdin: str | None = None, creates: str | None = None, removes: str | None = None
    ) -> Result:
        nothing = {"changed": False, "rc": 0, "stdout": "", "stderr": ""}
        if (creates and here(creates).exists()) or (removes and not here(removes).exists()):
            return nothing
        words = [word.replace("\\", "/") for word in argv]
        done = subprocess.run(words, input=stdin, capture_output=True, text=True, check=False)
        told = {"rc": done.returncode, "stdout": done.stdout, "stderr": done.stderr}
        return {"changed": True, "failed": done.returncode != 0, **told}

    def copy(self, dest: str, src: str | None = None, content: str = "") -> Result:
        return self._written(dest, Path(src).read_text(encoding="utf-8") if src else content)

    def template(self, src: str, dest: str, newline_sequence: str) -> Result:
        source = Path(self._find_needle("templates", src)).read_text(encoding="utf-8")
        text = str(self._templar.template(trust_as_template(source)))
        return self._written(dest, text.replace("\n", newline_sequence))

    def file(self, path: str, state: str) -> Result:
        there = here(path)
        was = there.exists()
        match state:
            case "directory":
                there.mkdir(parents=True, exist_ok=True)
            case "touch":
                there.touch()
            case "absent" if there.is_dir():
                shutil.rmtree(there)
            case "absent":
                there.unlink(missing_ok=True)
        return {"changed": was is (state == "absent")}

    def stat(self, path: str) -> Result:
        return {"changed": False, "stat": {"exists": here(path).exists()}}

    def powershell(self, script: str) -> Result:
        """The only script looks whether the task runs, and starts it."""
        return {"changed": "Start-ScheduledTask" not in script}

    def _written(self, dest: str, text: str) -> Result:
        target, content = here(dest), text.encode()
        was = target.read_bytes() if target.exists() else b""
        target.write_bytes(content)
        return {"changed": was != content}


def here(path: str) -> Path:
    return Path(path.replace("\\", "/"))
