from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from tests.collector.commands.conftest import Haidang


def test_upgrade_says_from_what_to_what(empty: Haidang) -> None:
    first, second = empty("db", "upgrade"), empty("db", "upgrade")

    assert (first.exit_code, second.exit_code) == (0, 0)
    reached = re.search(r"haidang\.db: empty → (\d{4})", first.stderr)
    assert reached
    assert f"haidang.db: is at {reached[1]}" in second.stderr


def test_upgrade_leaves_a_file_alone_that_is_no_database(empty: Haidang, tmp_path: Path) -> None:
    (tmp_path / "haidang.db").write_text("important notes, no database at all\n" * 100)

    result = empty("db", "upgrade", data=tmp_path)

    assert result.exit_code == 2
    assert "file is not a database" in result.stderr
    assert (tmp_path / "haidang.db").read_text().startswith("important notes")
