"""Vietnamese or English for what a technician reads: stdlib gettext, msgids are English."""

from __future__ import annotations

import gettext
import os
from functools import cache
from pathlib import Path

import haidang_advice

_FOLDER = Path(__file__).parent / "locale"


def language() -> str:
    """`vi` or `en`: HAIDANG_LANG, else what the system's locale asks for."""
    for variable in ("HAIDANG_LANG", "LC_ALL", "LC_MESSAGES", "LANG"):
        if value := os.environ.get(variable):
            return "vi" if value.lower().startswith("vi") else "en"
    return "en"


@cache
def _catalogue(chosen: str) -> gettext.NullTranslations:
    if chosen == "en":
        return gettext.NullTranslations()
    catalogue = gettext.translation("haidang", _FOLDER, [chosen])
    catalogue.add_fallback(haidang_advice.translations(chosen))
    return catalogue


def _(message: str) -> str:
    """The message in the reader's language; English where the catalogue was not compiled."""
    try:
        return _catalogue(language()).gettext(message)
    except FileNotFoundError:
        return message


def N_(message: str) -> str:  # noqa: N802 - what gettext's tools look for
    """Marks a message for the catalogue that is translated later; JSON has it in English."""
    return message
