"""The key of a unit's own agents: one a unit, told to them alone."""

from __future__ import annotations

import json
import logging
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from haidang_collector.app import create_app
from haidang_collector.cli import build
from haidang_collector.registry import agent_config
from haidang_collector.registry.agent_config import BadAgentConfigError, told_to_agents
from haidang_collector.registry.history import history_of
from haidang_collector.registry.location import database_url
from haidang_collector.registry.models import Unit
from haidang_collector.registry.store import Registry
from haidang_collector.registry.tokens import UnknownUnitError, create_token
from haidang_collector.registry.unit_keys import unit_key
from haidang_collector.settings import Settings
from sqlalchemy import text
from starlette.testclient import TestClient
from typer.testing import CliRunner

from tests.collector.registry.test_tokens import HOUR

AGENT_KEY = "Zk3-_" * 9


def test_a_unit_has_one_key_and_no_two_have_the_same(registry: Registry) -> None:
    one, other = (unit_key(registry.database, code) for code in ("TH-001", "THCS-002"))

    assert re.fullmatch("[0-9a-f]{64}", one)
    assert one != other
    assert unit_key(registry.database, "TH-001") == one


def test_who_ask_at_once_are_told_the_same(registry: Registry) -> None:
    with ThreadPoolExecutor(4) as pool:
        keys = list(pool.map(lambda _: unit_key(registry.database, "TH-001"), range(8)))

    assert len(set(keys)) == 1


def test_a_unit_that_is_not_there_has_none(registry: Registry) -> None:
    with pytest.raises(UnknownUnitError, match="there is no unit 'TH-9'"):
        unit_key(registry.database, "TH-9")


def test_agents_are_told_it_beside_all_else(registry: Registry) -> None:
    agent_config.set_tables(registry.database, "TH-001", {"privacy": {"x": 1}, "agent": {"push_interval": "5s"}})

    assert told_to_agents(registry.database, "TH-001") == {
        "agent": {"push_interval": "5s"},
        "privacy": {"x": 1, "unit_key": unit_key(registry.database, "TH-001")},
    }


@pytest.mark.parametrize("unit", ["TH-001", None])
def test_nobody_sets_it_by_hand(registry: Registry, unit: str | None) -> None:
    """One key in the default would be every school's."""
    secret = "ab" * 32
    with pytest.raises(BadAgentConfigError, match="the registry makes it") as refused:
        agent_config.set_tables(registry.database, unit, {"privacy": {"unit_key": secret}})
    assert secret not in str(refused.value)


def test_lists_exports_and_history_do_not_have_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HAIDANG_DATABASE_URL", raising=False)
    (tmp_path / "units.csv").write_text("code,name,district,level\nTH-001,Đom Đóm,Quận Bắc,Tiểu học\n", "utf-8")
    commands = [
        ["units", "import", str(tmp_path / "units.csv")],
        ["units", "list", "--json"],
        ["units", "export"],
        ["units", "history", "TH-001", "--json"],
        ["units", "config", "TH-001"],
        ["units", "config", "TH-001", "--show"],
    ]
    run, cli = CliRunner().invoke, build()
    assert run(cli, [*commands[0], "--data", str(tmp_path)]).exit_code == 0
    registry = Registry(database_url(tmp_path))
    key = unit_key(registry.database, "TH-001")
    changes = history_of(registry.database, "TH-001")
    with registry.database.read() as connection:
        kept = connection.execute(text("SELECT key FROM unit_key")).scalars().all()
    registry.close()

    results = [run(cli, [*command, "--data", str(tmp_path)]) for command in commands]

    assert kept == [key]
    assert [result.exit_code for result in results] == [0] * len(commands)
    assert not any(key in result.output for result in results)
    assert key not in repr(changes)


def test_an_enrolled_agent_fetches_it_and_no_log_has_it(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    app = create_app(Settings(database_url=f"sqlite:///{tmp_path / 'registry.db'}"))
    with TestClient(app, base_url="http://127.0.0.1", client=("127.0.0.1", 50_000)) as client:
        database = client.app.state.registry.database  # type: ignore[attr-defined]
        with database.write() as session:
            session.add(Unit(code="TH-001", name="Đom Đóm", district="Quận Bắc", level="primary", students={}))
        token = create_token(database, "TH-001", uses=1, lifetime=HOUR).token
        asked = {"token": token, "key": AGENT_KEY, "roles": ["host"], "version": "0.1.0", "os": "linux"}
        agent = client.post("/api/v1/enrol", json=asked).json()["agent"]
        headers = {"Authorization": f"Bearer {agent}.{AGENT_KEY}"}
        first = client.get("/api/v1/agent/config", headers=headers)
        same = client.get("/api/v1/agent/config", headers=headers | {"If-None-Match": first.headers["ETag"]})
        public = [client.get(path).text for path in ("/metrics", "/metrics/registry", "/sd/agents", "/")]
        key = unit_key(database, "TH-001")

    assert json.loads(first.content) == {"privacy": {"unit_key": key}}
    assert same.status_code == 304
    assert key not in caplog.text
    assert not any(key in page for page in public)
