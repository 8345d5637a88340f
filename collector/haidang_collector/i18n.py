"""Vietnamese first, English beside it: gettext catalogues, and which of the two a person reads."""

from __future__ import annotations

import gettext
import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request

LANGUAGES = ("vi", "en")
COOKIE = "lang"
FOLDER = Path(__file__).parent / "locale"

Words = Callable[[str], str]
"""`gettext` of a language: the text for an English msgid."""


@cache
def translations(language: str) -> gettext.NullTranslations:
    """The catalogue; msgids are English, so English needs none. Raises FileNotFoundError where it was not compiled."""
    if language == "en":
        return gettext.NullTranslations()
    return gettext.translation("haidang", FOLDER, [language])


def language_of(request: Request) -> str:
    """`?lang=`, else the cookie that it set, else what the browser asks for, else Vietnamese."""
    for asked in (request.query_params.get("lang"), request.cookies.get(COOKIE)):
        if asked in LANGUAGES:
            return asked
    for part in request.headers.get("accept-language", "").lower().split(","):
        language = part.split(";")[0].strip().split("-")[0]
        if language in LANGUAGES:
            return language
    return LANGUAGES[0]


def language_of_terminal(environment: Mapping[str, str] = os.environ) -> str:
    """Vietnamese where the terminal's locale is, else English: not every console can show Vietnamese."""
    locale = next(filter(None, (environment.get(name) for name in ("LC_ALL", "LC_MESSAGES", "LANG"))), "")
    return "vi" if locale.startswith("vi") else "en"
