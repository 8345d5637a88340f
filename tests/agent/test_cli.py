"""The commands, as a person types them: output, words, exit status."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from haidang_agent import commands, config
from haidang_agent.commands import check_config

from tests.agent.scripted_centre import Say, json_body, scripted_centre
from tests.lab.ca import CertificateAuthority

AGENT = Path(sys.executable).parent / "haidang-agent"
COMMANDS = sorted(file.stem.replace("_", "-") for file in Path(commands.__path__[0]).glob("[a-z]*.py"))


def run(*arguments: str, language: str = "en", tables: str | None = None, folder: Path) -> tuple[int, str, str]:
    file = folder / "agent.toml"
    file.write_text(
        tables if tables is not None else f'[agent]\nstate_dir = "{folder}/state"\nlisten = "127.0.0.1:1"\n'
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
    assert run("check-config", tables="[agent]\nroles = 1\n", folder=tmp_path)[0] == 2
    assert run("check-config", folder=tmp_path)[0] == 0


def test_check_config_calls_no_file_sound_that_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(config, "CONFIG_DIR", str(tmp_path))

    assert check_config.run(argparse.Namespace(config=None, told=False)) == 0
    assert capsys.readouterr().out == f"{tmp_path}/agent.toml: not there; what holds without it is sound\n"


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
    tables = f'[server]\nurl = "http://127.0.0.1:1"\n[agent]\nstate_dir = "{tmp_path}/state"\n'
    _, out, _ = run("doctor", "--json", tables=tables, folder=tmp_path)

    assert any(text.startswith("connection: ") for text in json.loads(out)["problems"])


def test_enrol_without_a_token_is_bad_usage(tmp_path: Path) -> None:
    status, _, words = run("enrol", "--server", "http://127.0.0.1:1", folder=tmp_path)

    assert status == 2
    assert "--token-file is missing" in words


def test_an_empty_token_file_is_told_as_that(tmp_path: Path) -> None:
    file = tmp_path / "token.txt"
    file.write_text("\n")
    status, _, words = run("enrol", "--server=http://127.0.0.1:1", f"--token-file={file}", folder=tmp_path)

    assert status == 2
    assert f"--token-file {file}: there is no token in it" in words


def test_enrol_writes_a_configuration_that_holds_in_every_folder(tmp_path: Path) -> None:
    ca, _ = CertificateAuthority(tmp_path).issue("127.0.0.1")
    words = ["--token=x", f"--ca={ca.name}", "--config=new/agent.toml", "--force"]
    with scripted_centre() as centre:
        centre.answer = lambda _: Say(201, json_body({"agent": "a-7f3k", "unit": "TH-001"}))
        environment = {"PATH": os.environ["PATH"], "HAIDANG_AGENT_STATE_DIR": f"{tmp_path}/state"}
        command = [AGENT, "enrol", f"--server={centre.url}", *words]
        subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, timeout=60, check=True)

    written = tomllib.loads((tmp_path / "new" / "agent.toml").read_text())
    assert written == {"server": {"url": centre.url, "ca": str(ca)}}
