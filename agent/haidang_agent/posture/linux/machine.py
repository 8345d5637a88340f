"""A Linux machine: files below a root folder, and a few commands where that is this machine's own."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from haidang_agent.i18n import _
from haidang_agent.posture.check import Ledger
from haidang_agent.posture.limits import Limits
from haidang_agent.unread import UnreadError

LARGEST_BYTES = 1 << 20
COMMAND_SECONDS = 20.0
COMMAND_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True, slots=True)
class Machine:
    """`root`, `proc` and `sys` may be a captured tree; `now` is in Unix seconds, `own_files` are the agent's."""

    now: float
    root: Path = Path("/")
    proc: Path = Path("/proc")
    sys: Path = Path("/sys")
    own_files: tuple[Path, ...] = ()
    limits: Limits = field(default_factory=Limits)
    ledger: Ledger = field(default_factory=lambda: Ledger({}))

    @property
    def is_this_one(self) -> bool:
        return self.root == Path("/")

    def path(self, absolute: str) -> Path:
        """`/etc/passwd` below the root."""
        return self.root / absolute.lstrip("/")

    def text(self, absolute: str) -> str | None:
        """A file below the root, None where there is none. Raises UnreadError."""
        return read(self.path(absolute))

    def run(self, *command: str) -> str:
        """What the command says, within its time. Raises UnreadError."""
        try:
            done = subprocess.run(  # noqa: S603 - literals of our own
                command,
                capture_output=True,
                timeout=COMMAND_SECONDS,
                check=True,
                stdin=subprocess.DEVNULL,
                env={"PATH": COMMAND_PATH, "LC_ALL": "C"},
            )
        except FileNotFoundError:
            raise UnreadError(_("{command} is not installed").format(command=command[0])) from None
        except subprocess.TimeoutExpired:
            raise UnreadError(_("{command} did not answer in time").format(command=command[0])) from None
        except (OSError, subprocess.CalledProcessError) as failed:
            raise UnreadError(
                _("{command} failed: {why}").format(command=command[0], why=_last_words(failed))
            ) from None
        return done.stdout.decode(errors="replace")

    def runs(self, *names: str) -> bool:
        """Whether a process of one of these names (comm of proc(5), 15 bytes) is there."""
        wanted = {name[:15] for name in names}
        return any(_comm(folder) in wanted for folder in self.proc.glob("[0-9]*"))


def read(path: Path) -> str | None:
    """The file's text, None where there is none. Raises UnreadError where it may not be read, or is too large."""
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_BYTES + 1)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as failed:
        raise UnreadError(f"{path}: {failed.strerror}") from None
    if len(content) > LARGEST_BYTES:
        raise UnreadError(_("{file} is larger than {mb} MB").format(file=path, mb=LARGEST_BYTES >> 20))
    return content.decode(errors="replace")


def _comm(folder: Path) -> str:
    try:
        return (folder / "comm").read_text(errors="replace").strip()
    except OSError:  # the process ended meanwhile
        return ""


def _last_words(failed: OSError | subprocess.CalledProcessError) -> str:
    if isinstance(failed, OSError):
        return failed.strerror or os.strerror(failed.errno or 0)
    lines = failed.stderr.decode(errors="replace").strip().splitlines()
    return lines[-1][:200] if lines else f"exit status {failed.returncode}"
