"""What keeps this machine from measuring and reporting: each check says what was tried, what came, and what to do."""

from __future__ import annotations

import os
import shutil
import socket
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from haidang_agent import credentials
from haidang_agent.config import BadConfigError, config_path
from haidang_agent.credentials import CredentialsError
from haidang_agent.doctor_way import way_to_the_centre
from haidang_agent.finding import Finding
from haidang_agent.i18n import N_, _
from haidang_agent.platform import system
from haidang_agent.registry import discover
from haidang_agent.remote_config import load_merged
from haidang_agent.runner import wanted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from haidang_agent.config import Config
    from haidang_agent.probe import AnyProbe

LEAST_FREE_BYTES = 64 << 20
CAPABILITIES = {"CAP_NET_RAW": 13, "CAP_NET_ADMIN": 12}
"""Bits of capabilities(7)."""


def examine(config_file: Path | None) -> Iterator[Finding]:
    """All checks, in the order of the way; those that need an earlier one are left out where it failed."""
    path = config_path(config_file)
    tried = _("reading {file}").format(file=path)
    try:
        config = load_merged(config_file)
    except BadConfigError as wrong:
        remedy = _("Mend these lines of the file, then run this again.")
        yield Finding(N_("configuration"), "fail", tried, "\n".join(wrong.faults), remedy)
        return
    found = _("sound") if path.exists() else _("there is no such file: all is at its default")
    yield Finding(N_("configuration"), "ok", tried, found)
    yield _state_folder(config)
    yield _disk(config)
    enrolled = _enrolment(config)
    yield enrolled
    if config.server is not None:
        yield from way_to_the_centre(config.server, config.state_dir, known=enrolled.state == "ok")
    probes = {name: probe for name, probe in discover().items() if wanted(probe, config)}
    for name, probe in probes.items():
        yield _probe(name, probe)
    if "internet" in probes and sys.platform == "linux":
        yield _echo()


def _state_folder(config: Config) -> Finding:
    check, folder = N_("state folder"), _existing(config.state_dir)
    tried = _("writing into {folder}").format(folder=folder)
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as failed:
        remedy = _("Run as administrator (root), or as the user the agent runs as.")
        return Finding(check, "fail", tried, failed.strerror or str(failed), remedy)
    if folder != config.state_dir:
        found = _("{folder} will be made when the agent starts").format(folder=config.state_dir)
        return Finding(check, "ok", tried, found)
    return Finding(check, "ok", tried, _("writable"))


def _disk(config: Config) -> Finding:
    check, wanted_mb = N_("disk"), config.agent.outbox_max_mb
    free = shutil.disk_usage(_existing(config.state_dir)).free
    found = _("{mb} MB free").format(mb=free >> 20)
    tried = _("free space for measurements that wait to be sent (up to {mb} MB)").format(mb=wanted_mb)
    if free < LEAST_FREE_BYTES:
        return Finding(check, "fail", tried, found, _("Free some space: measurements can't be kept otherwise."))
    used = sum(file.stat().st_size for file in config.state_dir.glob("outbox.db*"))
    if free + used < wanted_mb << 20:
        remedy = _("Free some space, or set [agent] outbox_max_mb lower.")
        return Finding(check, "warn", tried, found, remedy)
    return Finding(check, "ok", tried, found)


def _existing(folder: Path) -> Path:
    return next((path for path in (folder, *folder.absolute().parents) if path.exists()), folder)


def _enrolment(config: Config) -> Finding:
    check = N_("enrolment")
    tried = _("reading {file}").format(file=config.state_dir / credentials.FILE)
    remedy = _("Ask your district for a token, then: haidang-agent enrol --server URL --token-file FILE")
    try:
        who = credentials.load(config.state_dir)
    except CredentialsError as unusable:
        return Finding(check, "fail", tried, str(unusable), remedy)
    if who is None or not who.agent:
        return Finding(check, "fail", tried, _("this machine is not enrolled"), remedy)
    if config.server is None:
        remedy = _("Write [server] url into agent.toml.")
        return Finding(check, "fail", tried, _("the collector's address is missing"), remedy)
    return Finding(check, "ok", tried, f"{who.agent} ({who.unit})")


def _probe(name: str, probe: AnyProbe) -> Finding:
    check = N_("probe")
    tried = _("what it needs: {needs}").format(needs=", ".join(sorted(probe.needs)) or _("nothing special"))
    if sys.platform not in probe.platforms:
        return Finding(check, "warn", tried, _("not on {system}").format(system=sys.platform), probe=name)
    missing = sorted(need for need in probe.needs if not _has(need))
    if missing:
        remedy = _("It measures less without. Let the service have this right, or run it as root.")
        found = _("missing: {needs}").format(needs=", ".join(missing))
        return Finding(check, "warn", tried, found, remedy, name)
    return Finding(check, "ok", tried, _("all there"), probe=name)


def _has(capability: str) -> bool:
    status = Path("/proc/self/status")
    if not status.exists():
        return os.name == "nt"
    effective = next(line for line in status.read_text().splitlines() if line.startswith("CapEff:"))
    return bool(int(effective.split()[1], 16) >> CAPABILITIES[capability] & 1)


def _echo() -> Finding:
    """Whether icmp(7) lets this user ping."""
    check, tried = N_("ping"), _("opening an ICMP socket, as the probe internet does")
    pinger = system.pinger(socket.AF_INET)
    if pinger is None:
        remedy = _('It connects by TCP instead. For ping: sysctl -w net.ipv4.ping_group_range="0 2147483647"')
        return Finding(check, "warn", tried, _("this user may not ping"), remedy)
    pinger.close()
    return Finding(check, "ok", tried, _("all there"))
