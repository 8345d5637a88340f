from __future__ import annotations

import re

from haidang_collector.grafana.names import parts_of
from hypothesis import given
from hypothesis import strategies as st


def slugs(*districts: str) -> list[str]:
    return [part.slug for part in parts_of(districts)]


def test_districts_are_called_as_people_would_write_them_in_an_address() -> None:
    assert slugs("Quận 1", "Thành phố Thủ Đức", "Hóc Môn") == ["city", "hoc-mon", "quan-1", "thanh-pho-thu-duc"]


def test_names_that_would_be_the_same_are_told_apart_for_good() -> None:
    """
    Two districts in one folder would see each other.
    """
    told = slugs("Quận 1", "Quan 1", "quận-1", "City", "東")

    assert len(set(told)) == 6
    assert all(re.fullmatch(r"quan-1-[0-9a-f]{6}", slug) for slug in told if slug.startswith("quan"))
    assert slugs("東") == ["city", told[-1]]


@given(st.lists(st.text(min_size=1, max_size=100), max_size=8))
def test_any_names_give_addresses_that_grafana_takes(districts: list[str]) -> None:
    parts = parts_of(districts)

    assert len({part.slug for part in parts}) == len(set(districts)) + 1
    for part in parts:
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", part.slug)
        assert len(f"hd-students-vi-{part.slug}") <= 40
        assert len(part.uid) <= 40
        assert re.fullmatch(r"[A-Z0-9_]+", part.variable)
