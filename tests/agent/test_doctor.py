"""`haidang-agent doctor` whole: every finding has its words, and what is sent holds none of them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from haidang_advice.doctor import CHECKS, REMEDIES
from haidang_agent import credentials
from haidang_agent.credentials import Credentials
from haidang_agent.doctor import examine

from tests.agent.scripted_centre import Asked, Say, ScriptedCentre, json_body, scripted_centre

if TYPE_CHECKING:
    from collections.abc import Iterator

AGENT = Path(sys.executable).parent / "haidang-agent"
SOURCES = Path(credentials.__file__).parent.glob("doctor*.py")
ME = Credentials("k" * 43, agent="a-1", unit="TH-001")
WAY = "/api/v1/agent/doctor"


@pytest.fixture
def centre() -> Iterator[ScriptedCentre]:
    """A collector that knows the agent, and takes its report."""

    def answer(asked: Asked) -> Say:
        if asked.path == WAY:
            return Say(204) if asked.body else Say(200, json_body({"version": "0.1.0"}))
        return Say(200, json_body({}))

    with scripted_centre() as centre:
        centre.answer = answer
        yield centre


def machine(folder: Path, url: str, *more: str) -> Path:
    """The agent.toml of an enrolled machine on which no agent runs."""
    credentials.save(folder / "state", ME)
    file = folder / "agent.toml"
    tables = [f'[server]\nurl = "{url}"', f'[agent]\nstate_dir = "{folder}/state"\nlisten = "127.0.0.1:1"', *more]
    file.write_text("\n".join(tables), encoding="utf-8")
    return file


def doctor(file: Path, *options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [AGENT, "doctor", "--config", file, *options],
        env={"PATH": os.environ["PATH"], "HAIDANG_LANG": "en"} | environment,
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def told(file: Path, *options: str, **environment: str) -> dict[str, dict[str, Any]]:
    """Findings by check; those of probes by the probe's name."""
    found = json.loads(doctor(file, "--json", *options, **environment).stdout)["doctor"]
    return {finding["probe"] or finding["check"]: finding for finding in found}


def test_every_check_and_case_in_the_code_is_one_of_the_advice() -> None:
    text = "".join(file.read_text(encoding="utf-8") for file in SOURCES)
    checks = re.findall(r'(?:Finding\(|check(?:, \w+)* = |yield )"([a-z ]+)"', text)

    assert set(checks) == set(CHECKS)
    assert {case for case in REMEDIES if f'"{case}"' not in text} == set()


def test_findings_are_of_known_checks_and_none_that_is_not_ok_lacks_a_remedy(
    tmp_path: Path, centre: ScriptedCentre
) -> None:
    findings = list(examine(machine(tmp_path, centre.url)))

    assert {finding.check for finding in findings} <= set(CHECKS)
    assert [finding for finding in findings if finding.state != "ok" and not finding.remedy] == []
    assert {"name", "connection", "collector", "version", "clock", "unit key"} <= {each.check for each in findings}


def test_an_enrolled_machine_without_its_agent_is_to_be_mended(tmp_path: Path, centre: ScriptedCentre) -> None:
    done = doctor(machine(tmp_path, centre.url))

    assert done.returncode == 1
    assert "✕ running agent: no agent answers" in done.stdout
    assert "✓ probes that have all they need: " in done.stdout


def test_all_shows_each_sound_probe_with_what_was_tried_and_what_was_left_out(
    tmp_path: Path, centre: ScriptedCentre
) -> None:
    file = machine(tmp_path, centre.url)
    whole = json.loads(doctor(file, "--json").stdout)

    shown = doctor(file, "--all").stdout.splitlines()

    sound = [each for each in whole["doctor"] if each["probe"] and each["state"] == "ok"]
    assert sound
    assert {(f"✓ probe {each['probe']}: all there", f"    {each['tried']}") for each in sound} <= set(pairwise(shown))
    rows = [line[2:].partition(":")[0] for line in shown if line.startswith(("✓", "!", "✕"))]
    made = {"probe" if row.startswith("probe ") else row for row in rows}
    (line,) = (line for line in shown if line.startswith("◦"))
    left_out = set(line.removeprefix("◦ left out: ").split(", "))
    assert (made | left_out, made & left_out) == (set(CHECKS), set())
    assert {"proxy", "certificate", "relay"} <= left_out & set(whole["left_out"])
    assert "probes that have all they need" not in "".join(shown)


