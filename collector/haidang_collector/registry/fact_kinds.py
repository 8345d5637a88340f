"""The kinds of facts that tables bring: which columns each has, how they are read, and what tells two entries apart."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from functools import cache
from typing import TYPE_CHECKING, Any

from haidang_isps import Prefixes

from haidang_collector.registry import fact_cells as cells
from haidang_collector.registry import fact_words as words
from haidang_collector.registry.models import (
    PERSON_LENGTH,
    Base,
    Contact,
    Contract,
    Equipment,
    Lab,
    Plan,
    Portal,
    PublicService,
    SubjectGroup,
)
from haidang_collector.registry.said import _
from haidang_collector.registry.unit_words import CODE, TITLES, column_field, plain, plain_own

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from haidang_collector.registry.fact_cells import Reader, Value

MOST_DEVICES = 100_000
MOST_VLAN = 4094
"""IEEE 802.1Q; 0 and 4095 are reserved."""

_COUNT = cells.whole(0, MOST_DEVICES)
_WORDS = cells.words(PERSON_LENGTH)
_SHARED = _("write one of %(known)s; empty: shared by all levels")
_NOT_KNOWN = _("write one of %(known)s; empty: not known")

Values = dict[str, "Value"]


@dataclass(frozen=True, slots=True)
class Column:
    """One column: `title` heads an export, `aliases` do as well; `shown` is how its words are written for people."""

    name: str
    title: str
    read: Reader
    example: str
    aliases: tuple[str, ...] = ()
    required: bool = False
    shown: Mapping[Any, str] = field(default_factory=dict)

    def show(self, value: Value) -> str:
        """As a cell of an export, which `read` understands."""
        if value is None:
            return ""
        if isinstance(value, float):
            return f"{value:g}" if value.is_integer() else str(value)
        return value.isoformat() if isinstance(value, date) else self.shown.get(value, str(value))


@dataclass(frozen=True, slots=True)
class Kind:
    """`key` names the columns that tell a unit's entries apart; one of them left empty is the empty text."""

    word: str
    model: type[Base]
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    check: Callable[[Values], tuple[str, str, str] | None] = lambda _: None
    """The column, what is wrong and its fix, for a row whose cells are sound one by one."""

    def field_of(self, title: str) -> str | None:
        """Which field a column is, by its title; None: unknown."""
        if column_field(title) == CODE:
            return CODE
        spelt = plain(title)
        for column in self.columns:
            if spelt in (plain_own(column.title), plain_own(column.name), *column.aliases):
                return column.name
        return None

    @property
    def titles(self) -> dict[str, str]:
        return {CODE: TITLES[CODE], **{column.name: column.title for column in self.columns}}

    @property
    def required(self) -> tuple[str, ...]:
        return (CODE, *(column.name for column in self.columns if column.required))


@cache
def _isps() -> dict[str, str]:
    return {plain(isp): isp for isp in Prefixes.load().isps}


def isp(text: str) -> str:
    """The name that measurements use, where it is one of theirs (`FPT Telecom`, `fpt` → FPT); any other stays."""
    told = str(_WORDS(text))
    spelt = plain(told)
    meant = {name for known, name in _isps().items() if known == spelt or known in spelt.split()}
    return meant.pop() if len(meant) == 1 else told


def _contract(values: Values) -> tuple[str, str, str] | None:
    starts, ends = values.get("starts"), values.get("ends")
    if isinstance(starts, date) and isinstance(ends, date) and ends < starts:
        return "ends", _("is before the contract starts"), _("are the two dates swapped?")
    return None


def _portal(values: Values) -> tuple[str, str, str] | None:
    if not any(values.values()):
        return "url", _("and the mail domain are empty"), _("fill in one of them, or remove the row")
    return None


