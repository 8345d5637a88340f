"""Feeds and front pages as schools' systems write them."""

from __future__ import annotations

import datetime as dt
from email.utils import format_datetime
from html import escape
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

VIETNAM = dt.timezone(dt.timedelta(hours=7))


class News(NamedTuple):
    title: str
    link: str
    published: dt.datetime


def at(day: int, hour: int, minute: int = 0) -> dt.datetime:
    """In November 2026, Vietnam's time; the 23rd is a Monday."""
    return dt.datetime(2026, 11, day, hour, minute, tzinfo=VIETNAM)


def rss(news: Iterable[News]) -> bytes:
    items = "".join(
        f"<item><title>{escape(each.title)}</title><link>{escape(each.link)}</link><guid>{escape(each.link)}</guid>"
        f"<pubDate>{format_datetime(each.published)}</pubDate></item>"
        for each in news
    )
    start = '<?xml version="1.0" encoding="utf-8"?><rss version="2.0"><channel><title>Tin</title>'
    return f"{start}{items}</channel></rss>".encode()


def atom(news: Iterable[News]) -> bytes:
    entries = "".join(
        f'<entry><title>{escape(each.title)}</title><link href="{escape(each.link)}"/><id>{escape(each.link)}</id>'
        f"<updated>{each.published.isoformat()}</updated></entry>"
        for each in news
    )
    return f'<feed xmlns="http://www.w3.org/2005/Atom"><title>Tin</title>{entries}</feed>'.encode()


def page(titles: Iterable[str], head: str = "", foot: str = "") -> str:
    shown = "".join(f'<li><a href="/tin/{number}">{escape(title)}</a></li>' for number, title in enumerate(titles))
    return (
        f'<!DOCTYPE html><html lang="vi"><head><meta charset="utf-8"><title>Trường</title>{head}</head><body>'
        f"<nav><a href='/'>Trang chủ</a> <a href='/gioi-thieu'>Giới thiệu</a></nav><h1>Trường THCS Mô Phỏng</h1>"
        f"<ul>{shown}</ul>{foot}</body></html>"
    )
