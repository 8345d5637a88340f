"""Judges what a page holds: signs that it was broken into, and parts that come without TLS."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from haidang_agent.i18n import _
from haidang_agent.posture.check import Outcome
from haidang_agent.unread import UnreadError
from haidang_agent.website import signs
from haidang_agent.website.markup import read
from haidang_agent.website.visit import OK, Unseen, Visit

if TYPE_CHECKING:
    from collections.abc import Callable

    from haidang_agent.website.markup import Markup
    from haidang_agent.website.signs import Score

MOST_TOLD = 5


def defacement(visit: Visit) -> Outcome:
    return _broken_into(visit, signs.defacement)


def injected_spam(visit: Visit) -> Outcome:
    """Also in what the site shows to search engines alone, where it shows them anything."""
    return _broken_into(visit, signs.injected_spam)


def mixed_content(visit: Visit) -> Outcome:
    page = visit.page()
    if page.address.scheme != "https":
        raise UnreadError(_("there is no page by HTTPS"))
    open_ones = [(tag, address) for tag, address in visit.markup.loads if address.strip().lower().startswith("http://")]
    if not open_ones:
        return _all_clear(visit, _("everything comes by HTTPS"))
    hosts = sorted({f"{tag} {_host(address)}" for tag, address in open_ones})
    return Outcome(passed=False, found=", ".join(hosts[:MOST_TOLD]))


def _broken_into(visit: Visit, judge: Callable[[Markup], Score]) -> Outcome:
    score = judge(visit.markup)
    if score.points >= signs.ALARM:
        return Outcome(passed=False, found=str(score))
    other = visit.to_search_engines
    if not isinstance(other, Unseen) and other.status == OK:
        score = judge(read(other.text(), other.address))
        if score.points >= signs.ALARM:
            return Outcome(passed=False, found=_("shown to search engines only: {what}").format(what=score))
    return _all_clear(visit, _("no sign of it"))


def _all_clear(visit: Visit, found: str) -> Outcome:
    if not (visit.page().whole and visit.markup.whole):
        raise UnreadError(_("the page is larger than 2 MB; what was read of it is clean"))
    return Outcome(passed=True, found=found)


def _host(address: str) -> str:
    try:
        return urlsplit(address.strip()).hostname or ""
    except ValueError:
        return ""
