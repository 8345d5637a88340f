"""Every word that a school or an official reads is there in Vietnamese."""

from __future__ import annotations

import gettext
import re
from io import BytesIO
from pathlib import Path
from typing import IO

import haidang_collector
import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

PACKAGE = Path(haidang_collector.__file__).parent
CATALOGUE = PACKAGE / "locale/vi/LC_MESSAGES/haidang.po"
METHODS = [("**.py", "python"), ("**/templates/**.html", "jinja2")]
KEYWORDS = {"_": None, "gettext": None, "ngettext": (1, 2), "words": None, "_words": None}
PLACEHOLDER = re.compile(r"%\((\w+)\)")


def asked() -> set[str]:
    """The msgids in the code and the templates."""
    found = extract_from_dir(PACKAGE, METHODS, keywords=KEYWORDS)
    return {message[0] if isinstance(message, tuple) else message for _, _, message, _, _ in found}


def translated() -> dict[str, list[str]]:
    with CATALOGUE.open("rb") as file:
        catalogue = read_po(file, locale="vi")
    return {
        (message.id[0] if message.pluralizable else message.id): (
            list(message.string) if message.pluralizable else [message.string]
        )
        for message in catalogue
        if message.id and not message.fuzzy
    }


def test_every_word_has_its_translation() -> None:
    told = {msgid for msgid, texts in translated().items() if all(texts)}

    assert asked() - told == set()
    assert told - asked() == set(), "no longer in use"


@pytest.mark.parametrize("msgid", sorted(translated()))
def test_a_translation_uses_the_same_values(msgid: str) -> None:
    for text in translated()[msgid]:
        assert set(PLACEHOLDER.findall(text)) <= set(PLACEHOLDER.findall(msgid)) | {"count", "seen", "agent"}
        assert text.count("%(") == len(PLACEHOLDER.findall(text))


def test_the_compiled_catalogue_is_that_of_the_source() -> None:
    """If not: pip install --no-deps --editable . compiles it."""
    compiled = BytesIO()
    with CATALOGUE.open("rb") as file:
        write_mo(compiled, read_po(file, locale="vi"))
    compiled.seek(0)

    assert texts(CATALOGUE.with_suffix(".mo").open("rb")) == texts(compiled)


def texts(compiled: IO[bytes]) -> dict[object, str]:
    with compiled:
        catalogue: dict[object, str] = gettext.GNUTranslations(compiled)._catalog  # type: ignore[attr-defined,arg-type]
    return {msgid: text for msgid, text in catalogue.items() if msgid}
