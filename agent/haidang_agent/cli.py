"""`haidang-agent`: its subcommands are the files of `commands/`. Data goes to stdout, words to stderr.

Exit status: 0 fine, 1 found a problem, 2 bad usage or input.
"""

from __future__ import annotations

import argparse
import importlib
import io
import logging
import os
import pkgutil
import sys
from typing import TYPE_CHECKING

from haidang_agent import __version__, commands
from haidang_agent.config import BadConfigError
from haidang_agent.credentials import CredentialsError

if TYPE_CHECKING:
    from collections.abc import Sequence

FINE, PROBLEM, BAD_INPUT = 0, 1, 2
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point; always ends in SystemExit."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a console that lacks a sign shows the rest
    words = sys.argv[1:] if arguments is None else list(arguments)
    try:
        options = _parser(words).parse_args(words)
        level = os.environ.get("HAIDANG_LOG", "INFO").upper()
        if level not in LEVELS:
            sys.stderr.write(f"HAIDANG_LOG = {level!r}: must be one of {', '.join(LEVELS)}\n")
            raise SystemExit(BAD_INPUT)
        logging.basicConfig(level=level, format="%(levelname)s %(message)s", stream=sys.stderr)
        status = options.run(options)
        sys.stdout.flush()
    except (BadConfigError, CredentialsError) as wrong:
        sys.stderr.write(f"{wrong}\n")
        status = BAD_INPUT
    except KeyboardInterrupt:
        status = 130
    except BrokenPipeError:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123 - the reader left; nothing to flush to
        status = PROBLEM
    raise SystemExit(status)


def _parser(words: Sequence[str]) -> argparse.ArgumentParser:
    """Only the command that is named is imported, for an agent that runs would keep the others in memory."""
    parser = argparse.ArgumentParser(
        prog="haidang-agent",
        description="Hải Đăng's agent: measures this machine and this network, and reports to the centre.",
        epilog="Exit status: 0 fine, 1 found a problem, 2 bad usage or input.",
    )
    parser.add_argument("--version", action="version", version=f"haidang-agent {__version__}")
    found = parser.add_subparsers(metavar="COMMAND", required=True)
    known = {info.name.replace("_", "-"): info.name for info in pkgutil.iter_modules(commands.__path__)}
    named = known.keys() & words[:1]
    for name in sorted(named or known):
        module = importlib.import_module(f"{commands.__name__}.{known[name]}")
        summary = (module.__doc__ or "").strip().splitlines()[0]
        command = found.add_parser(
            name,
            help=summary,
            description=summary,
            epilog=module.EXAMPLES,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        module.add_arguments(command)
        command.set_defaults(run=module.run)
    return parser
