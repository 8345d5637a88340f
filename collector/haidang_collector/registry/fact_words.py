"""Words that facts of units are told in: for programs, for people, and however people spell them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from haidang_collector.registry.unit_words import LEVELS, level_word, plain, plain_own

if TYPE_CHECKING:
    from collections.abc import Mapping

EQUIPMENT = {
    "management_computer": "Máy tính quản lý",
    "teaching_computer": "Máy tính dạy học ngoài phòng máy",
    "printer": "Máy in",
    "webcam": "Webcam",
    "camera": "Camera",
    "projector": "Máy chiếu",
    "display": "Màn hình trình chiếu",
    "scanner": "Máy quét",
    "access_point": "Thiết bị phát Wi-Fi",
    "server": "Máy chủ",
}
ROLES = {"leader": "Lãnh đạo", "officer": "Phụ trách CNTT"}
MEDIA = {"fibre": "Cáp quang", "copper": "Cáp đồng", "cellular": "Di động"}
LAB_LEVELS = {level: LEVELS[level] for level in ("primary", "lower_secondary", "upper_secondary")}
"""Those that have a limit of students per computer; a room without one is shared by all."""
PUBLIC_SERVICES = {
    "enrolment": "Tuyển sinh đầu cấp",
    "results": "Tra cứu kết quả học tập",
    "transfer": "Chuyển trường",
    "fees": "Nộp học phí",
}
"""Those that the directive names (§ II.3.3), and others that are common; a unit may have any."""
ALL_YEAR = "year"
SEASONS = {"enrolment": "Mùa tuyển sinh", ALL_YEAR: "Cả năm"}
"""`year` is no season of any calendar, so it is never over."""
YES_NO = {True: "có", False: "không"}

_SPELLINGS = {
    "may tinh van phong": "management_computer",
    "may tinh hanh chinh": "management_computer",
    "may vi tinh quan ly": "management_computer",
    "may tinh giao vien": "teaching_computer",
    "may tinh day hoc": "teaching_computer",
    "may in laser": "printer",
    "web cam": "webcam",
    "camera an ninh": "camera",
    "may chieu projector": "projector",
    "man hinh": "display",
    "man hinh tuong tac": "display",
    "bang tuong tac": "display",
    "tivi": "display",
    "tv": "display",
    "may scan": "scanner",
    "wifi": "access_point",
    "wi fi": "access_point",
    "bo phat wifi": "access_point",
    "ban giam hieu": "leader",
    "hieu truong": "leader",
    "pho hieu truong": "leader",
    "can bo": "officer",
    "can bo cntt": "officer",
    "can bo phu trach": "officer",
    "can bo phu trach cntt": "officer",
    "phu trach": "officer",
    "ict officer": "officer",
    "quang": "fibre",
    "ftth": "fibre",
    "fiber": "fibre",
    "adsl": "copper",
    "dong": "copper",
    "tuyen sinh": "enrolment",
    "tuyen sinh truc tuyen": "enrolment",
    "ket qua": "results",
    "ket qua hoc tap": "results",
    "tra cuu ket qua": "results",
    "hoc phi": "fees",
    "quanh nam": ALL_YEAR,
    "3g": "cellular",
    "4g": "cellular",
    "5g": "cellular",
}
_YES = frozenset({"co", "x", "1", "true", "yes", "y", "dung", "da co"})
_NO = frozenset({"khong", "0", "false", "no", "n", "sai", "chua", "chua co"})


def word(text: str, known: Mapping[str, str]) -> str | None:
    """The word of `known` (word: how people write it) that `text` means; None: none of them."""
    spelt = plain(text)
    for each, title in known.items():
        if spelt in (plain_own(each), plain_own(title)):
            return each
    meant = _SPELLINGS.get(spelt) or level_word(text)
    return meant if meant in known else None


def yes_no(text: str) -> bool | None:
    """None: neither."""
    spelt = plain(text)
    return True if spelt in _YES else False if spelt in _NO else None
