"""Make the agent a service of Windows, start it, or take it away; on Linux systemd has it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path, PureWindowsPath
from typing import TYPE_CHECKING, get_args

from haidang_agent.platform import windows_service
from haidang_agent.probe import Role
from haidang_agent.tables import CONFIG_DIR

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Sequence

    from haidang_agent.platform.windows_service import Command

EXAMPLES = """examples:
  haidang-agent service install --server https://collector.example:8080 --ca ca.pem --role host --lab lab-1
  haidang-agent service start
  haidang-agent service remove
  haidang-agent service install --dry-run

install writes agent.toml where there is none, and makes the task; enrol before start. On Linux: docs/install.md.
Exit status: 0 done, 1 a step failed, 2 bad usage, or not on Windows."""

FAILED, BAD_USAGE = 1, 2
STEP_SECONDS = 120.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", choices=("install", "start", "remove"))
    parser.add_argument("--server", metavar="URL", default="", help="the collector, for a new agent.toml")
    parser.add_argument("--ca", type=Path, metavar="FILE", help="the department's CA, PEM; is copied beside agent.toml")
    parser.add_argument(
        "--role", action="append", choices=get_args(Role), help="for a new agent.toml (default: site and host)"
    )
    parser.add_argument("--lab", metavar="NAME", default="", help="the computer room, for a new agent.toml")
    parser.add_argument("--dry-run", action="store_true", help="show the commands, run none; on any system")


def run(options: argparse.Namespace) -> int:
    if sys.platform != "win32" and not options.dry_run:
        print("service: on Linux systemd runs the agent; see docs/install.md", file=sys.stderr)
        return BAD_USAGE
    try:
        if options.action == "install":
            _install(options)
        else:
            steps = windows_service.starting if options.action == "start" else windows_service.removing
            _carry_out(steps(), dry_run=options.dry_run)
    except (OSError, subprocess.SubprocessError) as failed:
        print(f"service: {failed}", file=sys.stderr)
        return FAILED
    return 0


def first_config(server: str, ca: str, roles: Sequence[str], lab: str) -> str:
    """The text of a new agent.toml. A string of JSON is one of TOML, and says a backslash as it must."""
    lines = ["[server]", f"url = {json.dumps(server)}"] if server else []
    if server and ca:
        lines.append(f"ca = {json.dumps(ca)}")
    lines += ["[agent]", f"roles = {json.dumps(list(roles))}"]
    if lab:
        lines.append(f"lab = {json.dumps(lab, ensure_ascii=False)}")
    return "\n".join(lines) + "\n"


def _install(options: argparse.Namespace) -> None:
    folder = Path(CONFIG_DIR)
    if not options.dry_run:
        _write_config(folder, options)
    with tempfile.TemporaryDirectory() as work:
        task = Path(work, "task.xml")
        task.write_text(windows_service.task_xml(PureWindowsPath(sys.prefix)), encoding="utf-16")
        python = PureWindowsPath(sys.base_prefix, "python.exe")
        steps = windows_service.installing(PureWindowsPath(task), PureWindowsPath(folder), python)
        _carry_out(steps, dry_run=options.dry_run)


def _write_config(folder: Path, options: argparse.Namespace) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    ca = ""
    if options.ca is not None:
        kept = folder / "ca.pem"
        kept.write_bytes(options.ca.read_bytes())
        ca = str(kept)
    file = folder / "agent.toml"
    if file.exists():
        print(f"{file} stays as it is", file=sys.stderr)
        return
    text = first_config(options.server, ca, options.role or ("site", "host"), options.lab)
    file.write_text(text, encoding="utf-8")


def _carry_out(steps: Iterable[Command], *, dry_run: bool) -> None:
    """Raises OSError, SubprocessError with the command and what it said."""
    system32 = Path(os.environ.get("SYSTEMROOT", r"C:\Windows"), "System32")
    for step in steps:
        if dry_run:
            print(step)
            continue
        program = system32 / f"{step.words[0]}.exe"
        done = subprocess.run(  # noqa: S603 - fixed words and our own paths
            (str(program), *step.words[1:]),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
            timeout=STEP_SECONDS,
        )
        if done.returncode and not step.may_fail:
            said = done.stdout.decode("oem" if sys.platform == "win32" else "utf-8", errors="replace").strip()
            raise subprocess.SubprocessError(f"{step} ended with {done.returncode}: {said}")
