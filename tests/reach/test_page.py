"""What a page shows is read from whatever stands there, in a time that grows with its size alone."""

from __future__ import annotations

import time

import pytest
from haidang_reach.address import parse
from haidang_reach.page import MOST_LINKS, read
from hypothesis import given
from hypothesis import strategies as st

HEAD = '<link rel="alternate" type="application/rss+xml" href="/rss.xml"><link rel=stylesheet href=/a.css>'


def test_blocks_links_and_feeds() -> None:
    shown = read(
        f"<html><head><title>Trường</title>{HEAD}<script>var a = '<p>không</p>';</script><style>p{{}}</style></head>"
        "<body><!-- <p>không</p> --><h1>Xin <b>chào</b></h1><p>Hôm nay&nbsp;<i>học</i> &amp; chơi<p>Đoạn hai"
        "<br>dòng hai"
        '<ul><li><a href="/tin/1?a=1&amp;b=2">Tin <em>mới</em></a></ul><noscript>không</noscript></body>'
    )

    assert shown.blocks == ["Trường", "Xin chào", "Hôm nay học & chơi", "Đoạn hai", "dòng hai", "Tin mới"]
    assert shown.links == [("/tin/1?a=1&b=2", "Tin mới")]
    assert [str(feed) for feed in shown.feeds_from(parse("https://thcs.example/vi/"))] == [
        "https://thcs.example/rss.xml"
    ]


@pytest.mark.parametrize("tag", [
    '<link rel="alternate" hreflang="en" href="/en">', '<link rel="alternate" type="application/rss+xml">',
    '<link rel="preload" type="application/rss+xml" href="/x">',
    '<!-- <link rel="alternate" type="application/rss+xml" href="/x"> -->',
])  # fmt: skip
def test_what_announces_no_feed(tag: str) -> None:
    assert read(tag).feeds == []


def test_an_address_that_is_none_is_no_feed() -> None:
    announced = read('<link rel="alternate" type="application/atom+xml" href="mailto:x@y">').feeds_from(
        parse("https://a.example/")
    )

    assert announced == []


@pytest.mark.parametrize("hostile", [
    "<" * 1_000_000, "<a " * 300_000, "<a href='" * 200_000, "<p x=" + "y" * 1_000_000, "<!--" * 250_000,
    "<script>" * 125_000, "&" * 1_000_000, "<a>x" * 250_000, "&#" + "9" * 1_000_000 + ";", '<a "' * 250_000,
    "<svg><" + "/svg " * 200_000,
], ids=range(11))  # fmt: skip
def test_hostile_markup_takes_no_time_to_speak_of(hostile: str) -> None:
    began = time.process_time()
    shown = read(hostile)

    assert time.process_time() - began < 1.5
    assert len(shown.links) <= MOST_LINKS


@given(st.text(alphabet=st.sampled_from("<>/!-a p='\"&;#x9 link script"), max_size=300))
def test_anything_is_read(text: str) -> None:
    assert all(block == " ".join(block.split()) and block for block in read(text).blocks)
