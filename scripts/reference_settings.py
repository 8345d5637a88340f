"""The reference of settings: agent.toml, and the collector's environment variables."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from dataclasses import MISSING, fields
from itertools import pairwise
from types import UnionType
from typing import TYPE_CHECKING, Any, Literal, Union, get_args, get_origin, get_type_hints

from haidang_agent.config import LISTS, LOCAL_ONLY, TABLES
from haidang_agent.registry import discover
from haidang_agent.tables import Seconds
from haidang_collector.settings import PREFIX, Settings

from scripts.reference_markdown import MADE, page, table
from scripts.reference_words import AGENT, COLLECTOR

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

LONGEST_DEFAULT = 60
DAY, HOUR, MINUTE = 86400, 3600, 60
TYPES = {str: "text", int: "whole number", float: "number", bool: "true or false", Seconds: "duration"}
DESCRIBED = ("key", "type", "default", "meaning")

OF_AGENT = """\
Everything but `[server]` is optional. The centre tells the same tables; what stands in the file goes before, key by
key, and lists of tables are joined by `name` (`host` for `[[snmp]]`). An environment variable goes before both:
`HAIDANG_TABLE_KEY`, as `HAIDANG_AGENT_LISTEN`, and for a probe `HAIDANG_PROBES_NAME_KEY`. A duration is `"15s"`,
`"500ms"`, `"5m"`, `"2h"`, `"30d"` or a number of seconds."""
OF_COLLECTOR = """\
Environment variables, read once at the start of `haidang serve`. Sizes in bytes, times in seconds. One that can't work
stops the start; the error names variable, value and the mend."""


class UndescribedError(LookupError):
    """A setting that nobody has described; the text says where to."""


def agent_configuration() -> str:
    parts = ["# agent.toml", MADE, OF_AGENT]
    for name, kind in TABLES.items():
        local = LOCAL_ONLY.get(name, ())
        told = "All keys" if local is None else ", ".join(f"`{key}`" for key in local)
        rule = f"{told}: in the file only, the centre has no say." if told else ""
        parts += [f"## [{name}]", rule, table(DESCRIBED, _described(kind, f"{name}.", AGENT))]
    for name, kind in LISTS.items():
        parts += [f"## [[{name}]]", _prose(kind), table(DESCRIBED, _described(kind, f"{name}.", AGENT))]
    for name, probe in discover().items():
        roles = ", ".join(sorted(probe.roles))
        parts += [f"## [probes.{name}]", f"Every {probe.every_seconds:g} s, roles {roles}."]
        if fields(probe.settings):
            parts += [_prose(probe.settings), table(DESCRIBED[:3], _settings(probe.settings))]
    return page(parts)


def collector_settings() -> str:
    rows = (
        (f"`{PREFIX}{key.strip('`').upper()}`", kind, default, meaning)
        for key, kind, default, meaning in _described(Settings, "", COLLECTOR)
    )
    return page(["# Settings of the collector", MADE, OF_COLLECTOR, table(("variable", *DESCRIBED[1:]), rows)])


def _described(kind: type, prefix: str, words: Mapping[str, str]) -> Iterator[tuple[str, str, str, str]]:
    """Settings with their meaning. Raises UndescribedError."""
    below = below_fields(kind)
    for key, type_, default in _settings(kind):
        name = key.strip("`")
        meaning = below.get(name) or words.get(prefix + name) or _spoken_of(kind, key)
        if not meaning:
            raise UndescribedError(
                f"{kind.__name__}.{name}: write a docstring below the field, or a line in scripts/reference_words.py"
            )
        yield key, type_, default, meaning


def _spoken_of(kind: type, key: str) -> str:
    """The sentences of the docstring that name the key; empty for none."""
    return " ".join(sentence for sentence in re.split(r"(?<=\.) (?=[A-Z`])", _prose(kind)) if key in sentence)


def below_fields(kind: type) -> dict[str, str]:
    """Of fields: the text that stands below each."""
    (found,) = ast.parse(textwrap.dedent(inspect.getsource(kind))).body
    body = getattr(found, "body", [])
    return {
        field.target.id: " ".join(text.value.value.split())
        for field, text in pairwise(body)
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
        and isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant) and isinstance(text.value.value, str)
    }  # fmt: skip


def _settings(kind: type) -> Iterator[tuple[str, str, str]]:
    hints = get_type_hints(kind)
    for field in fields(kind):
        given = field.default
        if given is MISSING and field.default_factory is not MISSING:
            given = field.default_factory()
        yield f"`{field.name}`", _type(hints[field.name]), _default(given, hints[field.name])


def _type(hint: Any) -> str:
    arguments = get_args(hint)
    if get_origin(hint) is Literal:
        return " or ".join(f'`"{each}"`' if each else "empty" for each in arguments)
    if get_origin(hint) is tuple:
        return f"list of {_type(arguments[0])}"
    if get_origin(hint) is dict:
        return f"table of {_type(arguments[1])}"
    if get_origin(hint) in (Union, UnionType):
        return " or ".join(dict.fromkeys(_type(each) for each in arguments if each is not type(None)))
    return TYPES[hint]


def _default(value: Any, hint: Any) -> str:
    if value is MISSING:
        return "must be given"
    if value is None:
        return "none"
    if hint is Seconds:
        return f'`"{_duration(value)}"`'
    if isinstance(value, tuple):
        text = f"[{', '.join(_literal(each) for each in value)}]"
        return f"`{text}`" if len(text) <= LONGEST_DEFAULT else f"{len(value)} built in"
    return f"`{_literal(value)}`"


def _literal(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, float):
        return f"{value:.0f}" if value.is_integer() else f"{value}"
    return str(value)


def _duration(seconds: float) -> str:
    for unit, size in (("d", DAY), ("h", HOUR), ("m", MINUTE)):
        if seconds >= size and seconds % size == 0:
            return f"{seconds / size:.0f}{unit}"
    return f"{seconds:g}s" if seconds >= 1 else f"{seconds * 1000:g}ms"


def _prose(kind: type) -> str:
    return " ".join((inspect.getdoc(kind) or "").split())
