"""The parameters of Prometheus' HTTP API: those that are known, each read, bounded and written anew.

Source: Prometheus, "HTTP API" (`time`, `start`, `end` as Unix seconds or RFC 3339, `step` as seconds or duration).
"""

from __future__ import annotations

import math
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

import promql_parser as promql

from haidang_collector.prom.answers import bad_data
from haidang_collector.prom.rewrite import everything, narrowed, narrowed_selector

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from haidang_collector.access.visitor import Scope

Parameters = list[tuple[str, str]]

MOST_PARAMETERS = 200
MOST_POINTS = 11_000
"""Of a series, as Prometheus has it itself; other stores do not."""
LONGEST_NUMBER = 64
LARGEST_TIME = 253_402_300_799.0
"""The end of the year 9999, in Unix seconds."""


def read(*forms: str) -> Parameters:
    """The pairs of all query strings and bodies. Raises PromError 400."""
    try:
        return [
            pair
            for form in forms
            for pair in parse_qsl(form, keep_blank_values=True, errors="strict", max_num_fields=MOST_PARAMETERS)
        ]
    except ValueError as wrong:
        raise bad_data(f"parameters: {wrong}") from None


def instant(given: Parameters, scope: Scope) -> Parameters:
    """Of `query`. Raises PromError 400."""
    told = _once(given, ("query", "time", "limit"))
    return [("query", narrowed(_wanted(told, "query"), scope)), *_written(told, {"time": _time, "limit": _limit})]


def over_time(given: Parameters, scope: Scope) -> Parameters:
    """Of `query_range`. Raises PromError 400."""
    told = _once(given, ("query", "start", "end", "step", "limit"))
    query = narrowed(_wanted(told, "query"), scope)
    start, end = (_time(name, _wanted(told, name)) for name in ("start", "end"))
    step = _step("step", _wanted(told, "step"))
    if float(end) < float(start):
        raise bad_data("end: lies before start")
    if (float(end) - float(start)) / float(step) > MOST_POINTS:
        raise bad_data(f"step: makes more than {MOST_POINTS} points of a series; make it longer, or the time shorter")
    bounds = [("start", start), ("end", end), ("step", step)]
    return [("query", query), *bounds, *_written(told, {"limit": _limit})]


def matching(given: Parameters, scope: Scope) -> Parameters:
    """Of `series`, `labels` and `label/NAME/values`: each `match[]` narrowed; without one, all that is the scope's.

    Raises PromError 400.
    """
    told = _once(given, ("start", "end", "limit"))
    selectors = [narrowed_selector(value, scope) for name, value in given if name == "match[]"]
    wanted = selectors or [everything(scope)]
    readers = {"start": _time, "end": _time, "limit": _limit}
    return [*(("match[]", selector) for selector in wanted), *_written(told, readers)]


def metadata(given: Parameters) -> Parameters:
    """Of `metadata`, which tells of metrics' kinds and help texts and nothing of anybody's. Raises PromError 400."""
    told = _once(given, ("metric", "limit", "limit_per_metric"))
    readers = {"metric": _word, "limit": _limit, "limit_per_metric": _limit}
    return _written(told, readers)


def _once(given: Parameters, names: Sequence[str]) -> dict[str, str]:
    counts = Counter(name for name, _ in given if name in names)
    twice = sorted(name for name, count in counts.items() if count > 1)
    if twice:
        raise bad_data(f"{', '.join(twice)}: given more than once")
    return {name: value for name, value in given if name in names}


def _wanted(told: Mapping[str, str], name: str) -> str:
    if not told.get(name):
        raise bad_data(f"{name}: is missing")
    return told[name]


def _written(told: Mapping[str, str], readers: Mapping[str, Callable[[str, str], str]]) -> Parameters:
    return [(name, readers[name](name, value)) for name, value in told.items() if name in readers and value]


def _time(name: str, text: str) -> str:
    seconds = _number(text)
    if seconds is None:
        try:
            moment = datetime.fromisoformat(text[:LONGEST_NUMBER])
        except ValueError:
            raise bad_data(f"{name}: write Unix seconds or RFC 3339") from None
        seconds = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    if not 0 <= seconds <= LARGEST_TIME:
        raise bad_data(f"{name}: lies outside of 1970 to 9999")
    return f"{seconds:.3f}"


def _step(name: str, text: str) -> str:
    seconds = _number(text)
    if seconds is None:
        try:
            seconds = promql.parse_duration(text[:LONGEST_NUMBER]).total_seconds()
        except ValueError:
            raise bad_data(f"{name}: write seconds or a duration as 5m") from None
    if not 0.001 <= seconds <= LARGEST_TIME:  # noqa: PLR2004 - the store counts milliseconds
        raise bad_data(f"{name}: at least 1 ms")
    return f"{seconds:.3f}"


def _limit(name: str, text: str) -> str:
    if not (text.isascii() and text.isdigit() and len(text) < LONGEST_NUMBER):
        raise bad_data(f"{name}: write a whole number")
    return str(int(text))


def _word(name: str, text: str) -> str:
    if len(text) > LONGEST_NUMBER * 4:
        raise bad_data(f"{name}: is too long")
    return text


def _number(text: str) -> float | None:
    """None for what is not a number at all; infinite ones lie outside of every bound."""
    try:
        number = float(text[:LONGEST_NUMBER])
    except ValueError:
        return None
    return math.inf if math.isnan(number) else number
