"""A `systemctl` on PATH that answers what a real one answered, on a machine that systemd is said to have booted."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from haidang_agent.server import services

RECORDINGS = Path(__file__).parent / "recordings"
"""Of systemd 252 (Debian 12), booted in namespaces for it with units of ours, and asked for `UNITS` in this order."""
UNITS = ("nginx-trial", "broken", "flapping", "stopped", "web", "masked", "absent-one", "backup.service")
"""Runs; failed; Restart=always after failing; never started; an alias; masked; absent; a failed oneshot."""
ANSWERING = """#!/bin/sh
echo "$LC_ALL $@" >> {folder}/asked
case "$*" in
*NFailedUnits*) cat {recordings}/failed_units.txt ;;
*) cat {recordings}/active_states.txt ;;
esac
"""


def install(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str = ANSWERING) -> Path:
    """Returns the file to which each call adds a line."""
    program = folder / "systemctl"
    program.write_text(script.format(folder=folder, recordings=RECORDINGS))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    monkeypatch.setattr(services, "BOOTED", folder)
    return folder / "asked"
