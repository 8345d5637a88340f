"""`haidang-agent posture` as a person types it: output, words, exit status. It looks at this very machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from haidang_agent.posture.catalogue import CHECKS

AGENT = Path(sys.executable).parent / "haidang-agent"
SEVERITIES = ("critical", "warning", "info")
LINUX = {check.id: check for check in CHECKS if "linux" in check.platforms}


def run(folder: Path, *arguments: str, language: str = "en") -> tuple[int, str, str]:
    """With an agent.toml in `folder`, whose state is there too."""
    config = folder / "agent.toml"
    config.write_text(f'[agent]\nstate_dir = "{folder}"\n')
    environment = {"PATH": os.environ["PATH"], "HAIDANG_LANG": language, "HAIDANG_CONFIG": str(config)}
    done = subprocess.run(
        [AGENT, "posture", *arguments], env=environment, capture_output=True, timeout=60, check=False, text=True
    )
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout, done.stderr


def test_json_has_the_agreed_fields_and_the_status_agrees(tmp_path: Path) -> None:
    status, out, _ = run(tmp_path, "--json")
    told = json.loads(out)
    rows = {row["check"]: row for row in told["posture"]}
    problems = [r["title"] for r in told["posture"] if r["state"] == "fail" and r["severity"] != "info"]

    urgency = [(("fail", "unread", "pass").index(r["state"]), SEVERITIES.index(r["severity"])) for r in told["posture"]]

    assert urgency == sorted(urgency)
    assert rows.keys() == LINUX.keys()
    assert all(row["found"] and row["state"] in ("pass", "fail", "unread") for row in rows.values())
    assert all(row["severity"] == LINUX[check].severity for check, row in rows.items())
    assert all(bool(row["remedy"]) == (row["state"] == "fail") for row in rows.values())
    assert told["problems"] == problems
    assert status == bool(problems)


def test_a_person_reads_the_worst_first_what_to_do_and_who_asks_for_it(tmp_path: Path) -> None:
    """A configuration that everybody may read is among the worst."""
    tmp_path.chmod(0o755)
    status, out, _ = run(tmp_path, "--explain")

    assert status == 1
    assert out.startswith("FAILS  ")
    assert f"    CRITICAL, own_files: open to everybody: {tmp_path}/agent.toml\n    → Let only root" in out
    assert out.count("    asked for by: ") == out.count("    → ") == len(LINUX)


def test_a_bad_configuration_is_bad_input(tmp_path: Path) -> None:
    status, out, words = run(tmp_path, "--config", str(tmp_path / "missing.toml"))

    assert (status, out) == (2, "")
    assert "there is no such file" in words
