"""What keeps this machine from measuring and reporting: each check says what was tried, what came, and what to do."""

from __future__ import annotations

import shutil
import socket
import sys
import tempfile
from typing import TYPE_CHECKING

from haidang_agent import credentials
from haidang_agent.config import BadConfigError, config_path
from haidang_agent.credentials import CredentialsError
from haidang_agent.doctor_network import network
from haidang_agent.doctor_running import CAPABILITIES, Running
from haidang_agent.doctor_school import school
from haidang_agent.doctor_service import service
from haidang_agent.doctor_way import way_to_the_centre
from haidang_agent.finding import Finding
from haidang_agent.i18n import _
from haidang_agent.platform import system
from haidang_agent.registry import discover
from haidang_agent.remote_config import load_merged
from haidang_agent.runner import wanted

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from haidang_agent.config import Config

__all__ = ["CAPABILITIES", "examine"]

LEAST_FREE_BYTES = 64 << 20


def examine(config_file: Path | None) -> Iterator[Finding]:
    """All checks, in the order of the way; those that need an earlier one are left out where it failed."""
    path = config_path(config_file)
    tried = _("reading {file}").format(file=path)
    try:
        config = load_merged(config_file)
    except BadConfigError as wrong:
        yield Finding("configuration", "fail", tried, "\n".join(wrong.faults), "configuration_faulty")
        return
    found = _("sound") if path.exists() else _("there is no such file: all is at its default")
    yield Finding("configuration", "ok", tried, found)
    yield _state_folder(config)
    yield _disk(config)
    enrolment = _enrolment(config)
    yield enrolment
    enrolled = enrolment.state == "ok"
    if config.server is None or not config.server.relay:
        yield from network()
    if config.server is not None:
        yield from way_to_the_centre(config.server, config.state_dir, known=enrolled)
    yield from service()
    running = Running(config.agent)
    yield from running.findings(enrolled=enrolled)
    probes = {name: probe for name, probe in discover().items() if wanted(probe, config)}
    yield from school(config, running.samples, enrolled=enrolled, in_roll_call="place" in probes)
    for name, probe in probes.items():
        yield running.probe(name, probe)
    if "internet" in probes and sys.platform == "linux":
        yield _echo()


def _state_folder(config: Config) -> Finding:
    check, folder = "state folder", _existing(config.state_dir)
    tried = _("writing into {folder}").format(folder=folder)
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as failed:
        return Finding(check, "fail", tried, failed.strerror or str(failed), "folder_closed")
    if folder != config.state_dir:
        found = _("{folder} will be made when the agent starts").format(folder=config.state_dir)
        return Finding(check, "ok", tried, found)
    return Finding(check, "ok", tried, _("writable"))


def _disk(config: Config) -> Finding:
    check, wanted_mb = "disk", config.agent.outbox_max_mb
    free = shutil.disk_usage(_existing(config.state_dir)).free
    found = _("{mb} MB free").format(mb=free >> 20)
    tried = _("free space for measurements that wait to be sent (up to {mb} MB)").format(mb=wanted_mb)
    if free < LEAST_FREE_BYTES:
        return Finding(check, "fail", tried, found, "disk_full")
    used = sum(file.stat().st_size for file in config.state_dir.glob("outbox.db*"))
    if free + used < wanted_mb << 20:
        return Finding(check, "warn", tried, found, "disk_small")
    return Finding(check, "ok", tried, found)


def _existing(folder: Path) -> Path:
    return next((path for path in (folder, *folder.absolute().parents) if path.exists()), folder)


def _enrolment(config: Config) -> Finding:
    check = "enrolment"
    file = config.state_dir / credentials.FILE
    tried = _("reading {file}").format(file=file)
    try:
        who = credentials.load(config.state_dir)
    except CredentialsError as unusable:
        return Finding(check, "fail", tried, str(unusable), "not_enrolled")
    if who is None or not who.agent:
        return Finding(check, "fail", tried, _("this machine is not enrolled"), "not_enrolled")
    if config.server is None:
        return Finding(check, "fail", tried, _("the collector's address is missing"), "no_server")
    if file.stat().st_uid != config.state_dir.stat().st_uid:  # enrolled by root, who reads everything
        found = _("the key belongs to another user than the state folder")
        return Finding(check, "fail", tried, found, "key_of_another")
    return Finding(check, "ok", tried, f"{who.agent} ({who.unit})")


def _echo() -> Finding:
    """Whether icmp(7) lets this user ping."""
    check, tried = "ping", _("opening an ICMP socket, as the probe internet does")
    pinger = system.pinger(socket.AF_INET)
    if pinger is None:
        return Finding(check, "warn", tried, _("this user may not ping"), "no_ping")
    pinger.close()
    return Finding(check, "ok", tried, _("all there"))
