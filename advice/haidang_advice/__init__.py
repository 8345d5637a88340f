"""What is wrong, and what to do about it: the checks of a machine and of a website, the kinds of incidents on a LAN.

The agent finds by these ids and severities and tells them to a person at the school; the centre receives only the ids,
and tells the same words in alerts and pages. Texts are msgids in English; `translations` has them in Vietnamese.
"""

from __future__ import annotations

import gettext
from functools import cache
from pathlib import Path
from typing import Literal, NamedTuple

FOLDER = Path(__file__).parent / "locale"

Severity = Literal["critical", "warning", "info"]
SEVERITIES: tuple[Severity, ...] = ("critical", "warning", "info")
"""Worst first."""


class Check(NamedTuple):
    """One thing that must be so on a machine or a website: `title` says what, `remedy` what to do where it is not."""

    severity: Severity
    title: str
    remedy: str


class Kind(NamedTuple):
    """One kind of incident: what it is called, and what to do about it."""

    title: str
    remedy: str


def N_(message: str) -> str:  # noqa: N802 - what gettext's tools look for
    """Marks a message for the catalogue that is translated later."""
    return message


@cache
def translations(language: str) -> gettext.NullTranslations:
    """The catalogue of `vi` or `en`; msgids are English, so English needs none.

    Raises FileNotFoundError where it was not compiled.
    """
    return gettext.NullTranslations() if language == "en" else gettext.translation("haidang", FOLDER, [language])
