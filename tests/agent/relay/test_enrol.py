"""Enrolment through a relay, and what the agent remembers of it."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

from haidang_agent.config import load

from tests.agent.machines import AGENT
from tests.agent.relay.opened import opened
from tests.agent.scripted_centre import Say, json_body, scripted_centre

if TYPE_CHECKING:
    from pathlib import Path


def test_a_machine_enrols_through_it_and_goes_that_way_from_then_on(tmp_path: Path) -> None:
    file = tmp_path / "new" / "agent.toml"
    given = {"HAIDANG_CONFIG": str(file), "HAIDANG_AGENT_STATE_DIR": str(tmp_path), "HAIDANG_TOKEN": "T"}
    file.parent.mkdir()
    with scripted_centre() as centre, opened(tmp_path, centre.url) as relay:
        centre.answer = lambda _: Say(201, json_body({"agent": "a-1", "unit": "TH-001"}))
        file.write_text("")
        told = subprocess.run(
            [AGENT, "enrol", "--server", centre.url, "--relay", relay.url],
            env=os.environ | given, capture_output=True, text=True, timeout=180, check=True,
        )  # fmt: skip
        assert relay.door.answers[200] == 1
    assert told.stdout == "a-1 of unit TH-001\n"
    file.write_text(told.stderr.partition("[server]")[2].join(("[server]", "")))
    server = load(file).server
    assert server is not None
    assert (server.url, server.relay) == (centre.url, relay.url)
