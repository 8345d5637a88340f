"""Security updates that wait, by the real apt-get looking at a tree."""

from __future__ import annotations

import os
from pathlib import Path

from haidang_agent.posture.check import Ledger
from haidang_agent.posture.linux.updates import overdue_security_updates, parse_simulation

from tests.agent.posture.trees import LIST, NOW, Tree, debian

DAY = 86400.0
UBUNTU = """NOTE: This is only a simulation!
Inst base-files [12ubuntu4.6] (12ubuntu4.7 Ubuntu:22.04/jammy-updates [amd64])
Inst libssl3 [3.0.2-0ubuntu1.15] (3.0.2-0ubuntu1.18 Ubuntu:22.04/jammy-updates, Ubuntu:22.04/jammy-security [amd64]) []
Inst linux-image-5.15.0-119-generic (5.15.0-119.129 Ubuntu:22.04/jammy-security [amd64])
Conf libssl3 (3.0.2-0ubuntu1.18 Ubuntu:22.04/jammy-updates, Ubuntu:22.04/jammy-security [amd64])
"""


def fresh(tree: Tree, *, looked: float = NOW, made: float = NOW) -> Tree:
    """apt looked at `looked`, and the archive's list was made at `made`."""
    os.utime(tree.root / f"{LIST}_Release", (made, made))
    for folder in ("var/lib/apt/lists", "var/lib/apt/lists/partial"):
        os.utime(tree.root / folder, (looked, looked))
    return tree


def test_only_security_archives_count_and_only_what_is_there() -> None:
    assert parse_simulation(UBUNTU) == {"libssl3"}


def test_an_update_that_waits(tmp_path: Path) -> None:
    tree = fresh(debian(tmp_path, offered="3.0.17-1"))

    assert tree.outcome("security_updates") == (False, "1 security updates wait")


def test_none_waits(tmp_path: Path) -> None:
    tree = fresh(debian(tmp_path, offered="3.0.15-1"))

    assert tree.outcome("security_updates") == (True, "none waits")
    assert tree.outcome("security_updates_overdue") == (True, "none waits")


def test_old_lists_do_not_say_that_none_waits(tmp_path: Path) -> None:
    """But what waited then still waits."""
    quiet = fresh(debian(tmp_path / "quiet", offered="3.0.15-1"), looked=NOW - 8 * DAY)
    waiting = fresh(debian(tmp_path / "waiting", offered="3.0.17-1"), looked=NOW - 8 * DAY)

    assert quiet.check("security_updates") == "updates were last looked for 8 days ago"
    assert waiting.check("security_updates") is False


def test_without_a_security_archive_nothing_is_known(tmp_path: Path) -> None:
    tree = debian(tmp_path, offered="3.0.17-1")
    (tmp_path / f"{LIST}_Release").unlink()

    assert tree.check("security_updates") == "apt has no list of a security archive: apt-get update has to run"
    assert Tree(tmp_path / "fedora").check("security_updates") == "only apt is asked so far"


def test_a_list_of_long_ago_makes_an_update_overdue(tmp_path: Path) -> None:
    tree = fresh(debian(tmp_path, offered="3.0.17-1"), made=NOW - 15 * DAY)

    assert tree.outcome("security_updates_overdue") == (False, "1 wait, the oldest for 15 days at least")


def test_an_update_is_overdue_since_it_was_first_seen(tmp_path: Path) -> None:
    """Though the list is made anew every day; what was installed meanwhile starts again."""
    tree, ledger = fresh(debian(tmp_path, offered="3.0.17-1")), Ledger({"curl": NOW - 99 * DAY})

    assert overdue_security_updates(tree.machine(ledger=ledger)).passed
    assert ledger.first_seen == {"openssl": NOW}
    later = NOW + 15 * DAY
    fresh(tree, made=later, looked=later)
    assert not overdue_security_updates(tree.machine(later, Ledger(ledger.first_seen))).passed


def test_a_clock_that_was_wrong_gives_no_negative_age(tmp_path: Path) -> None:
    tree, ledger = fresh(debian(tmp_path, offered="3.0.17-1")), Ledger({"openssl": NOW + 99 * DAY})

    assert overdue_security_updates(tree.machine(ledger=ledger)).found == "1 wait, the oldest for 0 days at least"


def test_no_more_is_remembered_than_the_oldest() -> None:
    ledger = Ledger({"old": NOW - DAY})

    assert ledger.oldest_seconds(["old", *map(str, range(5000))], NOW) == DAY
    assert len(ledger.first_seen) == 256
    assert "old" in ledger.first_seen
