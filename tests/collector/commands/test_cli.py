from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version
from typing import TYPE_CHECKING

import pytest
from haidang_collector.cli import build
from haidang_collector.registry.location import data_folder, database_url
from typer.testing import CliRunner

if TYPE_CHECKING:
    from pathlib import Path

    from tests.collector.commands.conftest import Haidang


def test_help_names_every_command_there_is() -> None:
    result = CliRunner().invoke(build(), ["--help"])

    assert result.exit_code == 0
    assert all(noun in result.stdout for noun in ("agents", "db", "tokens", "units", "HAIDANG_DATABASE_URL"))


def test_its_version() -> None:
    told = CliRunner().invoke(build(), ["--version"])

    assert (told.exit_code, told.stdout) == (0, f"haidang {version('haidang')}\n")


def test_help_loads_nothing_heavy() -> None:
    """
    SQLAlchemy, FastAPI and openpyxl together are a second on a slow disk.
    """
    program = (
        "import sys; from haidang_collector.cli import build; build(); "
        "print(sorted({'sqlalchemy', 'fastapi', 'openpyxl', 'alembic', 'pydantic'} & set(sys.modules)))"
    )

    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_only_the_command_that_is_asked_for_is_loaded() -> None:
    program = (
        "import sys; from haidang_collector.cli import build; build('agents'); "
        "print(sorted(name for name in sys.modules if name.startswith('haidang_collector.commands.')))"
    )
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout

    assert "haidang_collector.commands.agents" in loaded
    assert "haidang_collector.commands.units" not in loaded
    assert "units" in CliRunner().invoke(build("nonsense"), ["--help"]).stdout


@pytest.mark.parametrize("arguments", [("nonsense",), ("units", "nonsense"), ("units", "list", "--nonsense")])
def test_bad_usage_is_status_2(empty: Haidang, arguments: tuple[str, ...]) -> None:
    result = empty(*arguments)

    assert (result.exit_code, result.stdout) == (2, "")


def test_an_unusable_folder_is_one_line_and_status_2(empty: Haidang, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")

    for noun in ("units", "agents", "tokens"):
        result = empty(noun, "list", data=file)
        assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (2, "", 1)
        assert "give a place this user may write to (--data DIR)" in result.stderr


def test_where_the_registry_is(tmp_path: Path) -> None:
    url, folder = {"HAIDANG_DATABASE_URL": "postgresql://x/y"}, {"HAIDANG_DATA": str(tmp_path)}

    assert database_url(tmp_path, url) == f"sqlite:///{tmp_path}/haidang.db"
    assert database_url(None, url | folder) == "postgresql://x/y"
    assert database_url(None, folder) == f"sqlite:///{tmp_path}/haidang.db"
    assert data_folder({}).name in (".data", "haidang-collector")
