from __future__ import annotations

import io
import re

from haidang_collector.evaluation import terminal
from haidang_collector.evaluation.model import Scope
from rich.console import Console

from tests.collector.evaluation.sample import evaluation


def shown(scope: Scope, *, colours: bool = False) -> str:
    file = io.StringIO()
    console = Console(file=file, width=150, force_terminal=colours, color_system="standard" if colours else None)
    terminal.show(evaluation(scope), "en", console)
    return file.getvalue()


def line(text: str, begins: str) -> list[str]:
    """Cells of the first line of a table that begins so."""
    rows = [[cell.strip() for cell in row.split("│")[1:-1]] for row in text.splitlines() if "│" in row]
    return next(cells for cells in rows if cells[0] == begins)


def test_a_city_is_told_in_shares_with_the_unknown_apart() -> None:
    text = shown("city")

    assert line(text, "R1") == ["R1", "Fibre", "████████████░░░░░░░░░░░░", "100 %", "1", "0", "1", "0"]
    assert line(text, "R2")[2:5] == ["░" * 24, "—", "0"]
    assert line(text, "Quận 1")[1:5] == ["100?", "—", "—", "0?"], "one of its two units is not known"
    assert line(text, "TH-001")[3] == "R4 R7"
    assert "The rows were last judged at 2026-11-25 08:00" in text


def test_a_unit_is_told_row_by_row_with_figures_lacks_and_evidence() -> None:
    text = shown("unit")

    assert "Evaluation of Trường Tiểu học Sao Mai (TH-001) at 2026-11-25 08:00" in text
    assert line(text, "R1") == ["R1", "Fibre", "✓ met", "fibre known by: light measured", "measured, 2 hours old"]
    assert line(text, "R4")[2:] == [
        "✗ not met",
        "students per computer (primary): 33.6",
        "measured and declared, 2 days old",
    ]
    assert "students (primary): 1,344" in text
    assert "missing: Wi-Fi" in text
    assert "availability (school management SMAS): 99.9 %" in text, "never rounded up"
    assert line(text, "R2")[2:] == ["? not known", "", ""]
    assert line(text, "R14")[2].endswith("does not concern it")


def test_a_name_cannot_steer_the_terminal() -> None:
    text = shown("district", colours=True)

    assert "[red]x" in text, "not read as markup"
    assert set(re.findall(r"\x1b\[[0-9;]*[^0-9;]", text)) <= {f"\x1b[{code}m" for code in codes()}
    assert "\x00" not in text
    assert "\u202e" not in text


def codes() -> set[str]:
    """Those of the styles in use."""
    styles = {"0", "1", "2", "3", "31", "32", "33"}
    return styles | {f"{one};{other}" for one in styles for other in styles}
