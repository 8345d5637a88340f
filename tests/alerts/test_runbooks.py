"""Each alert leads to its own runbook, which says in both languages: meaning, what to do, evidence, when it ends."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
ALERTS: dict[str, dict[str, Any]] = {
    rule["alert"]: rule
    for file in sorted((ROOT / "alerts" / "rules").glob("*.yml"))
    for group in yaml.safe_load(file.read_text(encoding="utf-8"))["groups"]
    for rule in group["rules"]
    if "alert" in rule
}
PARTS = {
    "vi": ("Nghĩa là gì", ("Ở ", "Việc cần làm"), "Bằng chứng", "Khi nào hết"),
    "en": ("What it means", ("At ", "What to do"), "Evidence", "How it ends"),
}
LEAST_WORDS = 3


def parts(name: str) -> dict[str, dict[str, str]]:
    """Text by heading, of each language."""
    halves = (ROOT / "docs" / "runbooks" / f"{name}.md").read_text(encoding="utf-8").split("\n---\n")
    found = {}
    for language, half in zip(PARTS, halves, strict=True):
        blocks = re.split(r"^## (.+)\n", half, flags=re.MULTILINE)[1:]
        found[language] = dict(zip(blocks[::2], blocks[1::2], strict=True))
    return found


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_links_to_its_own_runbook(name: str) -> None:
    assert ALERTS[name]["annotations"]["runbook_url"] == f"docs/runbooks/{name}.md"
    heading = (ROOT / "docs" / "runbooks" / f"{name}.md").read_text(encoding="utf-8").partition("\n")[0]
    assert re.fullmatch(rf"# {name}: .+ · .+", heading), "both languages' titles"


@pytest.mark.parametrize("language", PARTS)
@pytest.mark.parametrize("name", ALERTS)
def test_a_runbook_has_every_part_in_both_languages(name: str, language: str) -> None:
    meaning, to_do, evidence, end = PARTS[language]
    found = parts(name)[language]

    assert next(iter(found)) == meaning
    assert list(found)[-2:] == [evidence, end]
    assert any(heading.startswith(to_do) for heading in found)
    assert all(len(text.split()) >= LEAST_WORDS for text in found.values())


@pytest.mark.parametrize("language", PARTS)
@pytest.mark.parametrize("name", ALERTS)
def test_its_evidence_is_a_figure_that_the_rule_asks_for(name: str, language: str) -> None:
    """
    Who doubts the alert finds what it was raised by.
    """
    text = parts(name)[language][PARTS[language][2]]
    figure = re.search(r"`([\w:]+)(?:\{[^}]*\})?`", text)

    assert figure is not None
    assert figure[1] in (*re.findall(r"[\w:]+", ALERTS[name]["expr"]), "ALERTS")
