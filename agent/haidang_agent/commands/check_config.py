"""Read the configuration and say every fault in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from haidang_agent.config import BadConfigError, config_path, load
from haidang_agent.labs.rooms import read_room
from haidang_agent.options import add_config_argument

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Iterator

    from haidang_agent.tables import Lab

EXAMPLES = """examples:
  haidang-agent check-config
  haidang-agent check-config --config ./agent.toml

Exit status 2: the file cannot be used."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_config_argument(parser)


def run(options: argparse.Namespace) -> int:
    path, config = config_path(options.config), load(options.config)
    if faults := list(_faults(config.lab)):
        raise BadConfigError(str(path), faults)
    print(f"{path}: sound")
    return 0


def _faults(labs: Iterable[Lab]) -> Iterator[str]:
    """Of rooms: an agent with them runs, but its `lan` probe counts nothing."""
    for lab in labs:
        try:
            read_room(lab)
        except ValueError as wrong:
            yield str(wrong)
