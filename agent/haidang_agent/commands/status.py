"""How the agent that runs on this machine fares."""

from __future__ import annotations

import http.client
import json
import sqlite3
import sys
import time
from typing import TYPE_CHECKING, Any

from haidang_agent import credentials
from haidang_agent.credentials import CredentialsError
from haidang_agent.i18n import N_, _
from haidang_agent.intrusion.report import of_agent
from haidang_agent.options import add_config_argument, add_json_argument
from haidang_agent.remote_config import load_merged
from haidang_agent.running_agent import samples_of

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from haidang_agent.running_agent import Samples

EXAMPLES = """examples:
  haidang-agent status
  haidang-agent status --json

Exit status 1: no agent runs, or something about it is wrong."""

Row = dict[str, Any]


def _megabytes(value: float) -> str:
    return f"{value / (1 << 20):.1f} MB"


def _moment(value: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(value))


SHOWN: dict[str, Callable[[Any], str]] = {
    "outbox bytes": _megabytes,
    "relay: bytes": _megabytes,
    "oldest waiting": _moment,
    "relay: oldest waiting": _moment,
    "outbox writable": lambda value: _("yes") if value else _("no"),
    "clock ahead": lambda value: _("{seconds:.1f} s").format(seconds=round(value, 1) + 0.0),  # no "-0.0"
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_config_argument(parser)
    add_json_argument(parser)


def run(options: argparse.Namespace) -> int:
    config = load_merged(options.config)
    rows, problems = _identity(config.state_dir)
    rows.append(_row(N_("collector"), config.server.url if config.server else None))
    if config.server and config.server.relay:
        rows.append(_row(N_("through the relay"), config.server.relay))
    try:
        measured = list(_measured(samples_of(config.agent.listen)))
    except (OSError, http.client.HTTPException, ValueError) as failed:
        problems.append(_("no agent answers on {listen} ({why}); start it with: haidang-agent run").format(
            listen=config.agent.listen or _("[agent] listen, which is empty"), why=failed))  # fmt: skip
    else:
        rows += measured
        problems += _problems(measured)
    rows += _incidents(config.state_dir)
    if options.json:
        print(json.dumps({"status": rows, "problems": problems}, ensure_ascii=False))
    else:
        _print_table(rows)
        for problem in problems:
            print(problem, file=sys.stderr)
    return int(bool(problems))


def _row(what: str, value: object, of: str = "") -> Row:
    """`what` in English, and of which probe, answer or reason."""
    return {"what": what, "of": of, "value": value}


def _identity(state_dir: Path) -> tuple[list[Row], list[str]]:
    try:
        who = credentials.load(state_dir)
    except CredentialsError as unusable:
        return [], [str(unusable)]
    known = who is not None and who.agent
    rows = [_row(N_("agent"), who.agent if who and known else None), _row(N_("unit"), who.unit if who else None)]
    return rows, [] if known else [_("this machine is not enrolled; see: haidang-agent enrol --help")]


def _measured(samples: Samples) -> Iterator[Row]:
    for what, name in (
        (N_("snapshots waiting"), "haidang_outbox_snapshots"),
        (N_("oldest waiting"), "haidang_outbox_oldest_timestamp_seconds"),
        (N_("outbox bytes"), "haidang_outbox_bytes"),
        (N_("outbox writable"), "haidang_outbox_writable"),
        (N_("clock ahead"), "haidang_clock_offset_seconds"),
    ):
        yield _row(what, samples.get(name, {}).get(()))
    for (reason,), number in samples.get("haidang_outbox_dropped_total", {}).items():
        yield _row(N_("snapshots lost"), number, reason)
    for (answer,), number in samples.get("haidang_push_requests_total", {}).items():
        yield _row(N_("pushes answered"), number, answer)
    if "haidang_agent_relay_limit_bytes" in samples:
        yield from _kept_for_others(samples)
    reasons = {key for key, failed in samples.get("haidang_probe_failed", {}).items() if failed}
    for (name,), success in samples.get("haidang_probe_success", {}).items():
        why = next((reason for probe, reason in reasons if probe == name), "silent")
        yield _row(N_("probe"), "ok" if success else why, name)


def _kept_for_others(samples: Samples) -> Iterator[Row]:
    """Of an agent that is a relay."""
    for what, name in (
        (N_("relay: parts waiting"), "haidang_agent_relay_frames"),
        (N_("relay: bytes"), "haidang_agent_relay_bytes"),
        (N_("relay: oldest waiting"), "haidang_agent_relay_oldest_timestamp_seconds"),
        (N_("relay: parts handed over"), "haidang_agent_relay_forwarded_total"),
        (N_("relay: connections"), "haidang_agent_relay_connections"),
    ):
        yield _row(what, samples.get(name, {}).get(()))
    for (reason,), number in samples.get("haidang_agent_relay_refused_total", {}).items():
        if number:
            yield _row(N_("relay: parts refused"), number, reason)


def _incidents(state_dir: Path) -> Iterator[Row]:
    """Those of the network that go on; none where no agent has kept any."""
    try:
        cases = of_agent(state_dir)
    except sqlite3.Error:  # no agent has run: that was said already
        return
    for case in cases.open:
        yield _row(N_("incident"), case.severity, case.kind)


def _problems(rows: list[Row]) -> Iterator[str]:
    for row in rows:
        if row["what"] == "probe" and row["value"] != "ok":
            yield _("probe {name} fails ({why}): see haidang-agent doctor").format(name=row["of"], why=row["value"])
        if row["what"] == "outbox writable" and not row["value"]:
            yield _("measurements cannot be stored: see haidang-agent doctor")


def _print_table(rows: list[Row]) -> None:
    cells = [(f"{_(row['what'])} {row['of']}".rstrip(), _shown(row)) for row in rows]
    width = max((len(title) for title, _value in cells), default=0)
    for title, value in cells:
        print(f"{title:<{width}}  {value}")


def _shown(row: Row) -> str:
    value = row["value"]
    if value is None:
        return _("nothing") if row["what"].endswith("oldest waiting") else _("unknown")
    if row["what"] in SHOWN:
        return SHOWN[row["what"]](value)
    return f"{value:g}" if isinstance(value, float) else str(value)
