"""The whole way: the agent's own command, a collector in a process of its own, the unit's page."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from haidang_agent import credentials
from haidang_agent.credentials import Credentials

from tests.collector.running import UNIT, add_agent, database_url, serving
from tests.collector.web.reading import Page
from tests.servers import get

AGENT = Path(sys.executable).parent / "haidang-agent"


def test_what_the_doctor_sends_is_on_the_units_page(tmp_path: Path) -> None:
    agent, authorization = add_agent(database_url(tmp_path))
    key = authorization.partition(" ")[2].removeprefix(f"{agent}.")
    credentials.save(tmp_path / "state", Credentials(key, agent=agent, unit=UNIT))
    with serving(tmp_path, DATABASE_URL=database_url(tmp_path)) as collector:
        file = tmp_path / "agent.toml"
        file.write_text(
            f'[server]\nurl = "{collector.url}"\n[agent]\nstate_dir = "{tmp_path}/state"\nlisten = "127.0.0.1:1"\n',
            encoding="utf-8",
        )
        done = subprocess.run(
            [AGENT, "doctor", "--send", "--config", file],
            env={"PATH": os.environ["PATH"], "HAIDANG_LANG": "en"}, capture_output=True, text=True, timeout=60,
            check=False,
        )  # fmt: skip
        page = Page(get(f"{collector.url}/units/{UNIT}?lang=vi").decode()).text

    assert "sent to the unit's page" in done.stderr
    assert "collector: it answers and knows this agent" in done.stdout
    assert f"{agent} ·" in page
    assert "phần mềm trạm đang chạy cần sửa Khởi động phần mềm trạm" in page
