"""What several pages ask for: the address's words, a form's fields, the registry's and the store's answers."""

from collections.abc import Awaitable, Iterable
from functools import lru_cache, partial
from typing import TypeVar

from fastapi import Request
from starlette.datastructures import FormData

from haidang_collector.access.visitor import Scope
from haidang_collector.metrics import FactCollector
from haidang_collector.registry import unit_words
from haidang_collector.registry.database import Database
from haidang_collector.registry.store import Registry
from haidang_collector.web.state import City, Measurements, UnansweredError, city

T = TypeVar("T")

LARGE = 10_000
"""Units, or agents."""
LONGEST_SEARCH = 100
LONGEST_NUMBER = 18


async def city_now(request: Request, scope: Scope) -> City:
    """A scope's part of it; of a large city all as it was some seconds ago, see `City.at`.

    Raises SQLAlchemyError where the registry does not answer.
    """
    state = request.app.state
    if scope.city:
        whole: City = await state.kept.look("the city", partial(city, *_parts(request)), is_large)
        return whole
    found = await city(*_parts(request), scope.unit or None, None if scope.unit else scope.district)
    return found.seen_by(scope)


def is_large(city: City) -> bool:
    """Whether it takes long to look at."""
    return len(city.rows) >= LARGE


def _parts(request: Request) -> tuple[Registry, FactCollector, Measurements]:
    state = request.app.state
    return state.registry, state.facts, state.measurements


async def known(answer: Awaitable[T]) -> T | None:
    """None where the store does not answer: its own part of a page is unknown then, and no other."""
    try:
        return await answer
    except UnansweredError:
        return None


def database_of(request: Request) -> Database:
    database: Database = request.app.state.registry.database
    return database


def asked_for(request: Request, *names: str) -> list[str]:
    """Words of the address, cut to a length that a person would type."""
    return [request.query_params.get(name, "")[:LONGEST_SEARCH].strip() for name in names]


def text_of(fields: FormData, name: str) -> str:
    """What a field holds; empty for a file in its place."""
    sent = fields.get(name, "")
    return sent if isinstance(sent, str) else ""


def whole(text: str) -> int:
    """A number that somebody may have typed into an address; 0 where it is none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= LONGEST_NUMBER else 0


def page_of(count: int, rows_a_page: int, asked: str) -> tuple[int, int]:
    """Which page is asked for, of how many; from 1."""
    pages = max(1, -(-count // rows_a_page))
    return min(max(1, whole(asked)), pages), pages


def wanted_words(text: str) -> list[str]:
    """What somebody looks for, for `holds`: without case and diacritics, so that `dong da` finds `Đống Đa`."""
    return unit_words.plain(text).split()


def holds(wanted: Iterable[str], *texts: str) -> bool:
    """Whether every word is somewhere in the texts."""
    text = _plain(" ".join(texts))
    return all(word in text for word in wanted)


@lru_cache(maxsize=200_000)
def _plain(text: str) -> str:
    return unit_words.plain(text)
