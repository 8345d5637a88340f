from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from haidang_collector.cli import build
from haidang_collector.registry.location import sqlite_url
from haidang_collector.registry.models import Agent
from haidang_collector.registry.store import Registry
from haidang_collector.registry.tokens import Applicant, enrol
from typer.testing import CliRunner

if TYPE_CHECKING:
    from pathlib import Path

    from tests.collector.commands.conftest import Haidang


@pytest.fixture
def agent(haidang: Haidang, tmp_path: Path) -> str:
    token = haidang("tokens", "create", "TH-MAU-01").stdout.strip()
    registry = Registry(sqlite_url(tmp_path / "data"))
    enrolled = enrol(registry.database, Applicant(token, "k" * 43, ("site", "host"), "0.1.0", "linux"))
    registry.close()
    assert enrolled is not None
    return enrolled.agent


def test_agents_are_listed_by_unit(haidang: Haidang, agent: str) -> None:
    (listed,) = json.loads(haidang("agents", "list", "--unit", "TH-MAU-01", "--json").stdout)
    plain = haidang("agents", "list").stdout

    assert (listed["agent"], listed["roles"], listed["last_seen"]) == (agent, ["site", "host"], None)
    assert plain.startswith(f"{agent}  TH-MAU-01  Quận Mẫu Bắc  site,host  0.1.0  linux  never")
    assert haidang("agents", "list", "--unit", "TH-MAU-02").stdout == ""


def test_of_very_many_a_hundred_are_shown_and_it_is_said(haidang: Haidang, agent: str, tmp_path: Path) -> None:
    registry = Registry(sqlite_url(tmp_path / "data"))
    told = {"key_hash": "0" * 64, "roles": "host", "version": "0.1.0", "os": "linux", "enrolled_at": datetime.now(UTC)}
    with registry.database.write() as session:
        session.add_all(Agent(id=f"b-{number:04}", unit="TH-MAU-02", **told) for number in range(1200))
    registry.close()

    few, every = haidang("agents", "list"), haidang("agents", "list", "--all")
    as_json = json.loads(haidang("agents", "list", "--json").stdout)
    of_unit = haidang("agents", "list", "--unit", "TH-MAU-01")

    assert few.stdout.startswith(agent)
    assert few.stdout.count("\n") == 100
    assert few.stderr == "1,201 agents, showing 100; --all shows all, --unit or --district some\n"
    assert (every.stdout.count("\n"), every.stderr) == (1201, "")
    assert (len(as_json), as_json[-1]["agent"]) == (1201, "b-1199")
    assert (of_unit.stdout.count("\n"), of_unit.stderr) == (1, "")
    assert haidang("agents", "list", "--district", "Quận Mẫu Bắc", "--all").stdout.count("\n") == 1


def test_the_list_of_an_empty_registry_is_empty(empty: Haidang) -> None:
    assert (empty("agents", "list").stdout, json.loads(empty("agents", "list", "--json").stdout)) == ("", [])


def test_listing_agents_loads_nothing_heavy(haidang: Haidang, agent: str, tmp_path: Path) -> None:
    """
    SQLAlchemy alone takes longer to load than the list may take.
    """
    del haidang
    program = (
        "import sys; from haidang_collector.cli import main; sys.argv = ['haidang', 'agents', 'list', *sys.argv[1:]]\n"
        "try: main()\nfinally: print(sorted({'sqlalchemy', 'alembic', 'asyncio', 'httpx'} & set(sys.modules)))"
    )
    command = [sys.executable, "-c", program, "--data", str(tmp_path / "data")]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout

    assert listed.startswith(agent)
    assert listed.endswith("\n[]\n")


def test_a_revoked_agent_is_shown_as_such(haidang: Haidang, agent: str) -> None:
    assert haidang("agents", "revoke", agent).exit_code == 0
    assert haidang("agents", "list").stdout.rstrip().endswith("revoked")


def test_who_revoked_an_agent_is_in_the_log(haidang: Haidang, agent: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HAIDANG_OPERATOR", "lan")
    haidang("agents", "revoke", agent)
    haidang("agents", "revoke", "a-unknown")
    entry, made, *earlier = json.loads(haidang("users", "audit", "--json").stdout)

    assert (entry["who"], entry["what"], entry["subject"]) == ("lan", "agent.revoked", agent)
    assert made["what"] == "token.made"
    assert {each["what"] for each in earlier} == {"facts.units"}


def test_an_unknown_agent_cannot_be_revoked(haidang: Haidang) -> None:
    result = haidang("agents", "revoke", "a-unknown")

    assert (result.exit_code, result.stdout) == (2, "")
    assert "there is no agent 'a-unknown'" in result.stderr


@pytest.mark.parametrize(("url", "status"), [("sqlite+pysqlite:///{}", 0), ("postgresql://h:pa%ss@127.0.0.1:1/x", 2)])
def test_an_address_as_every_command_takes_it_is_listed_or_refused_without_its_password(
    haidang: Haidang, agent: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str, status: int
) -> None:
    del haidang
    monkeypatch.setenv("HAIDANG_DATABASE_URL", url.format(tmp_path / "data" / "haidang.db"))

    listed = CliRunner().invoke(build(), ["agents", "list"])

    assert listed.exit_code == status
    assert (agent in listed.stdout) is (status == 0)
    assert "pa%ss" not in listed.output
