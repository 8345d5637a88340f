"""The reference of the collector's files: those that HAIDANG_NOTIFY, HAIDANG_POLICY and HAIDANG_CALENDAR name."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import TYPE_CHECKING, Any

from haidang_collector.centre import school_time
from haidang_collector.notify import settings as notify
from haidang_collector.policy import policy
from pydantic import TypeAdapter

from scripts.reference_markdown import MADE, page, table
from scripts.reference_settings import DESCRIBED, UndescribedError, below_fields
from scripts.reference_words import CALENDAR, NOTIFY, POLICY

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROOT = Path(__file__).parents[1]
NOTIFY_EXAMPLE = ROOT / "docs" / "examples" / "notify.toml"
MUST = "must be given"
OPTIONAL = {"level": "none", "kind": "none", "role": "none", "deadline": "none", "to": "none", "enabled": "`true`"}
"""Of a limit."""
TYPES = {"integer": "whole number", "number": "number", "string": "text"}
FORMATS = {"path": "file", "date": "date", "time": "time of day"}
NAMED = {
    TypeAdapter(kind).json_schema()["pattern"]: words
    for kind, words in ((notify.Email, "e-mail address"), (notify.Name, "text"), (notify.Web, "web address"))
}
OF_FILES = """\
TOML. A file that cannot be used stops the start of `haidang serve`: an unknown key, a value of another type, a file of
secrets that cannot be read. The error names the file, what is wrong in it, and why."""
OF_NOTIFY = """\
How it works: [notify.md](../notify.md). Times of day are written `21:00:00` and dates `2026-12-01`, without quotes. One
of `[mail]` and `[[channel]]` must be there; all else is optional."""
OF_POLICY = """\
The limits that units are judged by: [evaluation.md](../evaluation.md). The file stands in the place of
[the built-in one](../../collector/haidang_collector/policy/policy.toml), whole: begin with a copy of that. Of several
entries for one limit the newest that has begun is in force, so a new regulation is one more entry.
`haidang policy show` prints what is in force. Thresholds of alerts alone stand in
[alerts/rules/policy.yml](../../alerts/rules/policy.yml); an entry of the same row and name goes before them."""
OF_CALENDAR = """\
When there is school: [services.md](../services.md). The file stands in the place of
[the built-in one](../../collector/haidang_collector/centre/calendar.toml), whole: begin with a copy of that. A day is a
school day if it is in a term, its weekday has hours, and it is no holiday; or if it is made up for. Both ends of a span
are in it. `utc_offset`, as `"+07:00"`, stands above the tables; `[[hours]]` and `[[term]]` must be there."""


def collector_files() -> str:
    return page(
        [
            "# Files of the collector",
            MADE,
            OF_FILES,
            "## HAIDANG_NOTIFY",
            OF_NOTIFY,
            *_notify(),
            "### Example",
            f"```toml\n{NOTIFY_EXAMPLE.read_text(encoding='utf-8')}```",
            "## HAIDANG_POLICY",
            OF_POLICY,
            "### [[limit]]",
            table(DESCRIBED, _policy()),
            "### Names of limits",
            table(("row", "limit", "parted by", "built in"), _limits()),
            "## HAIDANG_CALENDAR",
            OF_CALENDAR,
            *_calendar(),
        ]
    )


def _notify() -> Iterator[str]:
    schema = notify.NotifySettings.model_json_schema()
    for name, told in schema["properties"].items():
        kind = _reference(told)
        below = below_fields(getattr(notify, kind))
        yield f"### [[{name}]]" if "items" in told else f"### [{name}]"
        yield " ".join(inspect.getdoc(getattr(notify, kind)).split())  # type: ignore[union-attr]  # each has one
        properties = schema["$defs"][kind]["properties"]
        required = schema["$defs"][kind].get("required", ())
        yield table(
            DESCRIBED,
            (
                (
                    f"`{key}`",
                    _type(field),
                    MUST if key in required else _default(field),
                    below.get(key) or _word(f"{name}.{key}", NOTIFY),
                )
                for key, field in properties.items()
            ),
        )


def _policy() -> Iterator[tuple[str, str, str, str]]:
    for key in policy.KEYS:
        kind, meaning = POLICY.get(key) or (_word(key, {}), "")
        words = " or ".join(f'`"{word}"`' for word in policy.LABELS.get(key, ()))
        yield f"`{key}`", kind or words, OPTIONAL.get(key, MUST), meaning


def _limits() -> Iterator[tuple[str, str, str, str]]:
    values: dict[tuple[str, str, str], list[str]] = {}
    for limit in policy.load().limits:
        parted = ", ".join(label for label, _ in limit.labels)
        words = " ".join((*(word for _, word in limit.labels), f"{limit.value:.15g}"))
        told = values.setdefault((limit.row, limit.limit, parted), [])
        if limit.enabled:
            told.append(words)
    for (row, name, parted), told in sorted(values.items(), key=lambda entry: int(entry[0][0][1:])):
        yield row, f"`{name}`", parted, ", ".join(told) or "off"


def _calendar() -> Iterator[str]:
    for name, keys in school_time.LISTS.items():
        yield f"### [[{name}]]"
        rows = ((f"`{key}`", school_time.WORDS[kind], MUST, _calendar_word(name, key)) for key, kind in keys.items())
        yield table(DESCRIBED, rows)


def _calendar_word(name: str, key: str) -> str:
    return _word("source" if key == "source" else f"{name}.{key}", CALENDAR)


def _word(key: str, words: Mapping[str, str]) -> str:
    """Raises UndescribedError."""
    try:
        return words[key]
    except KeyError:
        raise UndescribedError(f"{key}: write a line in scripts/reference_words.py") from None


def _reference(told: Mapping[str, Any]) -> str:
    """The name of the class of a table, a table that may be missing, or a list of tables."""
    inner = told.get("items") or next(iter(told.get("anyOf", ())), told)
    return str(inner["$ref"]).rpartition("/")[2]


def _type(field: Mapping[str, Any]) -> str:
    if one_of := field.get("anyOf"):
        return " or ".join(_type(each) for each in one_of if each.get("type") != "null")
    if "const" in field or "enum" in field:
        words = field.get("enum") or [field["const"]]
        return " or ".join(f'`"{word}"`' if word else "empty" for word in words)
    if field["type"] == "array":
        return f"list of {_type(field['items'])}"
    kind = NAMED.get(field.get("pattern")) or FORMATS.get(field.get("format", "")) or TYPES[field["type"]]
    return kind + _bounds(field)


def _bounds(field: Mapping[str, Any]) -> str:
    if "maximum" not in field:
        return ""
    least = f"above {field['exclusiveMinimum']}" if "exclusiveMinimum" in field else f"from {field['minimum']}"
    return f", {least}, up to {field['maximum']}"


def _default(field: Mapping[str, Any]) -> str:
    """Times and dates are no text in TOML."""
    value = field["default"]
    if value is None:
        return "none"
    if isinstance(value, list):
        words = ", ".join(f'"{word}"' for word in value)
        return f"`[{words}]`"
    if isinstance(value, float):
        return f"`{value:g}`"
    return f"`{value}`" if isinstance(value, int) or field.get("format") == "time" else f'`"{value}"`'
