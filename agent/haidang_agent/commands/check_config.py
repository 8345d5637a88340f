"""Read the configuration and say every fault in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from haidang_agent.config import config_path, load
from haidang_agent.options import add_config_argument

if TYPE_CHECKING:
    import argparse

EXAMPLES = """examples:
  haidang-agent check-config
  haidang-agent check-config --config ./agent.toml

Exit status 2: the file cannot be used."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_config_argument(parser)


def run(options: argparse.Namespace) -> int:
    load(options.config)
    print(f"{config_path(options.config)}: sound")
    return 0
