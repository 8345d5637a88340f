"""What the role victoriametrics has scraped."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import yaml
from haidang_collector.supervisor.plan import Plan
from haidang_collector.supervisor.victoria import scrape_config

from tests.ansible.playing import ANSIBLE, BIN, run

if TYPE_CHECKING:
    from pathlib import Path

ROLE = ANSIBLE / "roles/victoriametrics"


def test_the_store_asks_whom_haidang_up_has_it_ask(tmp_path: Path) -> None:
    """
    Besides itself: its own figures are asked for by nobody there.
    """
    given = yaml.safe_load((ROLE / "defaults/main.yml").read_text(encoding="utf-8"))
    given |= {"ansible_python_interpreter": sys.executable, "victoriametrics_vmalert": "/usr/local/bin/vmalert"}
    words = ("localhost", "--connection", "local", "--extra-vars", json.dumps(given), "--module-name", "template")
    source, written = ROLE / "templates/scrape.yml.j2", tmp_path / "scrape.yml"

    run(BIN / "ansible", *words, "--args", f"src={source} dest={written}", folder=tmp_path)

    expected = scrape_config(Plan(data=tmp_path))
    expected["scrape_configs"] = [job for job in expected["scrape_configs"] if job["job_name"] != "prometheus"]
    assert yaml.safe_load(written.read_text(encoding="utf-8")) == expected
