"""A machine with an agent.toml, and the real agent that reads it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from haidang_agent import credentials
from haidang_agent.credentials import Credentials

from tests.agent.scripted_centre import ScriptedCentre
from tests.servers import free_port, get

AGENT = Path(sys.executable).parent / "haidang-agent"


class Machine:
    """`more` is appended to agent.toml, in the section [agent]. `within` is put before each command."""

    def __init__(
        self, folder: Path, centre: ScriptedCentre | None = None, *, probes: str = '["machine"]', more: str = ""
    ) -> None:
        self.folder, self.state = folder, folder / "state"
        self.within: list[str] = []
        self.port = free_port()
        server = "" if centre is None else f'[server]\nurl = "{centre.url}"\n'
        self.config = folder / "agent.toml"
        self.config.write_text(
            f'{server}[agent]\nroles = ["host"]\nprobes = {probes}\nstate_dir = "{folder}/state"\n'
            f'listen = "127.0.0.1:{self.port}"\npush_interval = "1s"\n{more}'
        )
        if centre is not None:
            credentials.save(self.state, Credentials("k" * 43, "a-test", "U1"))

    @contextmanager
    def running(self) -> Iterator[subprocess.Popen[str]]:
        command = [*self.within, AGENT, "run", "--config", self.config]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
            try:
                yield process
            finally:
                process.kill()

    def value(self, series: str) -> float:
        """Of /metrics. Raises LookupError where there is none."""
        text = self.metrics()
        found = re.search(rf"^{re.escape(series)} (\S+)$", text, re.MULTILINE)
        if found is None:
            raise LookupError(series)
        return float(found[1])

    def metrics(self) -> str:
        return get(f"http://127.0.0.1:{self.port}/metrics").decode()

    def command(self, *words: str, language: str = "en", **environment: str) -> tuple[int, str, str]:
        """Status, stdout and stderr of a command that ends by itself."""
        done = subprocess.run(
            [*self.within, AGENT, *words, "--config", self.config],
            env={"PATH": os.environ["PATH"], "HAIDANG_LANG": language, **environment},
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )
        assert "Traceback" not in done.stderr
        return done.returncode, done.stdout, done.stderr
