"""Every text of the agent that a technician reads is there in Vietnamese."""

from __future__ import annotations

from pathlib import Path

import haidang_agent
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po
from haidang_agent import i18n

ROOT = Path(haidang_agent.__file__).parent


def test_every_text_is_translated_and_none_is_left_over() -> None:
    texts = {message for _, _, message, *_ in extract_from_dir(ROOT, method_map=[("**.py", "python")])}
    with (ROOT / "locale/vi/LC_MESSAGES/haidang.po").open("rb") as file:
        catalogue = {message.id: message.string for message in read_po(file) if message.id}

    assert texts == set(catalogue)
    assert all(catalogue.values())


def test_the_language_is_the_readers(monkeypatch) -> None:
    for variable in ("HAIDANG_LANG", "LC_ALL", "LC_MESSAGES"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("LANG", "vi_VN.UTF-8")
    assert i18n._("disk") == "ổ đĩa"
    monkeypatch.setenv("HAIDANG_LANG", "en")
    assert i18n._("disk") == "disk"
