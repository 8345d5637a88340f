"""What people write for the columns and levels of a table of units, in Vietnamese and English, however spelt."""

from __future__ import annotations

import re
import unicodedata
from functools import cache

LEVELS = {
    "kindergarten": "Mầm non",
    "primary": "Tiểu học",
    "lower_secondary": "THCS",
    "upper_secondary": "THPT",
    "continuing": "GDTX",
    "mixed": "Liên cấp",
}
"""Level words, and how they are written for people. Students are never of the level `mixed`: it means several."""
STUDENT_LEVELS = tuple(level for level in LEVELS if level != "mixed")

CODE, NAME, DISTRICT, LEVEL, ADDRESS, STUDENTS = "code", "name", "district", "level", "address", "students"
REQUIRED = (CODE, NAME, DISTRICT, LEVEL)

TITLES = {
    CODE: "Mã đơn vị",
    NAME: "Tên đơn vị",
    DISTRICT: "Quận/Huyện",
    LEVEL: "Cấp học",
    ADDRESS: "Địa chỉ",
    **{f"{STUDENTS}_{level}": f"Số học sinh {LEVELS[level]}" for level in STUDENT_LEVELS},
}
"""Fields, and the column titles of an export."""

LONGEST_TITLE = 1_000
"""Characters; a name of a district is shorter as well."""

_COLUMNS = {
    CODE: ("ma don vi", "ma truong", "ma", "ma so", "ma co so", "ma co so giao duc", "code", "unit", "unit code"),
    NAME: ("ten", "ten don vi", "ten truong", "ten co so", "ten co so giao duc", "name", "unit name", "school name"),
    DISTRICT: ("quan", "huyen", "quan huyen", "quan huyen phong gd", "phong gd", "phong gd dt", "district"),
    LEVEL: ("cap hoc", "cap", "bac hoc", "level"),
    ADDRESS: ("dia chi", "address"),
    STUDENTS: ("so hoc sinh", "hoc sinh", "so hs", "si so", "tong so hoc sinh", "students"),
}
_MORE_DISTRICTS = ("phong giao duc", "phong giao duc va dao tao", "phong giao duc dao tao", "quan huyen thanh pho")
_LEVELS = {
    "kindergarten": ("mam non", "mau giao", "nha tre", "mn", "kindergarten"),
    "primary": ("tieu hoc", "th", "cap 1", "primary"),
    "lower_secondary": ("thcs", "trung hoc co so", "cap 2", "lower secondary"),
    "upper_secondary": ("thpt", "trung hoc pho thong", "cap 3", "upper secondary"),
    "continuing": ("gdtx", "giao duc thuong xuyen", "tt gdtx", "gdnn gdtx", "continuing"),
    "mixed": ("lien cap", "nhieu cap", "pho thong nhieu cap", "mixed"),
}
_STUDENT_PREFIXES = ("so hoc sinh", "hoc sinh", "so hs", "hs", "si so", "students")


def plain(text: str) -> str:
    """Lower-case letters and digits without diacritics, words parted by single spaces; empty for what is no title."""
    if len(text) > LONGEST_TITLE:
        return ""
    bare = unicodedata.normalize("NFKD", text.casefold()).replace("đ", "d")
    letters = "".join(c for c in bare if not unicodedata.combining(c))
    return " ".join(re.findall(r"[^\W_]+", letters))


plain_own = cache(plain)
"""Of our own words, which are few; what people wrote would fill its memory."""


def column_field(title: str) -> str | None:
    """Which field a column is, by its title; None: unknown."""
    return _FIELD_BY_TITLE.get(plain(title))


def level_word(text: str) -> str | None:
    """`Tiểu học`, `TH`, `primary` → primary; `TH & THCS` → mixed; None: unknown."""
    words = plain(text)
    if words in _LEVEL_BY_NAME:
        return _LEVEL_BY_NAME[words]
    parts = {_LEVEL_BY_NAME.get(part) for part in words.split() if part != "va"}
    return "mixed" if len(parts) > 1 and None not in parts else None


_LEVEL_BY_NAME = {name: level for level, names in _LEVELS.items() for name in names}
_FIELD_BY_TITLE = {
    **{title: field for field, titles in _COLUMNS.items() for title in titles},
    **dict.fromkeys(_MORE_DISTRICTS, DISTRICT),
    **{
        f"{prefix} {name}": f"{STUDENTS}_{level}"
        for level in STUDENT_LEVELS
        for name in _LEVELS[level]
        for prefix in _STUDENT_PREFIXES
    },
    **{f"{name} students": f"{STUDENTS}_{level}" for level in STUDENT_LEVELS for name in _LEVELS[level]},
}
