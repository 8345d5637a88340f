"""Run probes once and print what they measured, in the Prometheus text format."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING

from haidang_agent.exposition import expose
from haidang_agent.options import add_config_argument
from haidang_agent.probe import Host
from haidang_agent.registry import discover
from haidang_agent.remote_config import load_merged
from haidang_agent.runner import Runner

if TYPE_CHECKING:
    import argparse

EXAMPLES = """examples:
  haidang-agent once
  haidang-agent once --probe machine | promtool check metrics

Exit status 1: a probe failed; the reason stands on stderr."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--probe", action="append", choices=sorted(discover()), help="this probe only; may be given again"
    )
    add_config_argument(parser)


def run(options: argparse.Namespace) -> int:
    config = load_merged(options.config)
    if options.probe:
        config = replace(config, agent=replace(config.agent, probes=tuple(options.probe)))
    runner = Runner(discover(), config, Host())
    outcomes = {name: runner.run(name) for name in runner.probes}
    runner.close()
    sys.stdout.write(expose(runner.samples()).decode())
    for name, outcome in outcomes.items():
        if outcome.absent:
            print(f"{name}: nothing to measure: {outcome.detail}", file=sys.stderr)
    return int(any(outcome.reason for outcome in outcomes.values()))
