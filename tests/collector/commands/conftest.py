from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pytest
from haidang_collector.cli import build
from typer.testing import CliRunner

if TYPE_CHECKING:
    from typer.testing import Result

EXAMPLE = Path(__file__).parents[3] / "docs/examples/units.csv"


class Haidang(Protocol):
    def __call__(self, *arguments: str | Path, data: Path | None = None) -> Result: ...


@pytest.fixture
def empty(tmp_path: Path) -> Haidang:
    """`haidang ARGUMENTS --data <a folder of the test's own>`."""

    def run(*arguments: str | Path, data: Path | None = None) -> Result:
        return CliRunner().invoke(build(), [*map(str, arguments), "--data", str(data or tmp_path / "data")])

    return run


@pytest.fixture
def haidang(empty: Haidang) -> Haidang:
    """As `empty`, with the units of the example."""
    assert empty("units", "import", EXAMPLE).exit_code == 0
    return empty
