"""What the papers say is what the code does."""

from __future__ import annotations

import re
from pathlib import Path

from haidang_agent import commands as agent_commands

from scripts import metrics_page

ROOT = Path(__file__).parents[1]


def test_metrics_page_is_up_to_date() -> None:
    """
    If this fails: python scripts/metrics_page.py
    """
    assert metrics_page.PAGE.read_text(encoding="utf-8") == metrics_page.page()


def test_readme_points_to_things_that_exist() -> None:
    for readme in ("README.md", "README.vi.md", "CONTRIBUTING.md"):
        text = (ROOT / readme).read_text(encoding="utf-8")
        for link in re.findall(r"\]\(([^)#:]+)\)", text):
            assert (ROOT / link).exists(), f"{readme}: {link}"


def test_changelog_names_every_command_of_the_agent() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    names = {file.stem.replace("_", "-") for file in Path(agent_commands.__path__[0]).glob("[a-z]*.py")}

    assert {name for name in names if f"`{name}`" not in text} == set()
