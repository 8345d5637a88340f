"""New content is told from what changes by itself."""

from __future__ import annotations

import json

import pytest
from haidang_reach.content import MOST_KNOWN, UNCHANGED_SECONDS, Memory
from haidang_reach.page import read
from hypothesis import given
from hypothesis import strategies as st

from tests.reach.feeds import page

OLD = [
    "Kế hoạch năm học của nhà trường",
    "Danh sách học sinh giỏi cấp thành phố",
    "Thông báo họp phụ huynh lần thứ nhất",
]
NEW = "Lịch kiểm tra cuối học kỳ một các khối lớp"
START = 1_764_000_000.0
TEN_MINUTES = 600.0


def looked(*pages: str, memory: Memory | None = None) -> Memory:
    """A look every ten minutes."""
    memory = memory or Memory(START)
    for number, html in enumerate(pages):
        memory.look(read(html), START + number * TEN_MINUTES)
    return memory


def test_the_first_sight_is_no_change() -> None:
    assert looked(page(OLD), page(OLD), page(OLD)).changed_at(START + 1800) is None


def test_a_new_text_that_stays_is_a_change_from_when_it_was_first_seen() -> None:
    memory = looked(page(OLD), page([NEW, *OLD]), page([NEW, *OLD]), page([NEW, *OLD]))

    assert memory.changed_at(START + 1800) == START + TEN_MINUTES


def test_a_new_text_that_is_gone_at_once_is_none() -> None:
    assert looked(page(OLD), page([NEW, *OLD]), page(OLD), page(OLD)).changed is None


@pytest.mark.parametrize(("one", "other"), [
    ("<p>Hôm nay là thứ hai, ngày 23 tháng 11 năm 2026, 08:00</p>",
     "<p>Hôm nay là thứ ba, ngày 24 tháng 11 năm 2026</p>"),
    ("<p>Số lượt truy cập: 1.234.567 — đang trực tuyến: 12</p>",
     "<p>Số lượt truy cập: 1.234.999 — đang trực tuyến: 7</p>"),
    ("<p>Cập nhật lần cuối cách đây 3 giờ</p>", "<p>Cập nhật lần cuối cách đây 4 phút</p>"),
    ("<form><input type=hidden name=token value=abcdef></form>",
     "<form><input type=hidden name=token value=123456></form>"),
    ('<script nonce="abc">var t = "một câu nào đó khá dài";</script>',
     '<script nonce="xyz">var t = "câu khác hẳn câu kia";</script>'),
    ('<a href="/x?PHPSESSID=abc">Xem thêm các tin bài khác ở đây</a>',
     '<a href="/x?PHPSESSID=xyz">Xem thêm các tin bài khác ở đây</a>'),
    ("<!-- dựng trong 0,123 giây bởi máy chủ số một -->", "<!-- dựng trong 0,456 giây bởi máy chủ số hai ba -->"),
    ("<p>Monday, 23 November 2026 09:00 AM</p>", "<p>Friday, 27 November 2026 10:30 PM</p>"),
    ("<style>p{color:red}</style>", "<style>p{color:blue;margin:auto;padding:none}</style>"),
    ("<p>Tin nổi bật</p>", "<p>Tin mới</p>"),
])  # fmt: skip
def test_what_changes_by_itself_is_no_change(one: str, other: str) -> None:
    memory = looked(page(OLD, foot=one), page(OLD, foot=other), page(OLD, foot=other), page(OLD, foot=one))

    assert memory.changed is None


def test_order_and_what_is_taken_away_are_no_change() -> None:
    assert looked(page(OLD), page(OLD[::-1]), page(OLD[::-1]), page(OLD[:1]), page(OLD[:1])).changed is None


def test_what_is_shown_by_turns_is_new_but_once() -> None:
    turns = [page([*OLD, f"Câu danh ngôn số {name} về việc học tập"]) for name in ("alpha", "beta", "alpha", "beta")]
    memory = looked(*turns[:2], *turns[1:3], *turns[2:], *turns)

    assert memory.changed == START + TEN_MINUTES


def test_what_chance_puts_there_is_no_change() -> None:
    proverbs = [page([*OLD, f"Tục ngữ hay {'abcdefgh'[number]}xy về lòng yêu nước"]) for number in range(8)]

    assert looked(*proverbs).changed is None


def test_a_site_that_never_changes_is_told_in_the_end() -> None:
    memory = looked(page(OLD), page(OLD))

    assert memory.changed_at(START + UNCHANGED_SECONDS - 1) is None
    assert memory.changed_at(START + UNCHANGED_SECONDS) == START


def test_a_dated_item_of_the_feed_counts_too() -> None:
    memory = looked(page(OLD), page([NEW, *OLD]), page([NEW, *OLD]))

    assert memory.changed_at(START + 1800, START - 86400) == START + TEN_MINUTES
    assert memory.changed_at(START + 1800, START + 900) == START + 900
    assert looked(page(OLD)).changed_at(START, START - 86400) == START - 86400


def test_it_goes_on_after_a_restart() -> None:
    before = looked(page(OLD), page([NEW, *OLD]))
    after = Memory.from_json(json.loads(json.dumps(before.as_json())))
    after.look(read(page([NEW, *OLD])), START + 2 * TEN_MINUTES)

    assert after.changed == START + TEN_MINUTES


@given(st.lists(st.lists(st.text(max_size=60), max_size=6), max_size=6))
def test_it_stays_bounded_and_can_be_kept(looks: list[list[str]]) -> None:
    memory = looked(*map(page, looks))

    assert memory == Memory.from_json(json.loads(json.dumps(memory.as_json())))


def test_a_page_of_endless_texts_is_bounded() -> None:
    words = ["một hai " + "abcdefghij"[int(digit)] * 9 for digit in "0123456789"]
    flood = [
        page([f"{a} {b} {c} {d}" for a in words for b in words for c in words[:5] for d in words[look : look + 5]])
        for look in (0, 3, 5)
    ]
    memory = looked(*flood, *flood)

    assert len(memory.known) <= MOST_KNOWN
