"""What to do about an alert, as a page: both languages, and nothing but what is in the folder."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from haidang_collector.web.runbooks import NAMES, Block, Span, blocks_of, spans_of

from tests.collector.web.reading import Page

if TYPE_CHECKING:
    from tests.collector.web.conftest import Web

FOLDER = Path(__file__).parents[3] / "docs" / "runbooks"


def test_every_runbook_is_a_page_in_either_language(web: Web) -> None:
    """Each half with all its items, and nothing of the file's signs."""
    assert {file.stem for file in FOLDER.glob("*.md")} == NAMES
    for file in FOLDER.glob("*.md"):
        heading, _, text = file.read_text(encoding="utf-8").partition("\n")
        titles = heading.partition(": ")[2].split(" · ")
        for language, title, half in zip(("vi", "en"), titles, text.split("\n---\n"), strict=True):
            page = Page(web.page(f"/runbooks/{file.stem}?lang={language}"))

            assert title in page.text
            assert sum(tag == "li" for tag, _ in page.tags) == len(re.findall(r"(?m)^(?:-|\d+\.) ", half)), file
            assert not any(sign in page.text for sign in ("`", "**", "##", "---")), file


def test_a_runbook_says_what_alert_it_is_of_what_it_means_and_what_to_do(web: Web) -> None:
    page = Page(web.page("/runbooks/AgentLosesData?lang=vi"))

    assert "Máy trạm phải bỏ số liệu AgentLosesData" in page.text
    assert [tag for tag, _ in page.tags if tag in ("h1", "h2", "ul", "code")][:3] == ["h1", "h2", "code"]
    assert "thay pin." in page.text
    assert "an agent had to give up data" not in page.text


@pytest.mark.parametrize("name", ["nowhere", "agentlosesdata", "..%2Fsecurity", "AgentLosesData.md", "README"])
def test_only_names_of_the_folder_lead_to_a_file(web: Web, name: str) -> None:
    web.page(f"/runbooks/{name}", status=404)


@pytest.mark.parametrize("path", ["/", "/units/DOWN", "/incidents/1"])
def test_an_alert_leads_to_its_runbook(city: Web, path: str) -> None:
    city.alert("DOWN", summary="Mất mạng", runbook_url="docs/runbooks/InternetDown.md")

    page = Page(city.page(path))

    assert "/runbooks/InternetDown" in page.values("href")
    assert "docs/runbooks" not in page.text


@pytest.mark.parametrize(
    "told", ["docs/runbooks/Unheard.md", "javascript:alert(1)", "https://evil.example/InternetDown.md", "\"'><b>"]
)
@pytest.mark.parametrize("path", ["/", "/units/DOWN", "/incidents/1"])
def test_what_names_no_runbook_is_no_link(city: Web, path: str, told: str) -> None:
    city.alert("DOWN", summary="Mất mạng", runbook_url=told)

    links = Page(city.page(path)).values("href")

    assert not any("/runbooks/" in link or told in link or quote(told) in link for link in links)


def test_headings_lists_and_paragraphs() -> None:
    text = "## Steps\nOne *line*,\nand more.\n1. first\n   goes on\n2. second\n\n- a\n- b\n"

    assert blocks_of(text) == [
        Block("h2", [[Span("text", "Steps")]]),
        Block("p", [[Span("text", "One *line*, and more.")]]),
        Block("ol", [[Span("text", "first goes on")], [Span("text", "second")]]),
        Block("ul", [[Span("text", "a")], [Span("text", "b")]]),
    ]


def test_code_and_strong_words() -> None:
    assert spans_of("**LOS** is red: `a ** b`, 2 ** 3 `") == [
        Span("strong", "LOS"),
        Span("text", " is red: "),
        Span("code", "a ** b"),
        Span("text", ", 2 ** 3 `"),
    ]
