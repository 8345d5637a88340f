"""Read the configuration and say every fault in it."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from haidang_agent.config import BadConfigError, check_told, config_path, load, parse
from haidang_agent.labs.rooms import read_room
from haidang_agent.options import add_config_argument

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Iterator

    from haidang_agent.tables import Lab

EXAMPLES = """examples:
  haidang-agent check-config
  haidang-agent check-config --config ./agent.toml

Exit status 2: the file cannot be used. With --told: 1 if anything has a fault."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_config_argument(parser)
    parser.add_argument(
        "--told",
        action="store_true",
        help="check what a centre would tell agents: a JSON object of tables a line on stdin, a list of faults a line",
    )


def run(options: argparse.Namespace) -> int:
    if options.told:
        return _check_told()
    path, config = config_path(options.config), load(options.config)
    if faults := list(_faults(config.lab)):
        raise BadConfigError(str(path), faults)
    print(f"{path}: sound" if path.exists() else f"{path}: not there; what holds without it is sound")
    return 0


def _check_told() -> int:
    """A line of stdout for each of stdin, in order."""
    found = False
    for line in sys.stdin:
        faults = list(_faults_told(line))
        found = found or bool(faults)
        print(json.dumps(faults))
    return int(found)


def _faults_told(line: str) -> Iterator[str]:
    try:
        tables = json.loads(line)
        check_told(tables)
        yield from _faults(parse(tables, "").lab)
    except BadConfigError as wrong:
        yield from wrong.faults


def _faults(labs: Iterable[Lab]) -> Iterator[str]:
    """Of rooms: an agent with them runs, but its `lan` probe counts nothing."""
    for lab in labs:
        try:
            read_room(lab)
        except ValueError as wrong:
            yield str(wrong)
