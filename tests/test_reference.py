"""docs/reference/ is what the code says."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from haidang_collector.centre import school_time
from haidang_collector.notify import settings as notify
from haidang_collector.policy import policy

from scripts import reference_files, reference_pages

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("name", reference_pages.PAGES)
def test_a_page_is_up_to_date(name: str) -> None:
    """
    If this fails: python scripts/reference_pages.py
    """
    assert (reference_pages.FOLDER / name).read_text(encoding="utf-8") == reference_pages.PAGES[name]()


def test_no_page_is_left_over() -> None:
    assert {file.name for file in reference_pages.FOLDER.iterdir()} == set(reference_pages.PAGES)


def test_the_example_of_how_people_are_told_can_be_used_and_has_every_table(tmp_path: Path) -> None:
    example = reference_files.NOTIFY_EXAMPLE.read_text(encoding="utf-8")
    file = tmp_path / "notify.toml"
    file.write_text(example.replace("/etc/haidang", str(tmp_path)), encoding="utf-8")
    for secret in ("mail-password", "lan-telegram"):
        (tmp_path / secret).write_text("tgram://token/chat\n", encoding="utf-8")

    assert notify.load(file).model_fields_set == set(notify.NotifySettings.model_fields)


def test_the_files_to_begin_with_are_where_the_page_says_and_can_be_used() -> None:
    links = re.findall(r"\]\((\.\./[^)]*)\)", reference_files.collector_files())
    told = {(reference_pages.FOLDER / link).resolve() for link in links}

    assert {policy.BUILT_IN, school_time.BUILT_IN} <= told
    assert [file for file in told if not file.is_file()] == []
    assert policy.load(policy.BUILT_IN).limits
    assert school_time.load(school_time.BUILT_IN).terms
