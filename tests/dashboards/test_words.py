"""The catalogue of the dashboards holds what they say, and nothing else."""

from __future__ import annotations

import re

from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

from dashboards.words import CATALOGUE, ROOT, vietnamese

PACKAGE = ROOT / "dashboards"
KEYWORDS = {"_": None, "words": None}
VARIABLE = re.compile(r"\$\{[^}]+\}")


def said() -> set[str]:
    """The msgids in the code."""
    return {str(message) for _, _, message, _, _ in extract_from_dir(PACKAGE, [("**.py", "python")], keywords=KEYWORDS)}


def own() -> dict[str, str]:
    with (PACKAGE / CATALOGUE).open("rb") as file:
        return {str(message.id): str(message.string) for message in read_po(file, locale="vi") if message.id}


def test_every_text_has_its_translation_and_none_is_left_over() -> None:
    assert said() - vietnamese().keys() == set()
    assert own().keys() - said() == set(), "no longer in use"
    assert all(own().values())


def test_a_translation_shows_the_same_variables() -> None:
    assert {msgid: text for msgid, text in own().items() if VARIABLE.findall(msgid) != VARIABLE.findall(text)} == {}
