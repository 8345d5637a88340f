"""Reads a table of TOML or JSON into a dataclass by the types of its fields; collects every fault, with its fix."""

from __future__ import annotations

import difflib
import math
import re
import types
from dataclasses import MISSING, fields
from functools import cache
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from haidang_agent.tables import Seconds

T = TypeVar("T")

UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
PLAIN_NUMBER = re.compile(r"[0-9]+(?:\.[0-9]+)?")
DURATION = re.compile(PLAIN_NUMBER.pattern.join("()") + r"\s*(ms|s|m|h|d)")


class FromEnvironment(str):
    """Text of an environment variable: lists are parted by commas, numbers and booleans are read from it."""

    __slots__ = ()


def read_table(kind: type[T], raw: object, where: str, faults: list[str]) -> T | None:
    """`raw` as a `kind`; None, and a text in `faults` for each thing wrong, where it is none."""
    if not isinstance(raw, dict):
        faults.append(f"{where} = {raw!r}: must be a table")
        return None
    before = len(faults)
    types_of: dict[str, Any] = _types(kind)  # type: ignore[arg-type]  # mypy#17131: classes are hashable
    faults += [_unknown(where, key, list(types_of)) for key in raw if key not in types_of]
    values: dict[str, Any] = {}
    for field in fields(kind):  # type: ignore[arg-type]  # every kind is a dataclass
        if field.name in raw:
            try:
                values[field.name] = _convert(raw[field.name], types_of[field.name])
            except (ValueError, OverflowError) as wrong:
                faults.append(f"{where} {field.name} = {_shown(raw[field.name], secret=not field.repr)}: {wrong}")
        elif field.default is MISSING and field.default_factory is MISSING:
            faults.append(f"{where} {field.name} is missing; add it")
    return kind(**values) if len(faults) == before else None


def _shown(value: object, *, secret: bool) -> str:
    return "(secret)" if secret else repr(str(value) if isinstance(value, FromEnvironment) else value)


def _unknown(where: str, key: str, known: list[str]) -> str:
    close = difflib.get_close_matches(key, known, n=1)
    hint = f"did you mean {close[0]!r}? " if close else ""
    return f"{where} {key}: unknown; {hint}Known are {', '.join(known)}"


def _convert(value: Any, kind: Any) -> Any:  # noqa: PLR0911 - one return a type
    if kind is Seconds:
        return duration(value)
    origin = get_origin(kind)
    if origin is Literal:
        return _one_of(value, get_args(kind))
    if origin in (Union, types.UnionType):
        return _one_of(value, [word for part in get_args(kind) for word in get_args(part)])
    if origin is tuple:
        return _list(value, get_args(kind)[0])
    if origin is dict:
        return _mapping(value)
    if kind is bool:
        return _boolean(value)
    if kind in (int, float):
        return _number(value, kind)
    if not isinstance(value, str):
        raise ValueError("must be text in quotes")
    return str(value)


def duration(value: object) -> Seconds:
    """Seconds of `"15s"` or of a plain number. Raises ValueError."""
    if isinstance(value, str) and (match := DURATION.fullmatch(value.strip())):
        return Seconds(float(match[1]) * UNITS[match[2]])
    if isinstance(value, FromEnvironment) and PLAIN_NUMBER.fullmatch(value.strip()):
        return Seconds(float(value))
    if isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value) and value >= 0:
        return Seconds(float(value))
    raise ValueError('must be a duration such as "15s" or "5m"')


def _one_of(value: Any, words: Any) -> Any:
    if value not in words:
        raise ValueError(f"must be one of {', '.join(repr(word) for word in words)}")
    return str(value)


def _list(value: Any, kind: Any) -> tuple[Any, ...]:
    if isinstance(value, FromEnvironment):
        value = [part.strip() for part in value.split(",") if part.strip()]
    if not isinstance(value, (list, tuple)):
        raise ValueError('must be a list, as ["a", "b"]')
    return tuple(_convert(item, kind) for item in value)


def _mapping(value: Any) -> dict[str, str]:
    if not isinstance(value, dict) or not all(isinstance(text, str) for text in value.values()):
        raise ValueError('must be a table of texts, as { "a" = "b" }')
    return dict(value)


def _boolean(value: Any) -> bool:
    if isinstance(value, FromEnvironment) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    if not isinstance(value, bool):
        raise ValueError("must be true or false")
    return value


def _number(value: Any, kind: type[int | float]) -> int | float:
    if isinstance(value, FromEnvironment):
        try:
            value = kind(value)
        except ValueError:
            raise ValueError("must be a number") from None
    if isinstance(value, bool) or not isinstance(value, (int, kind)) or not math.isfinite(value):
        raise ValueError("must be a whole number" if kind is int else "must be a number")
    return kind(value)


@cache
def _types(kind: type) -> dict[str, Any]:
    hints = get_type_hints(kind)
    return {field.name: hints[field.name] for field in fields(kind)}
