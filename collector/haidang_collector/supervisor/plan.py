"""What `haidang up` is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from haidang_collector.i18n import translations

if TYPE_CHECKING:
    from pathlib import Path

    from haidang_collector.i18n import Words


class UpError(Exception):
    """The system cannot start; the text is one line with the fix."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Folder, ports and receivers. `smtp` empty: no mail is sent.

    `public_url`: where people open the pages; empty: on this machine. `deadman`: a dead man's switch elsewhere that
    Alertmanager's Watchdog holds, with the token in a file; empty: none.
    `notify`: the collector tells people of incidents itself. `agent` False: none for this machine. `targets` empty:
    the agent's own. `portals`: the units' portals and mail domains are looked at. `store`: prometheus, or
    victoriametrics, which then listens on `prometheus_port`; `vmalert_port` is that of its rules. `workers`: processes
    of the collector; None: as many as its settings say.
    """

    data: Path
    collector_port: int = 8080
    prometheus_port: int = 9090
    alertmanager_port: int = 9093
    agent_port: int = 9810
    agent: bool = True
    portals: bool = False
    targets: tuple[str, ...] = ()
    smtp: str = ""
    mail_to: tuple[str, ...] = ()
    notify: bool = False
    store: str = "prometheus"
    vmalert_port: int = 8880
    workers: int | None = None
    public_url: str = ""
    deadman: str = ""
    deadman_token_file: Path | None = None
    language: str = "en"

    @property
    def words(self) -> Words:
        return translations(self.language).gettext

    @property
    def collector(self) -> str:
        return f"http://127.0.0.1:{self.collector_port}"

    @property
    def prometheus(self) -> str:
        return f"http://127.0.0.1:{self.prometheus_port}"

    @property
    def alertmanager(self) -> str:
        return f"http://127.0.0.1:{self.alertmanager_port}"

    @property
    def agent_metrics(self) -> str:
        return f"http://127.0.0.1:{self.agent_port}/metrics"

    @property
    def agent_config(self) -> Path:
        return self.data / "agent" / "agent.toml"

    def log(self, name: str) -> Path:
        return self.data / "log" / f"{name}.log"

    def ports(self) -> dict[str, int]:
        """Option to port."""
        ports = {
            "--port": self.collector_port,
            "--prometheus-port": self.prometheus_port,
            "--alertmanager-port": self.alertmanager_port,
        }
        if self.store == "victoriametrics":
            ports["--vmalert-port"] = self.vmalert_port
        return ports | {"--agent-port": self.agent_port} if self.agent else ports
