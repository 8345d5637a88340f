"""Ansible's programs as people run them: with our configuration, and nothing of this machine's own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ANSIBLE = Path(__file__).parents[2] / "ansible"
BIN = Path(sys.executable).parent


def run(*command: str | Path, folder: Path, cwd: Path = ANSIBLE, ends: int = 0, **more: str) -> str:
    """Its standard output; it must end with the status `ends`."""
    told = {"ANSIBLE_CONFIG": str(ANSIBLE / "ansible.cfg"), "ANSIBLE_HOME": str(folder / "ansible"), **more}
    environment = {**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}", "ANSIBLE_NOCOLOR": "1", "NO_COLOR": "1", **told}
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False, timeout=280)
    assert done.returncode == ends, done.stdout + done.stderr
    return done.stdout
