from __future__ import annotations

import json
from typing import TYPE_CHECKING

from haidang_collector.cli import build
from typer.testing import CliRunner

from tests.collector.running import serving
from tests.servers import free_port, prometheus

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from tests.collector.commands.conftest import Haidang


def test_the_facts_alone_and_what_an_evaluation_must_find(empty: Haidang) -> None:
    told = empty("simulate", "--units", "30", "--facts-only", "--json")
    units = json.loads(empty("units", "list", "--json").stdout)

    document = json.loads(told.stdout)
    assert told.exit_code == 0
    assert [unit["code"] for unit in units] == [f"SIM-{number:05d}" for number in range(1, 31)]
    assert document["reports"] is None
    assert all(sum(states.values()) == 30 for states in document["expected"].values())


def test_agents_enrol_and_report(empty: Haidang, tmp_path: Path) -> None:
    data = tmp_path / "data"
    assert empty("simulate", "--units", "4", "--facts-only").exit_code == 0
    with (
        prometheus(tmp_path) as store,
        serving(tmp_path, DATABASE_URL=f"sqlite:///{data}/haidang.db", STORE_WRITE_URL=store.write_url) as served,
    ):
        options = ("--units", "4", "--for", "3s", "--interval", "1s", "--server", served.url, "--json")
        done = empty("simulate", *options, "--steady")
        stored = store.query("count(group by (agent) (last_over_time(school_machine_info[1m])))")

    reports = json.loads(done.stdout)["reports"]
    assert done.exit_code == 0, done.stderr
    assert reports["answers"].keys() == {"204"}
    assert stored[0]["value"][1] == str(reports["agents"])
    assert (data / "simulated").is_dir()


def test_a_collector_elsewhere_needs_its_registry_and_no_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry = f"sqlite:///{tmp_path}/haidang.db"
    monkeypatch.setenv("HAIDANG_DATABASE_URL", registry)
    words = ("simulate", "--units", "4", "--state", str(tmp_path / "agents"), "--json")
    assert CliRunner().invoke(build(), [*words, "--facts-only"]).exit_code == 0
    with (
        prometheus(tmp_path) as store,
        serving(tmp_path, DATABASE_URL=registry, STORE_WRITE_URL=store.write_url) as served,
    ):
        done = CliRunner().invoke(build(), [*words, "--for", "2s", "--interval", "1s", "--server", served.url])

    reports = json.loads(done.stdout)["reports"]
    assert done.exit_code == 0, done.stderr
    assert reports["agents"] > 0
    assert reports["answers"].keys() <= {"204", "cut off"}
    assert (tmp_path / "agents").is_dir()


def test_a_registry_with_real_units_is_refused(haidang: Haidang) -> None:
    refused = haidang("simulate", "--units", "3", "--facts-only")

    assert refused.exit_code == 2
    assert "no simulated ones" in refused.stderr
    assert refused.stdout == ""


def test_a_collector_that_is_away_is_bad_input(empty: Haidang) -> None:
    away = empty("simulate", "--units", "3", "--for", "1s", "--server", f"http://127.0.0.1:{free_port()}")

    assert away.exit_code == 2
    assert "refused" in away.stderr


def test_an_address_that_would_send_keys_in_clear_text_is_refused(empty: Haidang) -> None:
    refused = empty("simulate", "--units", "3", "--for", "1s", "--server", "http://collector.example:8080")

    assert refused.exit_code == 2
    assert "clear text" in refused.stderr


def test_a_time_without_a_unit_is_refused(empty: Haidang) -> None:
    assert empty("simulate", "--units", "3", "--for", "10").exit_code == 2
