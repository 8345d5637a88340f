"""Look through everything and say what is wrong and what to do about it."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Any

from haidang_advice.doctor import CHECKS

from haidang_agent.config import BadConfigError
from haidang_agent.credentials import CredentialsError
from haidang_agent.doctor import examine
from haidang_agent.doctor_sending import NotSentError, report_of, send
from haidang_agent.i18n import _
from haidang_agent.options import add_config_argument, add_json_argument
from haidang_agent.remote_config import load_merged

if TYPE_CHECKING:
    import argparse
    from collections.abc import Collection, Iterable
    from pathlib import Path

    from haidang_agent.finding import Finding, State

EXAMPLES = """examples:
  haidang-agent doctor
  HAIDANG_LANG=vi haidang-agent doctor
  haidang-agent doctor --all              (every check and every probe, each by itself)
  haidang-agent doctor --json
  haidang-agent doctor --send --dry-run   (shows what would be sent)
  haidang-agent doctor --send             (puts the checks and their states on the unit's page)

✓ is fine, ! works with limits, ✕ has to be mended. Exit status 1: something has to be mended."""

SIGNS = {"ok": "✓", "warn": "!", "fail": "✕"}
COLOURS = {"ok": "\x1b[34m", "warn": "\x1b[33m", "fail": "\x1b[31;1m"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_config_argument(parser)
    add_json_argument(parser)
    parser.add_argument(
        "--all",
        action="store_true",
        help="every probe by itself, and the checks that were left out; --json has both",
    )
    parser.add_argument(
        "--send", action="store_true", help="put the checks and their states on the unit's page; nothing that was found"
    )
    parser.add_argument("--dry-run", action="store_true", help="with --send: show what would be sent, and send nothing")


def run(options: argparse.Namespace) -> int:
    if options.dry_run and not options.send:
        sys.stderr.write("--dry-run goes with --send\n")
        return 2
    findings = []
    for finding in examine(options.config):
        findings.append(finding)
        if not options.json and (options.all or not _is_silent(finding)):
            print(_row(finding), flush=True)
    problems = [finding for finding in findings if finding.state == "fail"]
    report = report_of(findings)
    left_out = _left_out(findings)
    if options.json:
        told: dict[str, Any] = {"doctor": [finding.told() for finding in findings], "left_out": left_out}
        told["problems"] = [f"{finding.title}: {finding.found}" for finding in problems]
        print(json.dumps(told | ({"report": report} if options.send else {}), ensure_ascii=False))
    else:
        _summarise(findings, left_out, whole=options.all)
        print("\n" + _conclusion({finding.state for finding in findings}))
        if options.dry_run:
            print("\n" + _("This would be sent, and nothing else:") + "\n" + json.dumps(report, indent=1))
    sent = not options.send or options.dry_run or _send(options.config, report)
    return int(bool(problems) or not sent)


def _left_out(findings: Iterable[Finding]) -> list[str]:
    """The checks that nothing was found of: an earlier one failed, or this machine has none of it."""
    made = {finding.check for finding in findings}
    return [check for check in CHECKS if check not in made]


def _summarise(findings: Iterable[Finding], left_out: Iterable[str], *, whole: bool) -> None:
    sound = [finding.probe for finding in findings if _is_silent(finding)]
    if whole and left_out:
        print("◦ " + _("left out: {checks}").format(checks=", ".join(_(check) for check in left_out)))
        print("    " + _("an earlier check failed, or this machine has none of it, or this user may not look"))
    elif sound and not whole:
        print(f"{_sign('ok')} " + _("probes that have all they need: {names}").format(names=", ".join(sound)))


def _conclusion(states: Collection[State]) -> str:
    if "fail" in states:
        return _("Mend what is marked ✕, from the top.")
    if "warn" in states:
        return _("Nothing has to be mended; what is marked ! works with limits.")
    return _("All is well.")


def _send(config_file: Path | None, report: dict[str, Any]) -> bool:
    try:
        send(load_merged(config_file), report)
    except (NotSentError, BadConfigError, CredentialsError) as failed:
        print(_("not sent: {why}").format(why=failed), file=sys.stderr)
        return False
    print(_("sent to the unit's page: the checks and their states, nothing else"), file=sys.stderr)
    return True


def _is_silent(finding: Finding) -> bool:
    """A probe that has all it needs shares a line with the others."""
    return bool(finding.probe) and finding.state == "ok"


def _sign(state: State) -> str:
    if sys.stdout.isatty() and not os.environ.get("NO_COLOR"):
        return f"{COLOURS[state]}{SIGNS[state]}\x1b[0m"
    return SIGNS[state]


def _row(finding: Finding) -> str:
    found = finding.found.replace("\n", "\n    ")
    lines = [f"{_sign(finding.state)} {finding.title}: {found}", f"    {finding.tried}"]
    if finding.remedy:
        lines.append(f"    → {finding.remedy}")
    return "\n".join(lines)
