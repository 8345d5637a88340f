"""Look through everything and say what is wrong and what to do about it."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

from haidang_agent.doctor import examine
from haidang_agent.i18n import _
from haidang_agent.options import add_config_argument, add_json_argument

if TYPE_CHECKING:
    import argparse

    from haidang_agent.finding import Finding

EXAMPLES = """examples:
  haidang-agent doctor
  HAIDANG_LANG=vi haidang-agent doctor
  haidang-agent doctor --json

✓ is fine, ! works with limits, ✕ has to be mended. Exit status 1: something has to be mended."""

SIGNS = {"ok": "✓", "warn": "!", "fail": "✕"}
COLOURS = {"ok": "\x1b[34m", "warn": "\x1b[33m", "fail": "\x1b[31;1m"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_config_argument(parser)
    add_json_argument(parser)


def run(options: argparse.Namespace) -> int:
    findings = []
    for finding in examine(options.config):
        findings.append(finding)
        if not options.json:
            print(_row(finding), flush=True)
    problems = [finding for finding in findings if finding.state == "fail"]
    if options.json:
        told = [f"{finding.title}: {finding.found}" for finding in problems]
        print(json.dumps({"doctor": [asdict(finding) for finding in findings], "problems": told}, ensure_ascii=False))
    else:
        print("\n" + (_("Mend what is marked ✕, from the top.") if problems else _("All is well.")))
    return int(bool(problems))


def _row(finding: Finding) -> str:
    sign = SIGNS[finding.state]
    if sys.stdout.isatty() and not os.environ.get("NO_COLOR"):
        sign = f"{COLOURS[finding.state]}{sign}\x1b[0m"
    found = finding.found.replace("\n", "\n    ")
    lines = [f"{sign} {finding.title}: {found}", f"    {finding.tried}"]
    if finding.remedy:
        lines.append(f"    → {finding.remedy}")
    return "\n".join(lines)
