"""Tables as TOML 1.0, for a person to read; each line may say where its value comes from."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

BARE = re.compile(r"[A-Za-z0-9_-]+")
SECRETS_IN, SECRETS = "snmp", ("community", "auth", "priv")
MASK = "(secret)"

Tables = dict[str, Any]


def to_toml(tables: Tables, origin: Tables | None = None) -> str:
    """`origin` has the shape of `tables`, and at each leaf what to say of it. Values are what TOML and JSON share."""
    return "\n".join(_table(tables, origin or {}, ())) + ("\n" if tables else "")


def without_secrets(tables: Tables) -> Tables:
    """The same with the secrets of devices masked."""
    return {
        name: [_masked(entry) for entry in section] if name == SECRETS_IN else section
        for name, section in tables.items()
    }


def _masked(entry: Tables) -> Tables:
    return {key: MASK if key in SECRETS else value for key, value in entry.items()}


def _table(table: Tables, origin: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[str]:
    """First what stands in the table itself, then the tables in it."""
    inner = {key: value for key, value in table.items() if _is_table(value) or _is_list_of_tables(value)}
    if path and (len(inner) < len(table) or not table):
        yield f"[{'.'.join(map(_key, path))}]"
    yield from _lines({key: value for key, value in table.items() if key not in inner}, origin)
    for key, value in inner.items():
        of_it = origin.get(key)
        if _is_table(value):
            yield from _table(value, of_it if isinstance(of_it, dict) else {}, (*path, key))
            continue
        told = of_it if isinstance(of_it, list) else [{}] * len(value)
        for entry, of_entry in zip(value, told, strict=True):
            yield f"[[{'.'.join(map(_key, (*path, key)))}]]"
            yield from _lines(entry, of_entry)


def _lines(values: Mapping[str, Any], origin: Mapping[str, Any]) -> Iterator[str]:
    for key, value in values.items():
        said = origin.get(key)
        of_parts = "; ".join(sorted(set(_words(said))))
        yield f"{_key(key)} = {_value(value)}" + (f"  # {of_parts}" if of_parts else "")


def _words(said: object) -> Iterator[str]:
    if isinstance(said, dict):
        for inner in said.values():
            yield from _words(inner)
    elif isinstance(said, str):
        yield said


def _is_table(value: object) -> bool:
    return isinstance(value, dict)


def _is_list_of_tables(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(entry, dict) for entry in value)


def _value(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_key(key)} = {_value(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_value, value)) + "]"
    if isinstance(value, str):
        return _text(value)
    return repr(value) if isinstance(value, float) else json.dumps(value)


def _key(key: str) -> str:
    return key if BARE.fullmatch(key) else _text(key)


def _text(text: str) -> str:
    """A basic string; JSON's escapes are among TOML's, which wants DEL escaped too."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", r"\u007f")
