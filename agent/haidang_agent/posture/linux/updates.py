"""Security updates that wait: what apt-get would install from a security archive, by the lists it has."""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING

from haidang_agent.i18n import _
from haidang_agent.posture.check import Outcome, overdue_updates, waiting_updates
from haidang_agent.unread import UnreadError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from haidang_agent.posture.linux.machine import Machine

INSTALL = re.compile(r"Inst (\S+) \[[^\]]+\] \(\S+ ([^)\[]*)")
"""apt-get(8) --simulate: package, version that is there, version to come and the archives that have it."""
SECURITY = re.compile(r"Debian-Security:|/\w+-security\b")
MOST_LISTS = 4096


def security_updates(machine: Machine) -> Outcome:
    return waiting_updates(len(_waiting(machine)), max(_looked(machine), default=0.0), machine.now)


def overdue_security_updates(machine: Machine) -> Outcome:
    """An update waits since it was first seen, and at least since the archive's list that has it was made."""
    names = _waiting(machine)
    seen_seconds = machine.ledger.oldest_seconds(names, machine.now)
    if not names:
        return security_updates(machine)
    made = max(file.stat().st_mtime for file in _lists(machine))
    return overdue_updates(len(names), max(seen_seconds, machine.now - made), machine.limits.update_days)


def parse_simulation(said: str) -> frozenset[str]:
    """Names of the packages that have a security update."""
    return frozenset(match[1] for match in map(INSTALL.match, said.splitlines()) if match and SECURITY.search(match[2]))


@lru_cache(maxsize=1)  # two checks of one look; a second is what apt-get takes
def _waiting(machine: Machine) -> frozenset[str]:
    status = machine.path("/var/lib/dpkg/status")
    if not status.exists():
        raise UnreadError(_("only apt is asked so far"))
    if not _lists(machine):
        raise UnreadError(_("apt has no list of a security archive: apt-get update has to run"))
    places = ("-o", f"Dir={machine.root}", "-o", f"Dir::State::status={status}")
    return parse_simulation(
        machine.run("apt-get", "--simulate", "-o", "Debug::NoLocking=true", *places, "dist-upgrade")
    )


def _lists(machine: Machine) -> list[Path]:
    folder = machine.path("/var/lib/apt/lists")
    files = islice(folder.glob("*Release"), MOST_LISTS)
    return [file for file in files if "security" in file.name]


def _looked(machine: Machine) -> Iterator[float]:
    """When apt last looked for updates: it makes files in these folders then."""
    for folder in ("/var/lib/apt/lists", "/var/lib/apt/lists/partial"):
        path = machine.path(folder)
        if path.exists():
            yield path.stat().st_mtime