def test_what_would_be_sent_is_shown_and_not_sent(tmp_path: Path, centre: ScriptedCentre) -> None:
    done = doctor(machine(tmp_path, centre.url), "--send", "--dry-run")

    report = json.loads(done.stdout.partition("This would be sent, and nothing else:\n")[2])
    assert {"check": "running agent", "state": "fail", "case": "agent_away", "probe": ""} in report["checks"]
    assert [asked for asked in centre.asked if asked.body] == []


def test_what_is_sent_is_what_was_shown_as_the_agent_and_names_nothing_of_the_machine(
    tmp_path: Path, centre: ScriptedCentre
) -> None:
    file = machine(tmp_path, centre.url, '[[lab]]\nname = "Phòng bí mật"\ncidr = "10.20.1.1/24"')
    shown = json.loads(doctor(file, "--json", "--send", "--dry-run", https_proxy="http://lan:pw@10.1.1.1:3128").stdout)
    done = doctor(file, "--send", https_proxy="http://lan:pw@10.1.1.1:3128")

    (asked,) = (asked for asked in centre.asked if asked.body)
    assert json.loads(asked.body) == shown["report"]
    assert asked.headers["authorization"] == f"Bearer {ME.bearer}"
    assert "sent to the unit's page" in done.stderr
    words = {word for check in shown["report"]["checks"] for word in check.values()}
    assert words <= {"", "ok", "warn", "fail", *CHECKS, *REMEDIES, *(each["probe"] for each in shown["doctor"])}
    assert {"proxy_set", "room_faulty"} <= words, "that is what could have told addresses and names"


def test_a_password_of_the_proxy_is_not_shown(tmp_path: Path, centre: ScriptedCentre) -> None:
    proxy = told(machine(tmp_path, centre.url), https_proxy="http://lan:hush@10.1.1.1:3128")["proxy"]

    assert (proxy["state"], proxy["found"]) == ("warn", "10.1.1.1:3128")


def test_dry_run_alone_is_bad_usage(tmp_path: Path, centre: ScriptedCentre) -> None:
    assert doctor(machine(tmp_path, centre.url), "--dry-run").returncode == 2


@pytest.mark.parametrize(
    ("say", "words"), [(Say(429, b"wait"), "not sent: 429 wait"), (Say(hang_up=True), "not sent: 127.0.0.1:")]
)
def test_a_report_that_is_not_taken_is_said_so(tmp_path: Path, centre: ScriptedCentre, say: Say, words: str) -> None:
    usual = centre.answer
    centre.answer = lambda asked: say if asked.body else usual(asked)

    done = doctor(machine(tmp_path, centre.url), "--send")

    assert done.returncode == 1
    assert words in done.stderr


def test_a_key_that_the_service_cannot_read_is_found_by_root_too(tmp_path: Path, centre: ScriptedCentre) -> None:
    """
    Who enrols with sudo leaves a file that only root reads.
    """
    file = machine(tmp_path, centre.url)
    os.chown(tmp_path / "state", 65534, 65534)

    found = told(file)["enrolment"]

    assert found["state"] == "fail"
    assert "chown --reference" in found["remedy"]


def test_a_broken_file_ends_the_examination_with_its_faults(tmp_path: Path) -> None:
    file = tmp_path / "agent.toml"
    file.write_text("[agent]\nroles = 1\n", encoding="utf-8")

    done = doctor(file)

    assert done.returncode == 1
    assert "roles" in done.stdout
    assert "check-config" in done.stdout
