"""`haidang-agent website` as a person types it: output, words, exit status."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from haidang_agent.website.catalogue import CHECKS

from tests.agent.website.nginx import Nginx, Website

AGENT = str(Path(sys.executable).parent / "haidang-agent")
SEVERITIES = ("critical", "warning", "info")


@pytest.fixture(scope="module")
def nginx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nginx]:
    sites = {"good": Website(), "defaced": Website(page="defaced.html", cookies=("PHPSESSID=1",))}
    with Nginx(tmp_path_factory.mktemp("nginx"), sites) as running:
        yield running


def run(nginx: Nginx, *arguments: str, portal: str = "", language: str = "en") -> subprocess.CompletedProcess[str]:
    config = nginx.folder / "agent.toml"
    config.write_text(
        f'[agent]\nstate_dir = "{nginx.folder}"\n[portal]\nurl = "{portal}"\n'
        f'[probes.website]\nca = "{nginx.authority.certificate}"\n'
    )
    environment = {"PATH": os.environ["PATH"], "HAIDANG_LANG": language, "HAIDANG_CONFIG": str(config)}
    done = nginx.run(AGENT, "website", *arguments, environment=environment)
    assert "Traceback" not in done.stderr
    return done


def test_the_portal_of_the_configuration_is_looked_at(nginx: Nginx) -> None:
    url = f"https://{nginx.addresses['good']}/"
    done = run(nginx, "--json", portal=url)
    told = json.loads(done.stdout)

    assert (done.returncode, done.stderr, told["url"], told["problems"]) == (0, "", url, [])
    assert {row["check"]: row["severity"] for row in told["website"]} == {check.id: check.severity for check in CHECKS}
    assert {row["state"] for row in told["website"]} == {"pass"}


def test_the_worst_comes_first_with_its_remedy(nginx: Nginx) -> None:
    done = run(nginx, f"https://{nginx.addresses['defaced']}/", "--explain")
    lines = done.stdout.splitlines()

    assert done.returncode == 1
    assert lines[0] == "FAILS  The page was not replaced by somebody else's"
    assert lines[1].startswith("    CRITICAL, defacement: “hacked by” on the page")
    assert lines[2].startswith("    → Take the site off the network")
    assert lines[-1] == "2 fail, 0 could not be read, 17 pass"
    assert done.stdout.count("    asked for by: ") == len(CHECKS)


def test_json_names_the_problems(nginx: Nginx) -> None:
    done = run(nginx, f"https://{nginx.addresses['defaced']}/", "--json")
    told = json.loads(done.stdout)

    order = [(("fail", "unread", "pass").index(r["state"]), SEVERITIES.index(r["severity"])) for r in told["website"]]
    assert order == sorted(order)
    assert told["problems"] == [row["title"] for row in told["website"] if row["state"] == "fail"]
    assert all(bool(row["remedy"]) == (row["state"] == "fail") and row["found"] for row in told["website"])


@pytest.mark.parametrize(("arguments", "said"), [
    ((), "Which website? Give its URL"), (("thcs.example",), "'thcs.example' is no address of a website"),
    (("https://khong-co.invalid/",), "https://khong-co.invalid/: the website does not answer"),
])  # fmt: skip
def test_what_cannot_be_looked_at_is_bad_input(nginx: Nginx, arguments: tuple[str, ...], said: str) -> None:
    done = run(nginx, *arguments)

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(said)
