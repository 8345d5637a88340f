"""The example of docs/develop/add-a-probe.md works as it stands there."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

PAGE = Path(__file__).parents[1] / "docs" / "develop" / "add-a-probe.md"
RUN = """\
import sys
import haidang_agent.probes
haidang_agent.probes.__path__.append(sys.argv[1])
import pytest
sys.exit(pytest.main(["-q", "-p", "no:cacheprovider", "--rootdir", sys.argv[1], "-W", "error", sys.argv[2]]))
"""


def examples() -> dict[str, str]:
    """Text of each file that the page shows, by its path."""
    found = re.findall(r"`((?:agent|tests)/\S+\.py)`[^`]*?:\n\n```python\n(.+?)```", PAGE.read_text(), re.DOTALL)
    return dict(found)


def test_the_probe_of_the_page_passes_the_test_of_the_page(tmp_path: Path) -> None:
    files = {Path(path).name: text for path, text in examples().items()}
    assert set(files) == {"battery.py", "test_battery.py"}
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")

    command = [sys.executable, "-c", RUN, tmp_path, tmp_path / "test_battery.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=100, check=False)

    assert "3 passed" in done.stdout, done.stdout + done.stderr


def test_every_path_that_the_page_names_is_there() -> None:
    named = set(re.findall(r"`((?:agent|alerts|collector|dashboards|docs|scripts|tests)/[\w./-]+)`", PAGE.read_text()))
    missing = {path for path in named if not (PAGE.parents[2] / path).exists()}

    assert missing <= set(examples()) <= named
