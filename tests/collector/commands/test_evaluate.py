"""`haidang evaluate` against a real Prometheus that knows two moments, ten days apart."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from haidang_collector.registry.unit_words import LEVELS

from tests.collector.commands.conftest import Haidang
from tests.collector.evaluation.told import NOW, PAST, REGISTERED, told_store
from tests.servers import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.servers import Prometheus


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    with told_store(tmp_path_factory.mktemp("store")) as store:
        yield store


@pytest.fixture
def city(empty: Haidang, tmp_path: Path, store: Prometheus, monkeypatch: pytest.MonkeyPatch) -> Haidang:
    """A registry of the units that the store was told of now."""
    table = tmp_path / "units.csv"
    rows = [f"{unit.code},{unit.name},{unit.district},{LEVELS[unit.level]}" for unit in REGISTERED]
    table.write_text("\n".join(["code,name,district,level", *rows]), encoding="utf-8")
    assert empty("units", "import", table).exit_code == 0
    monkeypatch.setenv("HAIDANG_PROMETHEUS_URL", store.url)
    monkeypatch.setenv("LC_ALL", "en_GB.UTF-8")
    return empty


def test_the_city_now(city: Haidang) -> None:
    result = city("evaluate", "--at", NOW.isoformat())

    assert (result.exit_code, result.stderr) == (0, "")
    assert "Evaluation of the whole city at" in result.stdout
    assert "Trường Tiểu học Sao Mai" in result.stdout


def test_a_unit_in_the_past_as_json(city: Haidang) -> None:
    at = (PAST + timedelta(minutes=1)).isoformat()
    result = city("evaluate", "--unit", "TH-001", "--at", at, "--json")
    told = json.loads(result.stdout)

    assert (result.exit_code, told["at"], told["of"]) == (0, at, "TH-001")
    assert told["units"][0]["rows"]["R1"]["state"] == "unmet"


def test_a_moment_that_nobody_knows_of_is_a_problem(city: Haidang) -> None:
    result = city("evaluate", "--at", "2020-01-01", "--json", "--lang", "en")

    assert result.exit_code == 1
    assert json.loads(result.stdout)["units"] == []
    assert result.stderr == "Nothing is known at 2020-01-02 00:00: the store has no record of units then.\n"


@pytest.mark.parametrize(
    ("form", "begins"), [("xlsx", b"PK\x03\x04"), ("pdf", b"%PDF-"), ("html", b"<!doctype html>"), ("json", b'{"at"')]
)
def test_files(city: Haidang, tmp_path: Path, form: str, begins: bytes) -> None:
    """
    By the ending of the file, or through a pipe.
    """
    file = tmp_path / f"evaluation.{form.upper()}"
    written = city("evaluate", "--district", "Quận 1", "--at", NOW.isoformat(), "--output", file)
    piped = city("evaluate", "--district", "Quận 1", "--at", NOW.isoformat(), "--format", form)

    assert (written.exit_code, written.stdout, piped.exit_code) == (0, "", 0)
    assert file.read_bytes()[: len(begins)].lower() == begins.lower()
    assert piped.stdout_bytes[: len(begins)].lower() == begins.lower()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--unit", "TH-999"), "unit 'TH-999' is unknown"),
        (("--unit", "TH-001", "--district", "Quận 1"), "give one of them"),
        (("--json", "--format", "pdf"), "give one of them"),
        (("--format", "doc"), "'doc'"),
        (("--output", "evaluation.doc"), "add --format"),
        (("--output", "/nowhere/evaluation.json"), "No such file or directory"),
        (("--at", "25/11/2026"), "write it as 2026-11-25"),
        (("--at", "2999-01-01"), "still to come"),
    ],
)
def test_bad_usage_says_what_to_do(city: Haidang, arguments: tuple[str, ...], words: str) -> None:
    result = city("evaluate", *arguments)

    assert (result.exit_code, result.stdout) == (2, "")
    assert words in " ".join(result.stderr.replace("│", " ").split())


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("HAIDANG_PROMETHEUS_URL", f"http://127.0.0.1:{free_port()}", "start it, or set HAIDANG_PROMETHEUS_URL"),
        ("HAIDANG_PROMETHEUS_URL", "nonsense", "write http://host:port/path"),
        ("HAIDANG_POLICY", "/nowhere/policy.toml", "No such file or directory"),
    ],
    ids=["nobody", "nonsense", "policy"],
)
def test_a_store_or_a_policy_that_is_away_is_one_line(
    city: Haidang, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, words: str
) -> None:
    monkeypatch.setenv(variable, value)
    result = city("evaluate")

    assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (2, "", 1)
    assert words in result.stderr


def test_its_help_waits_for_nothing_heavy() -> None:
    program = (
        "import sys; from haidang_collector.cli import build; from typer.testing import CliRunner; "
        "assert 'For example' in CliRunner().invoke(build(), ['evaluate', '--help']).stdout; "
        "print(sorted({'httpx', 'openpyxl', 'jinja2', 'weasyprint', 'sqlalchemy'} & set(sys.modules)))"
    )

    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout == "[]\n"
