"""Feeds are read whatever their kind; what is no feed, or a bomb, is refused by name and in time."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from haidang_reach.feed import MOST_BYTES, MOST_ITEMS, BadFeedError, newest, read
from hypothesis import given
from hypothesis import strategies as st

from tests.reach.feeds import News, at, atom, rss

NEWS = [
    News("Công văn 540 & kế hoạch <mới>", "https://so.example/tin/1", at(25, 8)),
    News("Lịch thi học kỳ", "https://so.example/tin/2?a=1&b=2", at(24, 16, 30)),
]
RDF = b"""<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/"
 xmlns:dc="http://purl.org/dc/elements/1.1/"><item><title>Tin</title><link>https://so.example/</link>
 <dc:date>2026-11-25T08:00:00+07:00</dc:date></item></rdf:RDF>"""
START = b'<?xml version="1.0"?><!DOCTYPE rss ['
LAUGHS = b"".join(b'<!ENTITY l%d "%s">' % (number, b"&l%d;" % (number - 1) * 10) for number in range(1, 10))


@pytest.mark.parametrize("write", [rss, atom])
def test_what_is_written_is_read(write):  # type: ignore[no-untyped-def]
    items = read(write(NEWS))

    assert [(item.title, item.link) for item in items] == [(each.title, each.link) for each in NEWS]
    assert [item.published for item in items] == [each.published.timestamp() for each in NEWS]


def test_rdf_is_read() -> None:
    assert [(item.title, item.published) for item in read(RDF)] == [("Tin", at(25, 8).timestamp())]


def test_only_an_items_own_facts_are_taken() -> None:
    items = read(b"""<feed xmlns="http://www.w3.org/2005/Atom" xmlns:media="http://search.yahoo.com/mrss/"><title>Trang</title>
    <entry><media:title>Anh</media:title><link rel="self" href="https://so.example/feed"/><link href="https://so.example/1"/>
    <author><id>ai</id></author><title type="html">&lt;b&gt;Tin&lt;/b&gt; &amp;amp; b\xc3\xa0i</title><id> tag:1 </id>
    <updated>2026-11-25T09:00:00+07:00</updated><published>2026-11-25T08:00:00+07:00</published><title>Hai</title></entry>
    <entry/></feed>""")

    assert [tuple(getattr(item, name) for name in ("title", "link", "id", "published")) for item in items] == [
        ("Tin & bài", "https://so.example/1", "tag:1", at(25, 8).timestamp()), ("", "", "", None),
    ]  # fmt: skip


def test_spaces_before_the_beginning_are_forgiven() -> None:
    assert len(read(b"\r\n  " + rss(NEWS))) == 2


def test_charsets() -> None:
    text = rss(NEWS).decode().replace("utf-8", "windows-1258").replace("kỳ", "ky")
    assert read(text.encode("windows-1258", "ignore"))[1].title == "Lịch thi học ky".encode(
        "windows-1258", "ignore"
    ).decode("windows-1258")


@pytest.mark.parametrize(("body", "why"), [
    (START + b'<!ENTITY l0 "ha">' + LAUGHS + b"]><rss><channel><title>&l9;</title></channel></rss>", "entities"),
    (START + b'<!ENTITY x SYSTEM "file:///etc/passwd">]><rss><title>&x;</title></rss>', "entities"),
    (START + b'<!ENTITY % x SYSTEM "http://127.0.0.1:1/x.dtd"> %x;]><rss/>', "entities"),
    (b"<html><body>404</body></html>", "no feed"), (b"", "no XML"), (b"<rss><channel>", "no XML"),
    (b"<rss><title>a & b</title></rss>", "no XML"), (b"\x00\x01\x02", "no XML"),
    (b'<?xml version="1.0" encoding="khong-co"?><rss/>', "encoding"),
    ('<?xml version="1.0" encoding="utf-8"?><rss><title>Tin tức</title></rss>'.encode("utf-16-le"), "no XML"),
    (b'<?xml version="1.0" encoding="utf-8"?><rss><title>T\xedn</title></rss>', "no XML"),
    (b"<rss>" * 1000 + b"</rss>" * 1000, "too many"), (b"<rss>" + b"<a/>" * 60_000 + b"</rss>", "too many"),
    (rss([News("x" * 1000, "https://so.example/", at(25, 8))] * 9000), "bytes"),
], ids=lambda value: value if isinstance(value, str) else "")  # fmt: skip
def test_what_is_refused(body: bytes, why: str) -> None:
    began = time.process_time()
    with pytest.raises(BadFeedError, match=why):
        read(body)

    assert time.process_time() - began < 4


def test_no_file_of_this_machine_is_read(tmp_path: Path) -> None:
    secret = tmp_path / "feed.xml"
    secret.write_bytes(rss(NEWS))

    with pytest.raises(BadFeedError):
        read(str(secret).encode())


def test_the_largest_feed_takes_no_time_to_speak_of() -> None:
    body = rss([News("Tin" * 20, "https://so.example/" + "x" * 900, at(25, 8))] * 900)
    assert MOST_BYTES * 0.8 < len(body) < MOST_BYTES

    began = time.process_time()
    items = read(body)

    assert len(items) == MOST_ITEMS
    assert time.process_time() - began < 3


def test_newest_leaves_the_future_out() -> None:
    items = read(rss([*NEWS, News("Ngày mai", "https://so.example/3", at(30, 8))]))

    assert newest(items, at(26, 8).timestamp()) == at(25, 8).timestamp()
    assert newest([], 0.0) is None


@given(
    st.binary(max_size=200)
    | st.text(max_size=100).map(
        lambda text: f"<rss><channel><item><title>{text}</title></item></channel></rss>".encode()
    )
)
def test_anything_is_read_or_refused(body: bytes) -> None:
    try:
        items = read(body)
    except BadFeedError:
        return
    assert len(items) <= MOST_ITEMS
