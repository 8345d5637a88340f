"""Asks one page, or several at once, as agent and centre do."""

from __future__ import annotations

import contextlib
import ssl
import time
from functools import cache
from typing import TYPE_CHECKING

from haidang_reach.address import parse
from haidang_reach.answer import Answer
from haidang_reach.connecting import trusting
from haidang_reach.exchange import Question, Way, exchange
from haidang_reach.resolving import Resolver
from haidang_reach.waiting import Loop

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from haidang_reach.resolving import Family


def ask(
    url: str,
    *,
    seconds: float = 5.0,
    match: str = "",
    statuses: tuple[int, ...] = (),
    family: Family = "",
    ca: str = "",
    proxy: str = "",
    now: Callable[[], float] = time.time,
    most_bytes: int = 100_000,
) -> Answer:
    question = Question(parse(url), seconds, family, statuses, match, most_bytes)
    return ask_all([question], ca=ca, proxy=proxy, now=now)[0]


def ask_all(
    questions: Iterable[Question], *, ca: str = "", proxy: str = "", now: Callable[[], float] = time.time
) -> list[Answer]:
    with contextlib.closing(Resolver()) as resolver, Loop() as loop:
        way = Way(resolver, _trusting(ca), parse(proxy) if proxy else None, now)
        return list(loop.run((0.0, exchange(question, way)) for question in questions))


@cache
def _trusting(ca: str) -> ssl.SSLContext:
    return trusting(ca)
