from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from haidang_collector.registry.location import sqlite_url
from haidang_collector.registry.store import Registry
from haidang_collector.registry.tokens import Applicant, enrol

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
