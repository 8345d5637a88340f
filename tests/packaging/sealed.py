"""This machine's own folders in a mount namespace, with overlays to write on: an installer may do as it likes."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from types import TracebackType

FOLDERS = ("etc", "opt", "var/lib", "usr/lib", "usr/local")
"""What an installation may write to."""
REWRITTEN = (
    "passwd", "group", "shadow", "gshadow", "passwd-", "group-", "shadow-", "gshadow-", ".pwd.lock", "subuid", "subgid",
    "subuid-", "subgid-",
)  # fmt: skip
"""Of /etc: written anew by any change of users."""


class Sealed:
    """No systemd is seen in it, so that nothing of this machine is started or stopped. Needs root."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "sealed"

    def __enter__(self) -> Self:
        mounts = [f"mkdir {self._folder}", f"mount -t tmpfs tmpfs {self._folder}"]
        for name in FOLDERS:
            upper, work = (f"{self._folder}/{kind}/{name}" for kind in ("upper", "work"))
            mounts.append(f"mkdir -p {upper} {work}")
            mounts.append(f"mount -t overlay overlay -o lowerdir=/{name},upperdir={upper},workdir={work} /{name}")
        mounts += ["mkdir -p /run/systemd", "mount -t tmpfs tmpfs /run/systemd", "echo ready", "exec cat"]
        command = ["unshare", "--mount", "sh", "-euc", "\n".join(mounts)]
        self._keeper = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if self._keeper.stdout is None or self._keeper.stdout.readline() != "ready\n":
            raise RuntimeError(f"the mounts were refused: {' '.join(command)}")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._keeper:
            os.kill(self._keeper.pid, signal.SIGKILL)

    @property
    def root(self) -> Path:
        """Its `/`, seen from here."""
        return Path(f"/proc/{self._keeper.pid}/root")

    def run(self, *command: str, feed: str = "") -> subprocess.CompletedProcess[str]:
        """To the end, with Debian's own Python first, in English, and with nothing else of this process' variables."""
        clean = (
            "env",
            "-i",
            "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME=/root",
            "LANG=C.UTF-8",
        )
        words = ["nsenter", f"--target={self._keeper.pid}", "--mount", *clean, *command]
        return subprocess.run(words, input=feed, capture_output=True, text=True, timeout=280, check=False)

    def changes(self) -> set[str]:
        """Paths that are new, changed or gone."""
        found = {
            f"/{name}/{path.relative_to(self._upper(name))}"
            for name in FOLDERS
            for path in self._upper(name).rglob("*")
            if not path.is_dir() or not Path("/", name, path.relative_to(self._upper(name))).is_dir()
        }
        return found - {f"/etc/{name}" for name in REWRITTEN}

    def accounts(self) -> list[str]:
        return [(self.root / "etc" / name).read_text(encoding="utf-8") for name in ("passwd", "group")]

    def _upper(self, name: str) -> Path:
        return self.root / str(self._folder).lstrip("/") / "upper" / name
