"""The catalogue is whole: every check can be read where it says so, and says what to do."""

from __future__ import annotations

import tomllib
from datetime import date
from pathlib import Path

import haidang_agent.posture
from haidang_agent.posture import linux
from haidang_agent.posture.catalogue import CHECKS
from haidang_agent.posture.check import Outcome, judged
from haidang_agent.posture.windows import judging
from haidang_agent.unread import UnreadError


def test_each_check_has_a_reader_on_each_of_its_platforms() -> None:
    assert {check.id for check in CHECKS if "linux" in check.platforms} == set(linux.READERS)
    assert {check.id for check in CHECKS if "win32" in check.platforms} == set(judging.READERS)
    assert len({check.id for check in CHECKS}) == len(CHECKS)


def test_each_check_says_what_must_be_what_to_do_and_who_asks_for_it() -> None:
    assert all(check.title and check.source and check.remedy.endswith((".", ")", "ssh", "/resync")) for check in CHECKS)


def test_what_cannot_be_read_is_neither_passed_nor_failed() -> None:
    def denied() -> Outcome:
        raise UnreadError("denied")

    assert judged(CHECKS[0], denied).state == "unread"
    assert judged(CHECKS[0], lambda: Outcome(passed=False, found="x")).state == "fail"


def test_the_docs_name_every_check() -> None:
    page = (Path(__file__).parents[3] / "docs/posture.md").read_text(encoding="utf-8")

    assert [check.id for check in CHECKS if f"`{check.id}`" not in page] == []


def test_the_table_of_support_is_of_dates() -> None:
    table = tomllib.loads(Path(haidang_agent.posture.__path__[0], "end_of_life.toml").read_text(encoding="utf-8"))
    families = {family: ends for family, ends in table.items() if isinstance(ends, dict)}

    assert {"debian", "ubuntu", "rhel", "windows", "windows-server"} <= families.keys()
    assert all(isinstance(end, date) for ends in families.values() for end in ends.values())
