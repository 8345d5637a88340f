"""How safe this machine is set up, the worst first, and what to do."""

from __future__ import annotations

import json
import os
import sys
import time
from typing import TYPE_CHECKING, Any

from haidang_agent.config import config_path
from haidang_agent.i18n import N_, _
from haidang_agent.options import add_config_argument, add_json_argument
from haidang_agent.posture.check import Ledger
from haidang_agent.posture.examine import Place, examine
from haidang_agent.remote_config import load_merged
from haidang_agent.unread import UnreadError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from haidang_agent.posture.check import Finding

EXAMPLES = """examples:
  sudo haidang-agent posture
  HAIDANG_LANG=vi haidang-agent posture --explain
  haidang-agent posture --json

Run as administrator (root) where checks can't be read. Exit status 1: a critical or warning check fails."""

FINE, FOUND, UNREADABLE = 0, 1, 2
STATES = {"fail": N_("FAILS"), "unread": N_("NOT READ"), "pass": N_("passes")}
SEVERITIES = {"critical": N_("CRITICAL"), "warning": N_("WARNING"), "info": N_("INFORMATION")}
COLOURS = {"fail": "\x1b[31;1m", "unread": "\x1b[33m", "pass": "\x1b[34m"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--explain", action="store_true", help="also who asks for each check, and remedies of all")
    add_config_argument(parser)
    add_json_argument(parser)


def run(options: argparse.Namespace) -> int:
    config = load_merged(options.config)
    place = Place(
        time.time(), config=config_path(options.config), state=config.state_dir, limits=config.probes["posture"]
    )
    try:
        findings = examine(place, Ledger({}))
    except UnreadError as why:
        print(why, file=sys.stderr)
        return UNREADABLE
    problems = [finding for finding in findings if finding.state == "fail" and finding.check.severity != "info"]
    if options.json:
        told = [_(finding.check.title) for finding in problems]
        rows = [_as_json(finding) for finding in findings]
        print(json.dumps({"posture": rows, "problems": told}, ensure_ascii=False))
    else:
        _print_table(findings, explain=options.explain)
    return FOUND if problems else FINE


def _as_json(finding: Finding) -> dict[str, Any]:
    return {
        "check": finding.check.id,
        "severity": finding.check.severity,
        "state": finding.state,
        "found": finding.found,
        "remedy": _(finding.check.remedy) if finding.state == "fail" else "",
        "title": _(finding.check.title),
        "source": finding.check.source,
    }


def _print_table(findings: Sequence[Finding], *, explain: bool) -> None:
    for finding in findings:
        severity = f"{_(SEVERITIES[finding.check.severity])}, " if finding.state == "fail" else ""
        print(f"{_sign(finding)}  {_(finding.check.title)}")
        print(f"    {severity}{finding.check.id}: {finding.found}")
        if finding.state == "fail" or explain:
            print(f"    → {_(finding.check.remedy)}")
        if explain:
            print("    " + _("asked for by: {source}").format(source=finding.check.source))
    count = {state: sum(finding.state == state for finding in findings) for state in STATES}
    print("\n" + _("{fail} fail, {unread} could not be read, {passed} pass").format(passed=count.pop("pass"), **count))


def _sign(finding: Finding) -> str:
    word = _(STATES[finding.state])
    if sys.stdout.isatty() and not os.environ.get("NO_COLOR"):
        return f"{COLOURS[finding.state]}{word}\x1b[0m"
    return word