LABS = Kind(
    "labs",
    Lab,
    (
        Column("name", "Tên phòng máy", _WORDS, "Phòng máy 1", ("phong may", "ten phong", "lab"), True),
        Column("cidr", "Dải mạng", cells.cidr, "10.20.1.0/24", ("dai dia chi", "dai ip", "subnet", "network")),
        Column("vlan", "VLAN", cells.whole(1, MOST_VLAN), "20", ("vlan id",)),
        Column("computers", "Số máy tính", _COUNT, "40", ("so may", "so luong may", "declared")),
        Column("level", "Cấp học", cells.one_of(words.LAB_LEVELS, _SHARED), "Tiểu học",
               ("cap",), shown=words.LAB_LEVELS),
        Column("subnets", "Dải mạng khác", cells.networks, "10.20.3.0/24 10.20.4.0/24", ("cac dai mang khac",)),
        Column("ports", "Cổng chuyển mạch", cells.ports, "10.20.0.2 Gi1/0/1-24; 10.20.0.3 eth5",
               ("cong switch", "cong")),
        Column("machines", "Địa chỉ MAC", cells.macs, "8c:ec:4b:00:00:01 8c:ec:4b:00:00:02",
               ("dia chi mac cua cac may", "mac", "mac addresses")),
    ),
    ("name",),
)  # fmt: skip
EQUIPMENT = Kind(
    "equipment",
    Equipment,
    (
        Column("kind", "Loại thiết bị", cells.one_of(words.EQUIPMENT), "Máy in", ("loai", "thiet bi", "ten thiet bi"),
               True, words.EQUIPMENT),
        Column("number", "Số lượng", _COUNT, "2", ("so luong thiet bi", "quantity", "count"), True),
    ),
    ("kind",),
)  # fmt: skip
SUBJECTS = Kind(
    "subjects",
    SubjectGroup,
    (
        Column("name", "Tổ bộ môn", _WORDS, "Tổ Toán", ("to", "ten to", "to chuyen mon", "group"), True),
        Column("has_computer", "Có máy tính", cells.flag, "có", ("may tinh", "computer"), True, words.YES_NO),
    ),
    ("name",),
)  # fmt: skip
CONTACTS = Kind(
    "contacts",
    Contact,
    (
        Column("role", "Vai trò", cells.one_of(words.ROLES), "Lãnh đạo", ("chuc vu", "nhiem vu"), True, words.ROLES),
        Column("name", "Họ và tên", _WORDS, "Trần Thị Ví Dụ", ("ho ten", "ten", "full name"), True),
        Column("phone", "Điện thoại", cells.phone, "0900000001", ("so dien thoai", "sdt", "telephone")),
        Column("email", "Thư điện tử", cells.email, "lanhdao@mau.edu.vn", ("e mail", "dia chi thu dien tu")),
    ),
    ("role", "name"),
)
PLANS = Kind(
    "plans",
    Plan,
    (
        Column("year", "Năm học", cells.school_year, "2026-2027", ("school year",), True),
        Column("received", "Ngày nhận", cells.day, "25/11/2026", ("ngay nhan ke hoach", "ngay nop", "date"), True),
    ),
    ("year",),
)
CONTRACTS = Kind(
    "contracts",
    Contract,
    (
        Column("wan", "Đường truyền", cells.name, "wan1", ("ten duong truyen", "line"), True),
        Column("number", "Số hợp đồng", _WORDS, "HĐ-MAU-01", ("hop dong", "contract", "contract number")),
        Column("isp", "Nhà cung cấp", isp, "VNPT", ("nha mang", "nha cung cap dich vu", "provider"), True),
        Column("medium", "Loại đường truyền", cells.one_of(words.MEDIA, _NOT_KNOWN), "Cáp quang",
               ("cong nghe",), shown=words.MEDIA),
        Column("down", "Tải xuống (Mbit/s)", cells.mbit, "200", ("toc do tai xuong", "tai xuong", "download")),
        Column("up", "Tải lên (Mbit/s)", cells.mbit, "200", ("toc do tai len", "tai len", "upload")),
        Column("starts", "Từ ngày", cells.day, "01/09/2026", ("ngay bat dau", "hieu luc tu", "from", "start")),
        Column("ends", "Đến ngày", cells.day, "31/08/2027", ("ngay ket thuc", "hieu luc den", "to", "end")),
    ),
    ("wan", "number"),
    _contract,
)  # fmt: skip
PORTALS = Kind(
    "portals",
    Portal,
    (
        Column("url", "Cổng thông tin", cells.site, "https://mau.edu.vn/", ("trang web", "website", "portal")),
        Column(
            "mail_domain", "Tên miền thư", cells.domain, "mau.edu.vn", ("ten mien", "ten mien thu dien tu", "domain")
        ),
    ),
    (),
    _portal,
)
PUBLIC_SERVICES = Kind(
    "public_services",
    PublicService,
    (
        Column("service", "Dịch vụ công", cells.public_service, "Tuyển sinh đầu cấp",
               ("dich vu", "ten dich vu", "loai dich vu", "name"), True, words.PUBLIC_SERVICES),
        Column("url", "Địa chỉ dịch vụ", cells.site, "https://mau.edu.vn/tuyen-sinh",
               ("dia chi", "trang web", "website"), True),
        Column("season", "Mùa", cells.seasons, "Mùa tuyển sinh", ("thoi gian", "mua cao diem"), shown=words.SEASONS),
    ),
    ("service",),
)  # fmt: skip
KINDS = {kind.word: kind for kind in (LABS, EQUIPMENT, SUBJECTS, CONTACTS, PLANS, CONTRACTS, PORTALS, PUBLIC_SERVICES)}
