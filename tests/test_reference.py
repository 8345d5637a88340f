"""docs/reference/ is what the code says."""

from __future__ import annotations

import pytest

from scripts import reference_pages


@pytest.mark.parametrize("name", reference_pages.PAGES)
def test_a_page_is_up_to_date(name: str) -> None:
    """
    If this fails: python scripts/reference_pages.py
    """
    assert (reference_pages.FOLDER / name).read_text(encoding="utf-8") == reference_pages.PAGES[name]()


def test_no_page_is_left_over() -> None:
    assert {file.name for file in reference_pages.FOLDER.iterdir()} == set(reference_pages.PAGES)
