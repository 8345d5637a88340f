"""The services as packaged: sound to systemd, and with little to lose."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

LINUX = Path(__file__).parents[2] / "packaging/linux"
SERVICES = sorted(path.name for path in LINUX.glob("*.service"))
TIMERS = sorted(path.name for path in LINUX.glob("*.timer"))
MOST_EXPOSED = 30
"""Tenths, of systemd-analyze security."""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A tree with the units as they are installed, and something to start at the place of the commands."""
    units = tmp_path / "etc/systemd/system"
    shutil.copytree(LINUX, units)
    router = units / "haidang-agent.service.d/router.conf"
    router.parent.mkdir()
    (units / "haidang-agent-router.conf").rename(router)
    commands = tmp_path / "opt/haidang/current/bin"
    commands.mkdir(parents=True)
    for name in ("haidang", "haidang-agent"):
        (commands / name).write_text("#!/bin/sh\n", encoding="ascii")
        (commands / name).chmod(0o755)
    return tmp_path


def analyze(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = ["systemd-analyze", *words, f"--root={root}", "--no-pager"]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("service", SERVICES)
def test_it_has_little_to_lose(root: Path, service: str) -> None:
    """The agent's with the router's capability too."""
    done = analyze(root, "security", "--offline=true", f"--threshold={MOST_EXPOSED}", service)

    assert done.returncode == 0, done.stdout[-200:] + done.stderr


@pytest.mark.parametrize("service", [name for name in SERVICES if name.startswith("haidang-collector-")])
def test_a_job_is_guarded_as_the_collector_is(root: Path, service: str) -> None:
    """Systemd takes the drop-in of all that begin with haidang-collector- for it."""
    exposed = [
        analyze(root, "security", "--offline=true", name).stdout for name in ("haidang-collector.service", service)
    ]

    assert len({re.findall(r"Overall exposure level for \S+: (\S+)", text)[0] for text in exposed}) == 1


def test_the_sandbox_of_the_jobs_is_the_collectors() -> None:
    kept = [
        line
        for line in (LINUX / "haidang-collector.service").read_text(encoding="utf-8").splitlines()
        if re.match(r"(Protect|Private|Restrict|SystemCall|Memory|Lock|Remove|NoNew|Capability|Ambient|Device)", line)
    ]

    assert set(kept) <= set(
        (LINUX / "haidang-collector-.service.d/sandbox.conf").read_text(encoding="utf-8").splitlines()
    )


@pytest.mark.parametrize("timer", TIMERS)
def test_each_timer_has_its_service(timer: str) -> None:
    assert timer.replace(".timer", ".service") in SERVICES


def test_scripts_are_sound_to_shellcheck() -> None:
    scripts = [*LINUX.glob("*.sh"), LINUX / "haidang"]
    done = subprocess.run(["shellcheck", *scripts], capture_output=True, text=True, timeout=60, check=False)

    assert (done.returncode, done.stdout) == (0, "")
