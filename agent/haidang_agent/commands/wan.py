"""The lines to the Internet: their state and quality now, and the last outages with their causes."""

from __future__ import annotations

import json
import sqlite3
import sys
from typing import TYPE_CHECKING, Any

from haidang_agent.i18n import N_, _
from haidang_agent.options import add_config_argument, add_json_argument
from haidang_agent.remote_config import load_merged
from haidang_agent.wan import report

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

EXAMPLES = """examples:
  haidang-agent wan
  HAIDANG_LANG=vi haidang-agent wan
  haidang-agent wan --json

Figures come from the agent that runs here; without one, the lines are looked at for some seconds.
Exit status 1: a line is down, or something about it is wrong."""

STATES = {True: N_("up"), False: N_("down"), None: N_("unknown")}
TRAFFIC = {True: N_("carries the traffic"), False: N_("spare"), None: N_("unknown")}
CAUSES = {
    "power": N_("power cut"),
    "host": N_("this machine"),
    "lan": N_("school's own network"),
    "router": N_("router"),
    "carrier": N_("fibre or cable"),
    "isp": N_("ISP"),
    "service": N_("the target, not the line"),
}
EVIDENCE = {"optical": N_("light measured"), "interface": N_("by the interface"), "declared": N_("declared")}
MEDIA = {"fibre": N_("fibre"), "copper": N_("copper"), "cellular": N_("cellular"), "unknown": N_("unknown")}
SHOWN_OUTAGES = 10
NOTHING = "-"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_config_argument(parser)
    add_json_argument(parser)


def run(options: argparse.Namespace) -> int:
    config = load_merged(options.config)
    try:
        told = report.of_running_agent(config)
    except report.NoAgentError as none:
        print(_("no agent answers ({why}); looking at the lines for {seconds:.0f} s").format(
            why=none, seconds=report.LOOK_SECONDS), file=sys.stderr)  # fmt: skip
        told = report.of_own_look(config)
    try:
        told |= report.history(config.state_dir)
    except (sqlite3.Error, OSError) as unreadable:
        told["problems"].append(_("past outages cannot be read: {why}").format(why=unreadable))
    if options.json:
        print(json.dumps(told, ensure_ascii=False))
    else:
        _print(told)
    return int(bool(told["problems"]))


def _print(told: dict[str, Any]) -> None:
    lines = (_("LINE"), _("ISP"), _("STATE"), _("TRAFFIC"), _("MEDIUM"))
    figures = (_("LOSS"), _("ROUND TRIP"), _("JITTER"), _("LIGHT"))
    outages = (_("OUTAGE OF"), _("CAUSE"), _("SINCE"), _("UNTIL"), _("WATCHED"))
    moves = (_("TRAFFIC MOVED"), _("AT"), _("GAP"))
    _table((*lines, *figures), [_line(line) for line in told["wan"]])
    _table(outages, [_outage(outage) for outage in told["outages"][:SHOWN_OUTAGES]])
    _table(moves, [_move(move) for move in told["failovers"]])
    for number, line in enumerate(told["proposals"], len(told["wan"]) + 1):
        print(_("This interface leads to the Internet too; to watch it, add to agent.toml:"))
        print(_proposal(line, f"wan{number}"))
    for problem in told["problems"]:
        print(problem, file=sys.stderr)


def _proposal(line: dict[str, Any], name: str) -> str:
    """Tables for agent.toml: of an own interface, or of one that a device tells of by SNMP."""
    wan = f'[[wan]]\nname = "{name}"\nisp = "{line["isp"] or ""}"\n'
    if line["device"] is None:
        return f'{wan}interface = "{line["interface"]}"\ngateway = "{line["gateway"]}"\ntargets = ["…", "…"]\n'
    return f'{wan}[[snmp]]\nhost = "{line["device"]}"\nwan_interfaces = {{ "{line["interface"]}" = "{name}" }}\n'


def _line(line: dict[str, Any]) -> tuple[str, ...]:
    evidence = line["evidence"]
    return (
        line["name"],
        line["isp"],
        _(STATES[line["up"]]),
        _(TRAFFIC[line["active"]]),
        NOTHING if evidence is None else f"{_(MEDIA[line['medium']])} ({_(EVIDENCE[evidence])})",
        _figure(line["loss_ratio"], "{:.0%}"),
        _milliseconds(line["rtt_seconds"]),
        _milliseconds(line["jitter_seconds"]),
        _figure(line["rx_dbm"], "{:.1f} dBm"),
    )


def _outage(outage: dict[str, Any]) -> tuple[str, ...]:
    return (
        outage["wan"] or _("the Internet"),
        _(CAUSES[outage["cause"]]),
        outage["began"] or _("unknown"),
        outage["ended"] or _("now"),
        _("{seconds:.0f} s").format(seconds=outage["seconds"]),
    )


def _move(move: dict[str, Any]) -> tuple[str, ...]:
    return f"{move['from']} → {move['to']}", move["at"] or _("unknown"), _figure(move["gap_seconds"], "{:.1f} s")


def _figure(value: float | None, form: str) -> str:
    return NOTHING if value is None else form.format(value)


def _milliseconds(seconds: float | None) -> str:
    return NOTHING if seconds is None else f"{seconds * 1000:.1f} ms"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Nothing, not even the head, where there are no rows; a blank line behind the others."""
    if not rows:
        return
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    for row in (head, *rows):
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    print()
