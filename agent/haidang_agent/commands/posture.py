"""How safe this machine is set up, the worst first, and what to do."""

from __future__ import annotations

import json
import os
import sys
import time
from typing import TYPE_CHECKING

from haidang_agent.config import config_path
from haidang_agent.options import add_config_argument, add_json_argument
from haidang_agent.posture.check import Ledger
from haidang_agent.posture.examine import Place, examine
from haidang_agent.posture.telling import as_json, problems_of, table
from haidang_agent.remote_config import load_merged
from haidang_agent.unread import UnreadError

if TYPE_CHECKING:
    import argparse

EXAMPLES = """examples:
  sudo haidang-agent posture
  HAIDANG_LANG=vi haidang-agent posture --explain
  haidang-agent posture --json

Run as administrator (root) where checks can't be read. Exit status 1: a critical or warning check fails."""

FINE, FOUND, UNREADABLE = 0, 1, 2


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
    problems = problems_of(findings)
    if options.json:
        rows = [as_json(finding) for finding in findings]
        print(json.dumps({"posture": rows, "problems": problems}, ensure_ascii=False))
    else:
        colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
        print(*table(findings, explain=options.explain, colour=colour), sep="\n")
    return FOUND if problems else FINE
