"""What `haidang-agent wan` tells: from the agent that runs here or from a look of its own, and from what was kept."""

from __future__ import annotations

import http.client
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from haidang_isps import Prefixes

from haidang_agent.i18n import _
from haidang_agent.outbox_file import look_into_memory
from haidang_agent.platform import system
from haidang_agent.probe import Host
from haidang_agent.registry import discover
from haidang_agent.runner import Runner
from haidang_agent.running_agent import samples_of
from haidang_agent.wan.keeper import MOVES_KEY, OUTAGES_KEY
from haidang_agent.wan.times import recalled

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from haidang_agent.config import Config
    from haidang_agent.running_agent import Samples
    from haidang_agent.tables import Wan

LOOK_SECONDS = 5.0
PROBES = ("internet", "snmp", "egress", "optics", "wan")
"""In the order in which they tell one another."""
LINE = {
    "up": "school_wan_up",
    "active": "school_wan_active",
    "loss_ratio": "school_wan_loss_ratio",
    "rtt_seconds": "school_wan_rtt_seconds",
    "rtt_p95_seconds": "school_wan_rtt_p95_seconds",
    "jitter_seconds": "school_wan_jitter_seconds",
}
PORT = {
    "carrier": "school_wan_carrier",
    "rx_dbm": "school_fibre_rx_power_dbm",
    "tx_dbm": "school_fibre_tx_power_dbm",
    "link_speed_bytes_per_second": "school_wan_link_speed_bytes_per_second",
}
YES_OR_NO = frozenset({"up", "active", "carrier"})


class NoAgentError(Exception):
    """No agent runs here, or it shows itself nowhere."""


def of_running_agent(config: Config) -> dict[str, Any]:
    """Raises NoAgentError."""
    try:
        samples = samples_of(config.agent.listen)
    except (OSError, http.client.HTTPException, ValueError) as failed:
        raise NoAgentError(str(failed)) from failed
    told = _told(config, samples)
    told["problems"] += [
        _("the agent cannot watch the lines ({reason}); see `haidang-agent doctor` and its log").format(reason=reason)
        for (probe, reason), failed in samples.get("haidang_probe_failed", {}).items()
        if probe == "wan" and failed
    ]
    return told


def of_own_look(config: Config) -> dict[str, Any]:
    """The probes run here for some seconds, without an outbox; nothing of it is kept."""
    runner = Runner({name: discover()[name] for name in PROBES if name in discover()}, config, Host())
    until = time.monotonic() + LOOK_SECONDS
    try:
        while True:
            failed = {name: runner.run(name) for name in PROBES if name in runner.probes}
            if time.monotonic() >= until:
                break
            time.sleep(1)
        samples: Samples = {}
        for metric, value, labels in runner.samples():
            by_name = sorted(zip(metric.labels, labels, strict=True))
            samples.setdefault(metric.name, {})[tuple(text for _name, text in by_name)] = value
    finally:
        runner.close()
    told = _told(config, samples)
    told["problems"] += [f"{name}: {outcome.detail}" for name, outcome in failed.items() if outcome.reason]
    return told


def history(state_dir: Path) -> dict[str, Any]:
    """Outages and failovers that the agent remembers, the newest first. Raises sqlite3.Error, OSError."""
    path = state_dir / "outbox.db"
    memory = look_into_memory(path) if path.exists() else {}
    outages = [
        {
            "wan": outage["wan"],
            "cause": outage["cause"],
            "began": _time(outage["began"]),
            "ended": _time(outage["ended"]),
            "seconds": round(outage["seconds"], 3),
        }
        for outage in memory.get(OUTAGES_KEY, [])
    ]
    failovers = [
        {"from": source, "to": target, "at": _time(at), "gap_seconds": gap}
        for source, target, at, gap in memory.get(MOVES_KEY, [])
    ]
    return {"outages": outages[::-1], "failovers": failovers[::-1]}


def _told(config: Config, samples: Samples) -> dict[str, Any]:
    lines = [_line(wan, samples) for wan in config.wan]
    problems = [_("{name} ({isp}) is down").format(**line) for line in lines if line["up"] is False]
    problems += [
        _("{name}: this machine has no interface {interface}").format(**line) for line in _nowhere(config, lines)
    ]
    internet = samples.get("school_internet_up", {}).get(())
    if internet == 0:
        problems.append(_("the Internet is not reached"))
    if not config.wan:
        problems.append(_("no [[wan]] is configured, here or at the centre"))
    up = None if internet is None else bool(internet)
    proposals = _proposals(config) + list(_proposals_by_snmp(config, problems))
    told = {"wan": lines, "internet_up": up, "proposals": proposals, "outages": [], "failovers": []}
    return told | {"problems": problems}


def _nowhere(config: Config, lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Lines of this router whose interface does not exist now: a wrong name, or a device that was taken out."""
    interfaces = Host().sys / "class" / "net"
    if "router" not in config.agent.roles or not interfaces.is_dir():
        return []
    return [line for line in lines if line["interface"] and not (interfaces / line["interface"]).exists()]


def _proposals(config: Config) -> list[dict[str, Any]]:
    """Default routes of this machine by interfaces that no `[[wan]]` names; the ISP is None where no prefix tells."""
    if "router" not in config.agent.roles:
        return []
    known = {wan.interface for wan in config.wan}
    prefixes = Prefixes.load()
    return [
        {"device": None, "interface": interface, "gateway": str(router), "isp": prefixes.isp(router)}
        for interface, router in system.default_gateways(Host().proc)
        if interface not in known
    ]


def _proposals_by_snmp(config: Config, problems: list[str]) -> Iterator[dict[str, Any]]:
    """Interfaces that look like lines, of devices of `[[snmp]]` that name none."""
    for device in config.snmp:
        if device.wan_interfaces:
            continue
        from haidang_agent.snmp import reading, session  # noqa: PLC0415 - where a device is to be asked

        try:
            found = reading.read_wans(device)
        except (session.SnmpError, ValueError) as failed:
            problems.append(f"{device.host}: {failed}")
            continue
        for proposal in found:
            yield {"device": device.host, "interface": proposal.interface, "isp": proposal.isp, "wan": proposal.wan}


def _line(wan: Wan, samples: Samples) -> dict[str, Any]:
    line: dict[str, Any] = {"name": wan.name, "isp": wan.isp, "interface": wan.interface or None}
    for names, labels in ((LINE, (wan.isp, wan.name)), (PORT, (wan.name,))):
        for key, metric in names.items():
            value = samples.get(metric, {}).get(labels)
            line[key] = bool(value) if key in YES_OR_NO and value is not None else value
    line["medium"], line["evidence"] = _medium(wan, samples.get("school_wan_info", {}))
    return line


def _medium(wan: Wan, told: Iterable[tuple[str, ...]]) -> tuple[str | None, str | None]:
    for evidence, isp, medium, name in told:
        if (name, isp) == (wan.name, wan.isp):
            return medium, evidence
    return None, None


def _time(stored: Any) -> str | None:
    """RFC 3339, by the centre's clock, else by this machine's."""
    moment = recalled(stored)
    if moment is None:
        return None
    return datetime.fromtimestamp(moment.unix, UTC).astimezone().isoformat(timespec="seconds")
