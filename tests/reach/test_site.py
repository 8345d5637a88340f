"""One look at a site: its front page, and the feed that it announces or has where feeds are."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest
from haidang_reach.address import parse
from haidang_reach.connecting import trusting
from haidang_reach.exchange import Way
from haidang_reach.resolving import Resolver
from haidang_reach.site import Look, look
from haidang_reach.waiting import Loop

from tests.agent.website.hostile import dripping, serving
from tests.reach.feeds import News, at, page, rss
from tests.reach.websites import Website, website

FEED = rss([News("Tin mới của trường", "https://thcs.example/1", at(25, 8))])
ANNOUNCED = '<link rel="alternate" type="application/rss+xml" href="/tin.xml">'


@pytest.fixture(scope="module")
def site() -> Iterator[Website]:
    with website() as running:
        yield running


def looked(url: str, seconds: float = 10.0) -> Look:
    with contextlib.closing(Resolver()) as resolver, Loop() as loop:
        return next(iter(loop.run([(0.0, look(parse(url), Way(resolver, trusting()), seconds))])))


@pytest.mark.parametrize(("head", "pages", "feed"), [
    (ANNOUNCED, {"/tin.xml": FEED}, "valid"), ("", {"/rss": FEED}, "valid"), ("", {"/feed.xml": FEED}, "valid"),
    ("", {}, "none"), ("", {"/rss": b"<html>Khong co</html>"}, "none"), (ANNOUNCED, {}, "broken"),
    (ANNOUNCED, {"/tin.xml": b"<rss><channel>"}, "broken"), (ANNOUNCED, {"/tin.xml": FEED * 9000}, "broken"),
    ('<link rel="alternate" type="application/rss+xml" href="/x">' + ANNOUNCED, {"/tin.xml": FEED}, "valid"),
])  # fmt: skip
def test_the_feed(site: Website, head: str, pages: dict[str, bytes], feed: str) -> None:
    site.pages = {"/": page(["Tin"], head).encode(), **pages}
    found = looked(site.url)

    assert (found.front.fault, found.feed) == (None, feed)
    assert [item.title for item in found.items] == (["Tin mới của trường"] if feed == "valid" else [])
    assert bool(found.why) == (feed == "broken")


def test_of_a_site_that_is_down_nothing_is_known(site: Website) -> None:
    site.pages = {}
    found = looked(site.url)

    assert (found.front.fault, found.page, found.feed) == ("status", None, None)


def test_a_page_packed_in_an_unknown_way_is_not_read(site: Website) -> None:
    site.pages = {"/": b"\x1b\x00packed"}
    site.headers = {"Content-Encoding": "br"}
    try:
        found = looked(site.url)
    finally:
        site.headers = {}

    assert (found.front.fault, found.page) == (None, None)


def test_a_look_is_over_in_time() -> None:
    """Each of the feeds' usual places drips."""
    with serving(dripping(b"HTTP/1.1 200 OK\r\n\r\n", b"<p>", 0.05)) as port:
        found = looked(f"http://127.0.0.1:{port}/", seconds=1)

    assert found.front.fault == "slow"
