"""What is wrong with somebody's table, in English words that can still be said in another language."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class Said(str):
    """The English text; `msgid` and `values`, some of which may be Said as well, are what it was made of."""

    __slots__ = ("msgid", "values")
    msgid: str
    values: Mapping[str, object]


def _(msgid: str, **values: object) -> Said:
    """`msgid` with its values, if there are any; named so that the catalogue's extraction finds it."""
    said = Said(msgid % values if values else msgid)
    said.msgid, said.values = msgid, values
    return said


def in_words(text: str, words: Callable[[str], str]) -> str:
    """`text` by the catalogue behind `words`; what was never a msgid (a file's own heading) stays as it is."""
    if not isinstance(text, Said):
        return text
    if not text.values:
        return words(text.msgid)
    values = {name: in_words(told, words) if isinstance(told, Said) else told for name, told in text.values.items()}
    return words(text.msgid) % values
