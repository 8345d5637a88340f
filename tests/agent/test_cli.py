"""The commands, as a person types them: output, words, exit status."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from haidang_agent import commands

AGENT = Path(sys.executable).parent / "haidang-agent"
COMMANDS = sorted(file.stem.replace("_", "-") for file in Path(commands.__path__[0]).glob("[a-z]*.py"))


def run(*arguments: str, language: str = "en", config: str | None = None, folder: Path) -> tuple[int, str, str]:
    file = folder / "agent.toml"
    file.write_text(
        config if config is not None else f'[agent]\nstate_dir = "{folder}/state"\nlisten = "127.0.0.1:1"\n'
    )
    environment = {"PATH": os.environ["PATH"], "HAIDANG_LANG": language}
    done = subprocess.run(
        [AGENT, *arguments, "--config", file], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself_with_examples(command: str) -> None:
    done = subprocess.run([AGENT, command, "--help"], capture_output=True, text=True, check=True)

    assert f"haidang-agent {command}" in done.stdout.partition("examples:")[2]


def test_once_prints_the_exposition_format(tmp_path: Path) -> None:
    status, out, _ = run("once", "--probe", "machine", folder=tmp_path)

    assert status == 0
    assert "# TYPE node_cpu_seconds_total counter\n" in out


def test_check_config_names_the_fault(tmp_path: Path) -> None:
    assert run("check-config", config="[agent]\nroles = 1\n", folder=tmp_path)[0] == 2
    assert run("check-config", folder=tmp_path)[0] == 0


def test_status_without_a_running_agent_says_what_to_do(tmp_path: Path) -> None:
    status, out, words = run("status", folder=tmp_path)

    assert status == 1
    assert "start it with: haidang-agent run" in words
    assert "unknown" in out
    told = json.loads(run("status", "--json", folder=tmp_path)[1])
    assert set(told) == {"status", "problems"}
    assert told["problems"][0].startswith("this machine is not enrolled")
    assert "no agent answers on 127.0.0.1:1" in told["problems"][1]


def test_doctor_speaks_vietnamese(tmp_path: Path) -> None:
    status, out, _ = run("doctor", language="vi_VN.UTF-8", folder=tmp_path)

    assert status == 1
    assert "máy này chưa ghi danh" in out
    assert "Xin mã ghi danh của Phòng GD&ĐT" in out
    assert "\x1b[" not in out, "no colours where no terminal is"


def test_doctor_in_json_has_the_same_facts(tmp_path: Path) -> None:
    status, out, _ = run("doctor", "--json", folder=tmp_path)
    told = json.loads(out)

    assert status == 1
    assert {"check", "state", "tried", "found", "remedy", "probe"} == set(told["doctor"][0])
    assert told["problems"] == ["enrolment: this machine is not enrolled"]


def test_doctor_finds_a_collector_that_does_not_run(tmp_path: Path) -> None:
    config = f'[server]\nurl = "http://127.0.0.1:1"\n[agent]\nstate_dir = "{tmp_path}/state"\n'
    _, out, _ = run("doctor", "--json", config=config, folder=tmp_path)

    assert any(text.startswith("connection: ") for text in json.loads(out)["problems"])


def test_enrol_without_a_token_is_bad_usage(tmp_path: Path) -> None:
    status, _, words = run("enrol", "--server", "http://127.0.0.1:1", folder=tmp_path)

    assert status == 2
    assert "--token-file is missing" in words
