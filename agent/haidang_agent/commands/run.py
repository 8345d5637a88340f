"""Measure and report until stopped."""

from __future__ import annotations

import signal
import sys
import threading
from typing import TYPE_CHECKING

from haidang_agent.options import add_config_argument

if TYPE_CHECKING:
    import argparse

EXAMPLES = """examples:
  haidang-agent run
  haidang-agent run --config ./agent.toml

Stops in order on SIGTERM, SIGINT or Ctrl-C; a second one stops at once."""

STACK_BYTES = 256 << 10
"""A thread's stack: probes are not deep, and the agent is a guest."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_config_argument(parser)


def run(options: argparse.Namespace) -> int:
    from haidang_agent.agent import Agent  # noqa: PLC0415 - the other commands do without the scheduler

    threading.stack_size(STACK_BYTES)
    try:
        agent = Agent(options.config)
    except OSError as failed:
        print(f"cannot start: {failed}", file=sys.stderr)
        return 1

    def stop(number: int, _: object) -> None:
        signal.signal(number, signal.SIG_DFL)
        agent.stop()

    agent.bell.ring_at_signals()
    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    agent.run()
    return 0
