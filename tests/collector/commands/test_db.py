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


def test_a_registry_goes_into_a_file_and_comes_back(haidang: Haidang, tmp_path: Path) -> None:
    file, elsewhere = tmp_path / "backup.gz", tmp_path / "elsewhere"

    written = haidang("db", "backup", file)
    restored = haidang("db", "restore", file, data=elsewhere)

    assert (written.exit_code, restored.exit_code) == (0, 0), written.stderr + restored.stderr
    assert re.search(r"backup\.gz: \d+ rows of \d+ tables, \d+ bytes", written.stderr)
    assert haidang("units", "list", data=elsewhere).stdout == haidang("units", "list").stdout


def test_what_cannot_be_backed_up_or_restored_is_one_line(haidang: Haidang, tmp_path: Path) -> None:
    file = tmp_path / "backup.gz"
    file.write_text("something else\n")

    for words, told in (
        (("backup", file), "is there already"),
        (("backup", tmp_path / "nowhere" / "b.gz"), "No such file"),
        (("restore", file), "line 1: Not a gzipped file"),
        (("restore", tmp_path / "missing.gz"), "No such file"),
    ):
        refused = haidang("db", *words)
        assert (refused.exit_code, refused.stdout) == (2, "")
        assert told in refused.stderr
        assert "\n" not in refused.stderr.strip()
