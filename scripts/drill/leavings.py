"""What lies on a machine after a removal, but for what Debian's own packages are known to leave."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scripts.drill.debian import Debian

KNOWN = (
    "/etc/fonts/conf.d/",  # fontconfig-config, from its answers to debconf
    "/usr/local/share/fonts",  # the same
    "/etc/lighttpd/conf-enabled",  # javascript-common, which came with Prometheus
)
"""Made by the scripts of packages that came along with others and stay."""
ACCOUNTS = ("/etc/passwd", "/etc/group", "/etc/shadow", "/etc/gshadow")


def accounts(machine: Debian) -> set[str]:
    """Names of users and groups."""
    lines = [line for file in ACCOUNTS for line in machine.run("cat", file).stdout.splitlines()]
    return {line.partition(":")[0] for line in lines}


def unexplained(machine: Debian, before: set[str], ignore: Sequence[str]) -> list[str]:
    """As `Debian.traces`, without files of packages that are installed; and accounts that were not there `before`."""
    packaged = {
        f"/usr{line}" if line.startswith(("/bin/", "/sbin/", "/lib")) else line
        for file in (machine.root / "var/lib/dpkg/info").glob("*.list")
        for line in file.read_text(encoding="utf-8").splitlines()
    }
    left = [line for line in machine.traces(ignore=(*ignore, *KNOWN, *ACCOUNTS)) if line[2:] not in packaged]
    return left + [f"+ account {name}" for name in sorted(accounts(machine) - before)]
