"""Signs that a page was broken into, scored, so that news that only speaks of such things alarms nobody.

Where a phrase stands says more than the phrase: titles, short links to other sites and hidden elements count; prose
hardly does, nor does what warns. Phrases are dated data, `signs.toml`.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, NamedTuple

from haidang_agent.i18n import N_, _

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from haidang_agent.website.markup import Link, Markup

ALARM = 4
"""Points from which on a page counts as broken into."""
IN_TITLE, ASIDE = (4, 2), (2, 1)
"""Points of a strong and a weak phrase: in the title; in the description or hidden."""
SHORT_WORDS = 6
"""What is placed for search engines is a keyword; a headline is longer."""
SHORT_PAGE = 1500
"""Characters: a defaced page says little else."""
MOST_PROSE, MOST_TOLD = 2, 6
TITLE, BESIDE, HIDDEN, PROSE = (
    N_("{phrase} in the title"),
    N_("{phrase} in the description"),
    N_("{phrase} in a hidden element"),
    N_("{phrase} on the page"),
)


class Words(NamedTuple):
    strong: re.Pattern[str]
    weak: re.Pattern[str]


class Signs(NamedTuple):
    """`brands` in host names are of gambling sites; `guards` are what warnings say; `hosts` are beyond suspicion."""

    spam: Words
    brands: re.Pattern[str]
    defacement: Words
    guards: re.Pattern[str]
    hosts: tuple[str, ...]


class Score:
    """Points by phrase or host, each once: where it says most."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[int, str]] = {}

    def add(self, key: str, points: int, told: str) -> None:
        if points > self._seen.get(key, (0, ""))[0]:
            self._seen[key] = (points, told)

    def __contains__(self, key: str) -> bool:
        return key in self._seen

    @property
    def points(self) -> int:
        return sum(points for points, __ in self._seen.values())

    def __str__(self) -> str:
        """What was seen, for the reader, the most telling first."""
        told = sorted(self._seen.values(), key=lambda seen: -seen[0])
        return "; ".join(text for __, text in told[:MOST_TOLD])


@cache
def signs() -> Signs:
    table = tomllib.loads(files("haidang_agent.website").joinpath("signs.toml").read_text(encoding="utf-8"))
    spam, defacement, guards = table["spam"], table["defacement"], table["guards"]
    return Signs(
        Words(_pattern([*spam["strong"], *spam["brands"]]), _pattern(spam["weak"])),
        re.compile(rf"(?:^|[.-])(?:{'|'.join(map(re.escape, spam['brands']))})"),
        Words(_pattern(defacement["strong"]), _pattern(defacement["weak"])),
        _pattern(guards["words"]),
        tuple(guards["hosts"]),
    )


def injected_spam(page: Markup) -> Score:
    """Links and titles made for search engines: gambling, films, medicine, loans."""
    score, words = Score(), signs().spam
    prose = [page.prose, page.heading, *(link.words for link in page.links if not _is_short(link.words))]
    for text, points, place in (
        (page.title, IN_TITLE, TITLE),
        (page.description, ASIDE, BESIDE),
        *((text, ASIDE, HIDDEN) for text in page.hidden),
    ):
        if _warns(text) or (place is HIDDEN and not _is_short(text)):
            prose.append(text)
            continue
        for pattern, each in zip(words, points, strict=True):
            _add(score, _found(pattern, text), each, place)
    for host, links in _by_host(page.links).items():
        _add_links(score, host, links)
    unheard = [phrase for phrase in sorted(_found(words.strong, " / ".join(prose))) if phrase not in score]
    _add(score, unheard[:MOST_PROSE], 1, PROSE)
    return score


def defacement(page: Markup) -> Score:
    """A page put in the place of the school's."""
    score, words = Score(), signs().defacement
    everything = f"{page.title} / {page.heading} / {page.prose}"
    for text in (page.title, page.heading):
        _add(score, () if _warns(text) else _found(words.strong, text), ALARM, PROSE)
    alone = len(everything) < SHORT_PAGE and not _warns(everything)
    _add(score, _found(words.strong, everything), ALARM if alone else 1, PROSE)
    _add(score, _found(words.weak, everything), 2 if alone else 0, PROSE)
    return score


def _add(score: Score, phrases: Iterable[str], points: int, place: str) -> None:
    for phrase in phrases:
        score.add(phrase, points, _(place).format(phrase=f"“{phrase}”"))


def _add_links(score: Score, host: str, links: Sequence[Link]) -> None:
    known, told = signs(), _("a link to {host}").format(host=host)
    short = " / ".join(link.words for link in links if _is_short(link.words))
    hidden = any(link.hidden for link in links)
    if known.brands.search(host) or _found(known.spam.strong, short):
        score.add(host, 2 + hidden, told)
    elif _found(known.spam.weak, short):
        score.add(host, 1 + hidden, told)


def _by_host(links: Iterable[Link]) -> dict[str, list[Link]]:
    hosts: dict[str, list[Link]] = {}
    for link in links:
        if not any(link.host == known or link.host.endswith("." + known) for known in signs().hosts):
            hosts.setdefault(link.host, []).append(link)
    return hosts


def _is_short(words: str) -> bool:
    return len(words.split()) <= SHORT_WORDS


def _warns(text: str) -> bool:
    return bool(signs().guards.search(_plain(text)))


def _found(pattern: re.Pattern[str], text: str) -> set[str]:
    return set(pattern.findall(_plain(text)))


def _plain(text: str) -> str:
    """Vietnamese comes composed or decomposed."""
    return " ".join(unicodedata.normalize("NFC", text).casefold().split())


def _pattern(phrases: Iterable[str]) -> re.Pattern[str]:
    """Longest first: what is told is the whole phrase."""
    inside = "|".join(re.escape(_plain(phrase)) for phrase in sorted(phrases, key=len, reverse=True))
    return re.compile(rf"(?<!\w)(?:{inside})(?!\w)")
