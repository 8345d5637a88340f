"""The technician's guide: ten pages at most, the same in both languages, and of things that exist."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest
from haidang_agent import commands
from markdown_it import MarkdownIt
from weasyprint import HTML

FOLDER = Path(__file__).parents[1] / "docs" / "technician"
GUIDES = {"vi": FOLDER / "huong-dan.md", "en": FOLDER / "guide.md"}
MOST_PAGES = 10
LARGEST_PICTURE = 80_000
COMMANDS = {file.stem.replace("_", "-") for file in Path(commands.__path__[0]).glob("[a-z]*.py")}
LOOK = """<style>@page { size: A4; margin: 18mm } body { font: 11pt "DejaVu Sans" } img { max-width: 100% }
table { border-collapse: collapse } td, th { border: 1px solid; padding: 2pt 4pt; vertical-align: top }</style>"""


@cache
def text(language: str) -> str:
    return GUIDES[language].read_text(encoding="utf-8")


@pytest.mark.parametrize("language", GUIDES)
def test_it_has_ten_pages_at_most(language: str) -> None:
    html = MarkdownIt("commonmark").enable("table").render(text(language))

    assert len(HTML(string=LOOK + html, base_url=str(FOLDER) + "/").render().pages) <= MOST_PAGES


def test_both_languages_tell_the_same() -> None:
    shapes = [
        (
            re.findall(r"^#+", text(language), re.MULTILINE),
            re.findall(r"pictures/(\w+)", text(language)),
            len(re.findall(r"^\|", text(language), re.MULTILINE)),
            re.findall(r"haidang-agent [\w-]+(?: --[\w-]+)*", text(language)),
        )
        for language in GUIDES
    ]

    assert shapes[0] == shapes[1]


@pytest.mark.parametrize("language", GUIDES)
def test_what_it_names_exists(language: str) -> None:
    pictures = re.findall(r"\(pictures/([\w.]+)\)", text(language))

    assert pictures
    assert all((FOLDER / "pictures" / name).stat().st_size < LARGEST_PICTURE for name in pictures)
    assert all(name.endswith(f".{language}.png") for name in pictures)
    assert set(re.findall(r"haidang-agent ([\w-]+)", text(language))) <= COMMANDS
