"""The doctor's checks of the agent that runs here: its /metrics, its outbox, its probes."""

from __future__ import annotations

import http.client
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from haidang_agent import __version__
from haidang_agent.finding import Finding
from haidang_agent.i18n import _
from haidang_agent.running_agent import samples_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from haidang_agent.finding import State
    from haidang_agent.probe import AnyProbe
    from haidang_agent.running_agent import Samples
    from haidang_agent.tables import Agent

FULL = 0.9
WAITS_SECONDS = 900.0
CAPABILITIES = {"CAP_NET_RAW": 13, "CAP_NET_ADMIN": 12}
"""Bits of capabilities(7)."""


class Running:
    """The agent on this machine, asked once; `samples` is None where none answers."""

    def __init__(self, agent: Agent) -> None:
        self._agent = agent
        self._refused: Exception | None = None
        self.samples: Samples | None = None
        try:
            self.samples = samples_of(agent.listen)
        except (OSError, http.client.HTTPException, ValueError) as failed:
            self._refused = failed

    def findings(self, *, enrolled: bool) -> Iterator[Finding]:
        """Of its answer, its version and its outbox. One that does not run is no fault before it is `enrolled`."""
        yield self._answer("fail" if enrolled else "warn")
        if self.samples is not None:
            yield self._outbox(self.samples)
            if "haidang_agent_relay_limit_bytes" in self.samples:
                yield self._custody(self.samples)

    def _answer(self, gravity: State) -> Finding:
        check = "running agent"
        tried = _("asking http://{listen}/metrics").format(listen=self._agent.listen)
        if not self._agent.listen:
            return Finding(check, "warn", _("reading [agent] listen"), _("it shows itself nowhere"), "agent_hidden")
        if self.samples is None:
            another = not isinstance(self._refused, OSError)
            found = _("another program answers there") if another else _("no agent answers")
            return Finding(check, gravity, tried, found, "port_taken" if another else "agent_away")
        _os, _roles, version = next(iter(self.samples["haidang_agent_info"]))
        if version != __version__:
            found = _("it is still version {old}; installed is {new}").format(old=version, new=__version__)
            return Finding(check, "warn", tried, found, "restart")
        return Finding(check, "ok", tried, _("it answers ({version})").format(version=version))

    def _outbox(self, samples: Samples) -> Finding:
        check, tried = "outbox", _("asking the agent for the measurements that wait to be sent")
        waiting, used, writable, oldest = (
            samples.get(f"haidang_outbox_{name}", {}).get(())
            for name in ("snapshots", "bytes", "writable", "oldest_timestamp_seconds")
        )
        if not writable or waiting is None or used is None:
            return Finding(check, "fail", tried, _("the disk refuses them"), "outbox_closed")
        most = self._agent.outbox_max_mb << 20
        found = _("{count:.0f} snapshots wait, {mb:.1f} of {most} MB").format(
            count=waiting, mb=used / (1 << 20), most=self._agent.outbox_max_mb
        )
        if used >= FULL * most and waiting:
            return Finding(check, "fail", tried, found, "outbox_full")
        if oldest is not None and time.time() - oldest > WAITS_SECONDS:
            since = time.strftime("%Y-%m-%d %H:%M", time.localtime(oldest))
            return Finding(
                check, "warn", tried, _("{found}, since {since}").format(found=found, since=since), "outbox_waits"
            )
        return Finding(check, "ok", tried, found)

    def _custody(self, samples: Samples) -> Finding:
        check, tried = "relay", _("asking the agent for what it keeps for others")
        waiting, used, most, oldest = (
            samples.get(f"haidang_agent_relay_{name}", {}).get(())
            for name in ("frames", "bytes", "limit_bytes", "oldest_timestamp_seconds")
        )
        if waiting is None or used is None or not most:
            return Finding(check, "fail", tried, _("the disk refuses them"), "outbox_closed")
        found = _("{count:.0f} parts wait, {mb:.1f} of {most:.0f} MB").format(
            count=waiting, mb=used / (1 << 20), most=most / (1 << 20)
        )
        if used >= FULL * most:
            return Finding(check, "warn", tried, found, "relay_full")
        if oldest is not None and time.time() - oldest > WAITS_SECONDS:
            return Finding(check, "warn", tried, found, "relay_waits")
        return Finding(check, "ok", tried, found)

    def probe(self, name: str, probe: AnyProbe) -> Finding:
        """By what the running agent says of it, else by what this process may do."""
        reason = self._reason(name)
        tried = _("what it needs: {needs}").format(needs=", ".join(sorted(probe.needs)) or _("nothing special"))
        if sys.platform not in probe.platforms:
            found = _("not on {system}").format(system=sys.platform)
            return Finding("probe", "warn", tried, found, "not_on_this_system", name)
        if reason == "denied":
            return Finding("probe", "warn", tried, _("the agent that runs is denied it"), "right_missing", name)
        if reason:
            found = _("fails in the agent that runs ({why})").format(why=reason)
            return Finding("probe", "warn", tried, found, "probe_fails", name)
        missing = [] if self.samples is not None else sorted(need for need in probe.needs if not _has(need))
        if missing:
            found = _("missing: {needs}").format(needs=", ".join(missing))
            return Finding("probe", "warn", tried, found, "right_missing", name)
        return Finding("probe", "ok", tried, _("all there"), probe=name)

    def _reason(self, name: str) -> str:
        failed = (self.samples or {}).get("haidang_probe_failed", {})
        return next((reason for (probe, reason), value in failed.items() if probe == name and value), "")


def _has(capability: str) -> bool:
    status = Path("/proc/self/status")
    if not status.exists():
        return os.name == "nt"
    effective = next(line for line in status.read_text().splitlines() if line.startswith("CapEff:"))
    return bool(int(effective.split()[1], 16) >> CAPABILITIES[capability] & 1)
