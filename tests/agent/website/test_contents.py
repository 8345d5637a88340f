"""Pages: what is read of them, and which count as broken into; ordinary school news must not."""

from __future__ import annotations

import time
import unicodedata
from pathlib import Path

import pytest
from haidang_agent.website.markup import Link, read
from haidang_agent.website.signs import ALARM, defacement, injected_spam, signs
from haidang_reach.address import parse
from hypothesis import given
from hypothesis import strategies as st

PAGE = parse("https://thcs-hoa-sen.example/")
PAGES = Path(__file__).parent / "pages"
NEWS = "<title>Trường THCS Hoa Sen</title><p>" + "Nhà trường thông báo lịch thi học kỳ. " * 80


def points(page: str) -> tuple[int, int]:
    """Of spam and of defacement."""
    markup = read(page, PAGE)
    return injected_spam(markup).points, defacement(markup).points


def test_what_is_read_of_a_page() -> None:
    found = read((PAGES / "school.html").read_text(), PAGE)

    assert found.title == "Trường THCS Hoa Sen: cổng thông tin điện tử"
    assert found.heading == "Trường THCS Hoa Sen"
    assert "nói không với nhà cái" in found.prose
    assert "789bet" not in found.prose + found.title, "scripts and comments are no prose"
    assert {"Giới thiệu", "Học sinh giỏi quốc gia môn Tin học: cảnh giác với casino trực tuyến"} <= set(found.hidden)
    assert Link("hcm.edu.vn", "Sở GD&ĐT", hidden=True) in found.links
    assert Link("phanmem.example", "Phần mềm quản lý", hidden=False) in found.links
    assert ("script", "https://cdn.example/jquery.js") in found.loads
    assert not {link.host for link in found.links} & {"789bet.example", "kubet.example", "thcs-hoa-sen.example"}


@pytest.mark.parametrize("style", [
    "display:none", "DISPLAY : none !important", "position:absolute;left:-9999px", "text-indent: -5000px",
    "font-size:0", "overflow:hidden;height:1px", "height:0;overflow: hidden", "visibility:hidden", "opacity:0",
])  # fmt: skip
def test_ways_to_hide(style: str) -> None:
    hidden = read(f'<div style="{style}">ẩn</div><p>hiện</p>', PAGE)

    assert (hidden.hidden, hidden.prose) == (["ẩn"], "hiện")


@pytest.mark.parametrize("style", ["font-size:0.9em", "opacity:0.8", "left:-20px", "height:100px;overflow:hidden"])
def test_what_only_looks_like_hiding(style: str) -> None:
    assert read(f'<div style="{style}">hiện</div>', PAGE).hidden == []


def test_an_ordinary_page_that_warns_of_gambling_and_hacking_alarms_nobody() -> None:
    spam, replaced = points((PAGES / "school.html").read_text())

    assert spam < ALARM
    assert replaced < ALARM


@pytest.mark.parametrize("page", [
    NEWS + "<p>Trường bạn bị hack: trang chủ hiện dòng hacked by, greetz, cyber army.",
    "<title>Phòng chống cá cược bóng đá, lô đề online</title>" + NEWS,
    "<title>Trường</title><p>Cảnh báo: trang của huyện hiện chữ hacked by X.",
    NEWS + '<a href="https://bao.example/1">Casino online, tài xỉu online: hiểm họa với học sinh, phụ huynh</a>' * 5,
    "<title>CLB Cờ vua</title><p>Giải poker? Không: giải cờ tướng. Jackpot là từ tiếng Anh lớp 9.",
    NEWS + '<a href="https://team88.example">Team 88</a><a href="https://w3.example/w88">W3</a>',
    "<title>Trường</title><p>Tin mới<script>const blocked = 'hacked by';</script>",
    NEWS + '<div style="display:none">Học sinh sập bẫy game bài đổi thưởng, nổ hũ: nỗi lo của phụ huynh</div>',
])  # fmt: skip
def test_no_false_alarm(page: str) -> None:
    assert max(points(page)) < ALARM


@pytest.mark.parametrize("page", [
    NEWS + '<i style="font-size:0"><a href="https://kubet.example">KUBET</a><a href="//x.example">soi kèo</a></i>',
    NEWS + '<a href="https://789bet.example">789BET</a><a href="https://b.example">nhà cái uy tín</a>',
    NEWS + "<marquee><a href=https://hi88.example>hi88</a></marquee><a href=//www.jun88vn.example/>trang chủ</a>",
    NEWS.replace("THCS", "789BET nhà cái"),
    NEWS.replace("Trường THCS Hoa Sen", unicodedata.normalize("NFD", "Nổ hũ uy tín")),
    "<meta name='description' content='nhà cái uy tín, kèo nhà cái, nổ hũ'>" + NEWS,
])  # fmt: skip
def test_spam_is_seen(page: str) -> None:
    assert points(page)[0] >= ALARM


@pytest.mark.parametrize("page", [
    "<title>Hacked by Someone</title>",
    NEWS.replace("<p>", "<h1>H4cked By Someone</h1><p>"),
    "<body>Bị hack bởi Ai Đó",
    "<body>0wn3d<br>greetz to all, zone-h mirror",
])  # fmt: skip
def test_defacement_is_seen(page: str) -> None:
    assert points(page)[1] >= ALARM


def test_each_phrase_matches_itself() -> None:
    """
    A phrase with a sign at its edge would never be found as a whole word.
    """
    known = signs()
    assert {"nổ hũ", "slot gacor"} <= set(known.spam.strong.findall("xem nổ hũ, slot gacor"))
    assert known.brands.search("www.link-w88.example")
    assert not known.brands.search("team88.example")


@pytest.mark.parametrize("piece", [
    "<", "<a ", '<a href="', "<!--", "<script>", "<a b='", "<div style=x>", "</", "<a =", "&#", "&#9", '"=',
    "<a x y z ", "< a", "<p hidden ", "nhà cái ", "hacked by ", '<a href="https://789bet.example">x', "<script",
    "<!-- -", "\0",
])  # fmt: skip
def test_time_grows_with_the_size_alone(piece: str) -> None:
    """
    2 MB of what costs other readers minutes.
    """
    page = piece * (2_000_000 // len(piece))
    began = time.process_time()
    points(page)

    assert time.process_time() - began < 4


def test_a_page_of_too_many_tags_is_not_whole() -> None:
    assert read("<b>" * 99_999, PAGE).whole
    cut = read("<b>" * 100_001 + '<script src="http://js.example/"></script>', PAGE)

    assert (cut.whole, cut.loads) == (False, [])


@given(st.text(alphabet="<>/!-=\"' ahrefstylcipd&#;:0\0é", max_size=400))
def test_any_text_is_read(page: str) -> None:
    found = read(page, PAGE)

    assert all(link.host for link in found.links)
    assert len(found.prose) <= 2 * len(page)
