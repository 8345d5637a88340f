"""Linux machines as trees of files, made for one test each."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from haidang_agent.posture.check import Outcome
from haidang_agent.posture.linux import READERS
from haidang_agent.posture.linux.machine import Machine
from haidang_agent.unread import UnreadError

if TYPE_CHECKING:
    from haidang_agent.posture.check import Ledger

NOW = 1_790_000_000.0
"""21 September 2026."""
PASSWD = "root:x:0:0:root:/root:/bin/bash\nan:x:1000:1000:An:/home/an:/bin/bash\n"
LIST = "var/lib/apt/lists/security.example_debian-security_dists_bookworm-security"
UDP_HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid\n"


class Tree:
    """A root folder with `proc` and `sys`; files are given by their path below it."""

    def __init__(self, root: Path, **files: str) -> None:
        self.root = root
        self.write(files)

    def write(self, files: dict[str, str]) -> None:
        for name, text in files.items():
            file = self.root / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)

    def machine(self, now: float = NOW, ledger: Ledger | None = None, own_files: tuple[Path, ...] = ()) -> Machine:
        known = {} if ledger is None else {"ledger": ledger}
        return Machine(now, self.root, self.root / "proc", self.root / "sys", own_files, **known)

    def check(self, name: str, now: float = NOW) -> bool | str:
        """Passed or failed, or why it could not be read."""
        try:
            return READERS[name](self.machine(now)).passed
        except UnreadError as why:
            return str(why)

    def outcome(self, name: str) -> Outcome:
        return READERS[name](self.machine())

    def link(self, name: str, target: str) -> None:
        """A symbolic link, whose target need not be there."""
        (self.root / name).parent.mkdir(parents=True, exist_ok=True)
        (self.root / name).symlink_to(target)

    def remove(self, name: str) -> None:
        shutil.rmtree(self.root / name, ignore_errors=True)


def package(name: str, version: str, *, installed: bool) -> str:
    """A paragraph of dpkg's status, or of an archive's list."""
    there = "Status: install ok installed\n" if installed else f"Filename: {name}.deb\nSize: 1\nSHA256: {'0' * 64}\n"
    return f"Package: {name}\nArchitecture: amd64\nVersion: {version}\nMaintainer: x\nDescription: x\n{there}\n"


def debian(root: Path, *, offered: str) -> Tree:
    """Has openssl 3.0.15-1, and a list of a security archive that offers version `offered`."""
    tree = Tree(root)
    (root / "var/lib/apt/lists/partial").mkdir(parents=True)
    release = (
        "Origin: Debian\nLabel: Debian-Security\nSuite: stable-security\nCodename: bookworm-security\nVersion: 12\n"
        "Date: Sat, 01 Aug 2026 10:00:00 UTC\nArchitectures: amd64\nComponents: main\n"
    )
    tree.write(
        {
            "var/lib/dpkg/status": package("openssl", "3.0.15-1", installed=True),
            f"{LIST}_Release": release,
            f"{LIST}_main_binary-amd64_Packages": package("openssl", offered, installed=False),
            "etc/apt/sources.list": "deb [arch=amd64 trusted=yes] http://security.example/debian-security "
            "bookworm-security main\n",
        }
    )
    return tree
