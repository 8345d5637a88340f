from __future__ import annotations

import unicodedata

import pytest
from haidang_collector.registry.unit_words import LEVELS, STUDENT_LEVELS, TITLES, column_field, level_word


@pytest.mark.parametrize(
    ("title", "field"),
    [
        ("Mã đơn vị", "code"),
        ("MÃ TRƯỜNG", "code"),
        ("ma truong", "code"),
        ("code", "code"),
        ("Tên", "name"),
        ("Tên đơn vị", "name"),
        ("name", "name"),
        ("Quận", "district"),
        ("Huyện", "district"),
        ("Quận / Huyện", "district"),
        ("Phòng GD", "district"),
        ("Phòng GD&ĐT", "district"),
        ("district", "district"),
        ("Cấp  học:", "level"),
        ("level", "level"),
        ("Số học sinh", "students"),
        ("Số học sinh tiểu học", "students_primary"),
        ("Số HS THCS", "students_lower_secondary"),
        ("students_upper_secondary", "students_upper_secondary"),
        ("Primary students", "students_primary"),
        ("Địa chỉ", "address"),
        ("STT", None),
        ("", None),
        ("Ghi chú", None),
    ],
)
def test_a_title_is_known_in_any_spelling(title: str, field: str | None) -> None:
    """
    Upper or lower case, with or without diacritics, composed (NFC) or decomposed (NFD) as macOS has them.
    """
    for form in ("NFC", "NFD", "NFKD"):
        spelt = unicodedata.normalize(form, title)
        assert [column_field(way) for way in (spelt, spelt.upper(), f" {spelt}\n")] == [field] * 3


@pytest.mark.parametrize(
    ("text", "level"),
    [
        ("Mầm non", "kindergarten"),
        ("TIỂU HỌC", "primary"),
        ("TH", "primary"),
        ("thcs", "lower_secondary"),
        ("THPT", "upper_secondary"),
        ("GDTX", "continuing"),
        ("GDNN-GDTX", "continuing"),
        ("Liên cấp", "mixed"),
        ("TH & THCS", "mixed"),
        ("THCS và THPT", "mixed"),
        ("TH-THCS-THPT", "mixed"),
        ("TH TH", None),
        ("TH và ABC", None),
        ("và", None),
        ("Đại học", None),
        ("", None),
    ],
)
def test_a_level_is_known_in_any_spelling(text: str, level: str | None) -> None:
    assert [level_word(text), level_word(unicodedata.normalize("NFD", text))] == [level, level]


def test_what_is_written_out_is_known_again() -> None:
    assert {level_word(written): level for level, written in LEVELS.items()} == {level: level for level in LEVELS}
    assert [level_word(level) for level in LEVELS] == list(LEVELS)
    assert [column_field(title) for title in TITLES.values()] == list(TITLES)
    assert [column_field(field) for field in TITLES] == list(TITLES)
    assert "mixed" not in STUDENT_LEVELS
