"""`haidang units config` and `haidang agents config`: set, stage, take back, and what an agent is told in the end."""

from __future__ import annotations

import json
import tomllib
from typing import TYPE_CHECKING

import pytest
from haidang_collector.registry.config_layers import bucket

from tests.collector.commands.test_agents import agent  # noqa: F401 - a fixture

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.collector.commands.conftest import Haidang


@pytest.fixture
def toml(tmp_path: Path) -> Callable[[str], Path]:
    def write(text: str) -> Path:
        (tmp_path / "given.toml").write_text(text)
        return tmp_path / "given.toml"

    return write


def test_an_agent_is_shown_what_it_is_told_and_from_where(haidang: Haidang, toml, agent: str) -> None:  # noqa: F811
    lines = '[[snmp]]\nhost = "10.20.0.1"\ncommunity = "hush"\n'
    haidang("units", "config", "--default", "--set", toml('[agent]\npush_interval = "15s"\n'))
    haidang("units", "config", "TH-MAU-01", "--set", toml(lines))
    assert haidang("units", "config", "--role", "site", "--set", toml("[agent]\noutbox_max_mb = 64\n")).exit_code == 0
    assert haidang("agents", "config", agent, "--set", toml('[agent]\npush_interval = "5s"\n')).exit_code == 0

    shown, told = haidang("agents", "config", agent), json.loads(haidang("agents", "config", agent, "--json").stdout)

    assert f'push_interval = "5s"  # agent {agent}, version 1' in shown.stdout
    assert "outbox_max_mb = 64  # role site, version 1" in shown.stdout
    assert 'community = "(secret)"  # unit TH-MAU-01, version 1' in shown.stdout
    assert tomllib.loads(shown.stdout) == told["tables"]
    assert "it has not said yet what it runs" in shown.stderr
    assert told["versions"] == {"default": 1, "unit TH-MAU-01": 1, "role site": 1, f"agent {agent}": 1}
    assert "hush" in haidang("agents", "config", agent, "--secrets").stdout
    assert haidang("agents", "config", "a-none").exit_code == 2


def test_a_file_that_agents_could_not_use_changes_nothing(haidang: Haidang, toml) -> None:
    haidang("units", "config", "--default", "--set", toml('[agent]\npush_interval = "15s"\n'))

    result = haidang("units", "config", "--default", "--set", toml('[agent]\npush_interval = "15 minutes"\n'))

    assert (result.exit_code, result.stdout) == (2, "")
    assert "and 7 more: [agent] push_interval = '15 minutes'" in result.stderr
    assert "nothing was changed" in result.stderr
    assert json.loads(haidang("units", "config", "--default").stdout) == {"agent": {"push_interval": "15s"}}


def test_staged_widened_and_taken_back(haidang: Haidang, toml, agent: str, monkeypatch) -> None:  # noqa: F811
    monkeypatch.setenv("HAIDANG_OPERATOR", "lan")
    first, second = '[agent]\npush_interval = "15s"\n', '[agent]\npush_interval = "5s"\n'
    haidang("units", "config", "--default", "--set", toml(first))

    def push_interval() -> str:
        tables = json.loads(haidang("agents", "config", agent, "--json").stdout)["tables"]
        return str(tables["agent"]["push_interval"])

    share = bucket(agent) + 1
    before = haidang("units", "config", "--default", "--set", toml(second), "--stage", f"{max(1, share - 1)}%")
    assert f"version 2 is set, for {max(1, share - 1)} % of its agents; widen by --stage" in before.stderr
    assert push_interval() == ("15s" if share > 1 else "5s")
    haidang("units", "config", "--default", "--stage", str(share))
    assert push_interval() == "5s"
    assert haidang("units", "config", "--default", "--rollback").stderr == "default: version 1 is in force\n"
    assert push_interval() == "15s"

    versions = json.loads(haidang("units", "config", "--default", "--history", "--json").stdout)
    assert [(each["number"], each["who"], each["state"]) for each in versions] == [
        (2, "lan", "earlier"), (1, "lan", "in force"),
    ]  # fmt: skip
    log = json.loads(haidang("users", "audit", "--json").stdout)
    assert [(each["what"], each["subject"]) for each in log[:2]] == [
        ("config.rolled_back", "default"),
        ("config.set", "default"),
    ]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--default", "--rollback"], "default: nothing is set that could be taken back"),
        (["--default", "--stage", "20%"], "default: nothing is staged; set a file together with --stage"),
        (["--default", "--stage", "0"], "write a percentage from 1% to 100%"),
        (["--default", "--stage", "101%"], "write a percentage from 1% to 100%"),
        (["--default", "--stage", "10", "--rollback"], "--rollback goes without --set and --stage"),
        (["--role", "spy", "--history"], "there is no role 'spy'"),
        (["TH-MAU-99", "--history"], "there is no unit 'TH-MAU-99'"),
    ],
)
def test_what_cannot_be_done_is_status_2(haidang: Haidang, arguments: list[str], words: str) -> None:
    result = haidang("units", "config", *arguments)

    assert (result.exit_code, result.stdout) == (2, "")
    assert words in result.stderr


def test_keys_and_machines(haidang: Haidang, agent: str) -> None:  # noqa: F811
    assert haidang("agents", "rotate", agent).stderr == "1 agent(s) are asked for a new key\n"
    assert haidang("agents", "list").stdout.rstrip().endswith("new key wanted")
    assert haidang("agents", "rotate", "--all").stderr.startswith("1 agent(s)")
    assert haidang("agents", "rotate").exit_code == 2
    assert haidang("agents", "rotate", "a-none").exit_code == 2
    assert haidang("agents", "merge", agent, "a-none").exit_code == 2
    token = haidang("agents", "readmit", agent, "--expires", "1d")
    assert len(token.stdout.strip()) == 32
    assert agent in token.stderr
    assert haidang("agents", "readmit", "a-none").exit_code == 2
