"""What goes along in a file for the centre, and what a relay lets go of for that: what the centre has, nothing else."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from haidang_agent.relay import carried
from haidang_agent.relay.carried import Carried
from haidang_agent.relay.custody import OVERHEAD_BYTES, Custody
from haidang_agent.relay.frame import Label

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FIRST, SECOND = "1" * 16, "2" * 16


@pytest.fixture
def custody(tmp_path: Path) -> Iterator[Custody]:
    """Of the agent that runs."""
    with closing(Custody(tmp_path / "relay.db", 1 << 20)) as opened:
        yield opened


def keep(custody: Custody, agent: str, *newest: int) -> None:
    for when in newest:
        custody.take(f"{agent} {when}".encode(), Label(agent, "0" * 32, when, 10), "10.0.0.1")


def exported(tmp_path: Path, export: str, first: int = 0) -> list[bytes]:
    """As the command does, beside the agent."""
    with closing(Custody(tmp_path / "relay.db", 0)) as kept:
        others = Carried(kept)
        found = list(others.frames())
        others.note(export, first)
    return found


def test_all_goes_along_the_oldest_first_and_stays(custody: Custody, tmp_path: Path) -> None:
    keep(custody, "a-1", 1, 3)
    keep(custody, "a-2", 2)

    assert exported(tmp_path, FIRST) == [b"a-1 1", b"a-2 2", b"a-1 3"]
    assert custody.stats().frames == 3
    assert carried.waiting(custody) == FIRST


def test_what_the_centre_has_is_let_go_of_and_nothing_else(custody: Custody, tmp_path: Path) -> None:
    """Parts 0 to 4 are the relay's own."""
    keep(custody, "a-1", 1, 2, 3, 4)
    exported(tmp_path, FIRST, first=5)
    keep(custody, "a-1", 5)

    assert carried.settle(custody, FIRST, "0-5,7") == 2

    assert exported(tmp_path, FIRST) == [b"a-1 2", b"a-1 4", b"a-1 5"]
    assert custody.stats().bytes == 3 * (OVERHEAD_BYTES + len(b"a-1 1"))
    assert custody.stats().counted == {"forwarded": 2}
    keep(custody, "a-1", 1)
    assert custody.stats().frames == 3, "who heard it pass does not bring it again"


@pytest.mark.parametrize("said", ["", "2", "-1", "0-", "x", "1-0", "99999"])
def test_what_is_no_part_of_it_settles_nothing(custody: Custody, tmp_path: Path, said: str) -> None:
    keep(custody, "a-1", 1, 2)
    exported(tmp_path, FIRST)

    assert carried.settle(custody, FIRST, said) == 0
    assert custody.stats().frames == 2


def test_what_the_centre_has_of_an_earlier_export_settles_nothing_of_a_later_one(
    custody: Custody, tmp_path: Path
) -> None:
    keep(custody, "a-1", 2)
    exported(tmp_path, FIRST)
    keep(custody, "a-1", 1)
    exported(tmp_path, SECOND)

    assert carried.waiting(custody) == SECOND
    assert carried.settle(custody, FIRST, "0") == 0
    assert custody.stats().frames == 2


def test_it_is_known_over_a_restart(custody: Custody, tmp_path: Path) -> None:
    keep(custody, "a-1", 1)
    exported(tmp_path, FIRST)
    custody.close()

    assert carried.waiting(custody) == FIRST
    assert carried.settle(custody, FIRST, "0") == 1


def test_what_was_handed_over_meanwhile_is_forgotten(custody: Custody, tmp_path: Path) -> None:
    """What is only confirmed may have to be handed over once more."""
    assert carried.waiting(custody) == ""
    keep(custody, "a-1", 1, 2)
    exported(tmp_path, FIRST)
    first, second = custody.oldest(), custody.newest({})[0]
    assert first is not None
    custody.settle(first, "forwarded")
    custody.confirm(second, "1790000000.00", "forwarded")
    assert carried.waiting(custody) == ""

    keep(custody, "a-1", 3)
    assert custody.confirm(custody.newest({})[0], "1790000900.00", "forwarded") == 1
    assert carried.waiting(custody) == FIRST
    assert carried.settle(custody, FIRST, "0-1") == 1
