from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from haidang_collector.cli import build
from typer.testing import CliRunner

if TYPE_CHECKING:
    from typer.testing import Result

POLICY = """
[[limit]]
row = "R4"
limit = "students_per_computer"
level = "primary"
value = 24
from = 2016-10-27
source = "A"
[[limit]]
row = "R4"
limit = "students_per_computer"
level = "primary"
value = 20
from = 2027-09-01
source = "B"
[[limit]]
row = "R7"
limit = "download_bytes_per_second"
value = 2_500_000
from = 2020-01-01
source = "C"
enabled = false
"""


@pytest.fixture
def policy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / "policy.toml"
    file.write_text(POLICY)
    monkeypatch.setenv("HAIDANG_POLICY", str(file))
    return file


def show(*arguments: str) -> Result:
    return CliRunner().invoke(build(), ["policy", "show", *arguments])


@pytest.mark.usefixtures("policy")
def test_a_policy_of_ones_own_is_shown_as_it_holds_on_a_day() -> None:
    assert [line.split() for line in show("--at", "2026-11-25").stdout.splitlines()] == [
        ["R4", "students_per_computer", "primary", "24", "2016-10-27", "in", "force", "A"],
        ["R4", "students_per_computer", "primary", "20", "2027-09-01", "to", "come", "B"],
        ["R7", "download_bytes_per_second", "2500000", "2020-01-01", "off", "C"],
    ]
    after = json.loads(show("--at", "2027-09-01", "--json").stdout)
    assert after["at"] == "2027-09-01"
    assert after["limits"][0] == {
        "row": "R4", "limit": "students_per_computer", "level": "primary", "value": 20,
        "from": "2027-09-01", "to": None, "state": "in force", "source": "B",
    }  # fmt: skip
    assert [limit["state"] for limit in after["limits"]] == ["in force", "off"]


def test_the_built_in_policy_is_shown_for_today() -> None:
    told = json.loads(show("--json").stdout)["limits"]

    ratios = [limit for limit in told if limit["limit"] == "students_per_computer" and limit["state"] == "in force"]
    assert [limit["value"] for limit in ratios] == [24, 16, 12]


def test_a_bad_policy_and_a_bad_day_are_status_2(policy: Path) -> None:
    assert (show("--at", "25/11/2026").exit_code, show("--at", "25/11/2026").stdout) == (2, "")
    policy.write_text(POLICY.replace("= 24", "= 'x'"))
    refused = show()

    assert (refused.exit_code, refused.stdout) == (2, "")
    assert refused.stderr.startswith(f"{policy}: [[limit]] number 1 (R4 students_per_computer primary): value = 'x'")
