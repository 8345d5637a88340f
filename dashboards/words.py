"""The texts of dashboards: msgids are English, and a text without Vietnamese stops the build."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from babel.messages.pofile import read_po

LANGUAGES = ("vi", "en")
ROOT = Path(__file__).parent.parent
CATALOGUE = "locale/vi/LC_MESSAGES/haidang.po"
PACKAGES = ("dashboards", "collector/haidang_collector", "advice/haidang_advice")
"""In this order; what collector and advice name already is named the same here."""


class Words:
    """`_` of a language: gives the text for an English msgid."""

    def __init__(self, language: str) -> None:
        self.language = language

    def __call__(self, msgid: str) -> str:
        """Raises KeyError for a msgid that no catalogue translates."""
        return msgid if self.language == "en" else vietnamese()[msgid]


@cache
def vietnamese() -> dict[str, str]:
    texts: dict[str, str] = {}
    for package in reversed(PACKAGES):
        with (ROOT / package / CATALOGUE).open("rb") as file:
            catalogue = read_po(file, locale="vi")
        for message in catalogue:
            if isinstance(message.id, str) and isinstance(message.string, str) and message.id and message.string:
                texts[message.id] = message.string
    return texts
