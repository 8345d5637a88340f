"""The labelled captures lie beside the checkout, where they are; and a profile for fuzzing longer."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from hypothesis import settings

if TYPE_CHECKING:
    import pytest

INDEX = Path(__file__).parents[3] / "../shared/data/index.json"
settings.register_profile("long", max_examples=30_000, deadline=None, database=None)
collect_ignore = [] if INDEX.exists() else ["test_labelled.py"]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if collect_ignore:
        terminalreporter.write_line(f"test_labelled.py was left out: there is no {INDEX}")
