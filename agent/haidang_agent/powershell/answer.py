"""The script's answer: a section of facts by name, or why there is none; not believed to be well formed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from haidang_agent.i18n import _
from haidang_agent.unread import UnreadError

LARGEST_CHARACTERS = 1 << 20
MOST_ITEMS = 10_000
LONGEST_REASON = 200


@dataclass(frozen=True, slots=True)
class Answer:
    """`sections` as the script told them; `errors` in Windows' own language, by section."""

    sections: dict[str, Any]
    errors: dict[str, str]

    def table(self, name: str) -> dict[str, Any]:
        """Raises UnreadError."""
        told: dict[str, Any] = self._section(name, dict)
        return told

    def rows(self, name: str) -> list[dict[str, Any]]:
        """Raises UnreadError."""
        return self._list(name, dict)

    def numbers(self, name: str) -> list[int]:
        """Raises UnreadError."""
        return self._list(name, int)

    def texts(self, name: str) -> list[str]:
        """Raises UnreadError."""
        return self._list(name, str)

    def _list(self, name: str, kind: type[Any]) -> list[Any]:
        items = self._section(name, list)
        if len(items) > MOST_ITEMS or not all(isinstance(item, kind) for item in items):
            raise UnreadError(_strange(name))
        return list(items)

    def _section(self, name: str, kind: type[Any]) -> Any:
        if name in self.errors:
            raise UnreadError(self.errors[name])
        if name not in self.sections:
            raise UnreadError(_("Windows did not tell {section}").format(section=name))
        if not isinstance(self.sections[name], kind):
            raise UnreadError(_strange(name))
        return self.sections[name]


def parse(said: str) -> Answer:
    """What the script printed; a byte order mark may come first. Raises UnreadError."""
    try:
        told = json.loads(said.lstrip("\ufeff")[:LARGEST_CHARACTERS])
    except (ValueError, RecursionError):
        raise UnreadError(_("PowerShell did not answer as asked")) from None
    if not isinstance(told, dict):
        raise UnreadError(_("PowerShell did not answer as asked"))
    errors = told.pop("errors", {})
    if not isinstance(errors, dict):
        raise UnreadError(_strange("errors"))
    return Answer(told, {name: str(why).strip()[:LONGEST_REASON] for name, why in errors.items()})


def number(table: dict[str, Any], key: str, default: int | None = None) -> int:
    """A number of a section; `default` where it is null, as an unset registry value is. Raises UnreadError."""
    value = table.get(key)
    if value is None:
        value = default
    if not isinstance(value, int):
        raise UnreadError(_strange(key))
    return int(value)


def _strange(name: str) -> str:
    return _("Windows told {section} in a way that is not understood").format(section=name)
