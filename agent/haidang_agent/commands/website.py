"""How safely a website is set up, the worst first, and what to do."""

from __future__ import annotations

import json
import os
import sys
import time
from typing import TYPE_CHECKING

from haidang_reach.address import parse

from haidang_agent.options import add_config_argument, add_json_argument
from haidang_agent.posture.telling import as_json, problems_of, table
from haidang_agent.remote_config import load_merged
from haidang_agent.unread import UnreadError

if TYPE_CHECKING:
    import argparse

EXAMPLES = """examples:
  haidang-agent website
  HAIDANG_LANG=vi haidang-agent website https://thcs-nguyen-du.example/ --explain
  haidang-agent website --json

Asks for public pages only and tries nothing out. Without URL: the portal of the configuration ([portal] url).
Exit status 1: a critical or warning check fails; 2: the website does not answer at all."""

FINE, FOUND, BAD_INPUT = 0, 1, 2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("url", nargs="?", metavar="URL", help="address of the website (default: the unit's portal)")
    parser.add_argument("--ca", default="", metavar="FILE", help="PEM file of further certificate authorities")
    parser.add_argument("--explain", action="store_true", help="also who asks for each check, and remedies of all")
    add_config_argument(parser)
    add_json_argument(parser)


def run(options: argparse.Namespace) -> int:
    from haidang_agent.website.examine import examine  # noqa: PLC0415 - HTTP, that no other command needs

    config = load_merged(options.config)
    url, ca = options.url or config.portal.url, options.ca or config.probes["website"].ca
    if not url:
        print("Which website? Give its URL; the configuration has no [portal] url.", file=sys.stderr)
        return BAD_INPUT
    try:
        findings = examine(parse(url), time.time(), ca)
    except ValueError as wrong:
        print(wrong, file=sys.stderr)
        return BAD_INPUT
    except UnreadError as why:
        print(f"{url}: {why}", file=sys.stderr)
        return BAD_INPUT
    problems = problems_of(findings)
    if options.json:
        rows = [as_json(finding) for finding in findings]
        print(json.dumps({"url": url, "website": rows, "problems": problems}, ensure_ascii=False))
    else:
        colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
        print(*table(findings, explain=options.explain, colour=colour), sep="\n")
    return FOUND if problems else FINE
