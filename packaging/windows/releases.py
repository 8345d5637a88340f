r"""Which release of the agent a Windows PC uses, and the way back to the one before. For install.ps1 and for Ansible.

    python releases.py ROOT take VERSION [WORDS ...]   use it; WORDS go to `haidang-agent service install`
    python releases.py ROOT back                       use the one before
    python releases.py ROOT abandon VERSION            if it is in use: use the one before, and remove VERSION
    python releases.py ROOT prune                      remove what is neither in use nor the one before
    python releases.py ROOT run WORDS ...              `haidang-agent WORDS ...`, of the release in use

ROOT\releases\VERSION is a virtual environment; the empty file `.whole` in it says that its installation came to an end.
ROOT\in-use.json names the release in use and the one before. Runs with what Python itself brings.
The first four print {"changed", "current", "previous"}. Exit status: 0 done, 1 a step failed, 2 bad usage, or there is
no such release, and nothing was changed; `run` ends as what it runs.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

TASK = r"\Haidang\Agent"
VERSION = re.compile(r"[0-9][0-9A-Za-z.+!]*")
STEP_SECONDS = 300.0
TRIES, PAUSE_SECONDS = 10, 2.0
"""To remove a release: Windows keeps the files of a program that has just been ended for a moment."""
COMMAND = '@"{python}" -I -m haidang_agent %*\n'
"""haidang-agent.cmd, for people. No .exe, which is taken for malware too often."""


class NoSuchReleaseError(Exception):
    """Nothing was changed."""


@dataclass(frozen=True, slots=True)
class InUse:
    """Versions; empty where there is none."""

    current: str = ""
    previous: str = ""


class Releases:
    """Those in one folder. Steps that fail raise OSError or subprocess.SubprocessError."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._note = root / "in-use.json"

    def in_use(self) -> InUse:
        if not self._note.exists():
            return InUse()
        told = json.loads(self._note.read_text(encoding="utf-8"))
        return InUse(told["current"], told["previous"])

    def take(self, version: str, words: list[str]) -> bool:
        """Makes the task that runs it; start it afterwards. Raises NoSuchReleaseError."""
        self._refuse_unless_whole(version)
        now = self.in_use()
        if version == now.current and not words and _task_is_there():
            return False
        self._use(InUse(version, now.previous if version == now.current else now.current), *words)
        for name in ("releases.py", "uninstall.ps1"):  # at a place that stays when this release goes
            source = Path(__file__).with_name(name)
            if source != self._root / name:
                shutil.copyfile(source, self._root / name)
        return True

    def back(self) -> bool:
        """And start it. Raises NoSuchReleaseError."""
        now = self.in_use()
        self._refuse_unless_whole(now.previous)
        self._use(InUse(now.previous, now.current))
        self.run(["service", "start"])
        return True

    def abandon(self, version: str) -> bool:
        """Where there is a way back; the newest of the others is the next one."""
        now = self.in_use()
        if version != now.current or not self._is_whole(now.previous):
            return False
        self.back()
        self._remove(version)
        others = [folder for folder in self._whole() if folder.name != now.previous]
        newest = max(others, key=lambda folder: folder.stat().st_mtime, default=None)
        self._write(InUse(now.previous, newest.name if newest else ""))
        return True

    def prune(self) -> bool:
        now = self.in_use()
        if not now.current:
            return False
        old = [folder.name for folder in self._folder().iterdir() if folder.name not in (now.current, now.previous)]
        for version in old:
            self._remove(version)
        return bool(old)

    def run(self, words: list[str], *, check: bool = True) -> int:
        """The agent's own command; checked, what it prints goes to standard error."""
        current = self.in_use().current
        self._refuse_unless_whole(current)
        if check:
            self._agent(current, *words)
            return 0
        return subprocess.run(self._command(current, *words), check=False).returncode  # noqa: S603 - our own program

    def _use(self, wanted: InUse, *words: str) -> None:
        self._agent(wanted.current, "service", "install", *words)
        self._write(wanted)
        text = COMMAND.format(python=self._python(wanted.current))
        (self._root / "haidang-agent.cmd").write_text(text, encoding="utf-8", newline="\r\n")

    def _agent(self, version: str, *words: str) -> None:
        command = self._command(version, *words)
        subprocess.run(command, stdin=subprocess.DEVNULL, stdout=sys.stderr, check=True, timeout=STEP_SECONDS)  # noqa: S603

    def _command(self, version: str, *words: str) -> list[str]:
        """In UTF-8, whatever Windows takes for the encoding of a pipe."""
        return [str(self._python(version)), "-I", "-X", "utf8", "-m", "haidang_agent", *words]

    def _folder(self) -> Path:
        return self._root / "releases"

    def _python(self, version: str) -> Path:
        return self._folder() / version / "Scripts" / "python.exe"

    def _whole(self) -> list[Path]:
        return [folder for folder in self._folder().iterdir() if self._is_whole(folder.name)]

    def _is_whole(self, version: str) -> bool:
        return bool(VERSION.fullmatch(version)) and (self._folder() / version / ".whole").is_file()

    def _refuse_unless_whole(self, version: str) -> None:
        if not self._is_whole(version):
            raise NoSuchReleaseError(f"there is no whole release {version!r} in {self._folder()}")

    def _write(self, wanted: InUse) -> None:
        draft = self._note.with_suffix(".new")
        draft.write_text(json.dumps(asdict(wanted)), encoding="utf-8")
        draft.replace(self._note)

    def _remove(self, version: str) -> None:
        folder = self._folder() / version
        (folder / ".whole").unlink(missing_ok=True)
        for left in reversed(range(TRIES)):
            try:
                shutil.rmtree(folder)
            except OSError:
                if not left:
                    raise
                time.sleep(PAUSE_SECONDS)
            else:
                return


def _task_is_there() -> bool:
    program = Path(os.environ.get("SYSTEMROOT", r"C:\Windows"), "System32", "schtasks.exe")
    asked = [str(program), "/Query", "/TN", TASK]
    done = subprocess.run(asked, capture_output=True, check=False, timeout=STEP_SECONDS)  # noqa: S603 - fixed words
    return done.returncode == 0


def main() -> int:
    options = _parser().parse_args()
    releases = Releases(options.root)
    try:
        if options.action == "run":
            return releases.run(options.words, check=False)
        deeds = {"take": lambda: releases.take(options.version, options.words)}
        deeds |= {"back": releases.back, "prune": releases.prune, "abandon": lambda: releases.abandon(options.version)}
        changed = deeds[options.action]()
    except NoSuchReleaseError as wrong:
        sys.stderr.write(f"{wrong}\n")
        return 2
    except (OSError, subprocess.SubprocessError) as failed:
        sys.stderr.write(f"{failed}\n")
        return 1
    sys.stdout.write(json.dumps({"changed": changed, **asdict(releases.in_use())}) + "\n")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root", type=Path, metavar="ROOT", help=r"as C:\Program Files\Haidang")
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    for name in ("take", "back", "abandon", "prune", "run"):
        action = actions.add_parser(name)
        if name in ("take", "abandon"):
            action.add_argument("version", metavar="VERSION")
        if name in ("take", "run"):
            action.add_argument("words", nargs=argparse.REMAINDER, metavar="WORDS")
    return parser


if __name__ == "__main__":
    sys.exit(main())
