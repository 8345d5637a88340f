"""What virtual schools leave behind, and what they must not touch."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

from tests.lab import guardian

OWN_NETWORK = ("ip -br link", "ip -br addr", "ip route show table all", "ip rule", "tc qdisc", "nft list ruleset")


def left_of(maker: int) -> list[str]:
    """Namespaces and folders of the schools that this process made, and the command lines that name them."""
    prefix = f"hd{maker}."
    programs = [
        words for entry in Path("/proc").iterdir() if entry.name.isdigit() and prefix in (words := _command(entry))
    ]
    names = [*guardian.namespaces(), *(entry.name for entry in Path(tempfile.gettempdir()).iterdir())]
    return sorted([name for name in names if name.startswith(prefix)] + programs)


def machine() -> str:
    """Interfaces, addresses, routes, rules, queues and packet filter of the machine itself."""
    shown = (subprocess.run(words.split(), capture_output=True, text=True, check=True) for words in OWN_NETWORK)
    return "".join(done.stdout for done in shown)


def _command(entry: Path) -> str:
    try:
        return (entry / "cmdline").read_text(errors="replace").replace("\0", " ")
    except (FileNotFoundError, ProcessLookupError):
        return ""
