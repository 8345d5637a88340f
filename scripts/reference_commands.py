"""The reference of commands: `haidang-agent` as its help prints it, `haidang` from the program's own declaration."""

from __future__ import annotations

import inspect
import os
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import typer.main
from haidang_agent import cli as agent_cli
from haidang_agent import commands as agent_commands
from haidang_collector.cli import EPILOGUE, build

from scripts.reference_markdown import MADE, page, table

WIDTH = "100"
STATUS = "Data go to stdout, words to stderr. Exit status: 0 fine, 1 found a problem, 2 bad usage or input."


def agent_programs() -> str:
    names = sorted(file.stem.replace("_", "-") for file in Path(agent_commands.__path__[0]).glob("[a-z]*.py"))
    parts = ["# haidang-agent", MADE, STATUS]
    for name in names:
        parts += [f"## haidang-agent {name}", f"```text\n{_help_of_agent(name)}\n```"]
    return page(parts)


def collector_programs() -> str:
    parts = ["# haidang", MADE, STATUS, EPILOGUE + "."]
    group: Any = typer.main.get_command(build())
    for name, command in sorted(group.commands.items()):
        parts += _command(f"haidang {name}", command)
    return page(parts)


def _help_of_agent(name: str) -> str:
    """As the command itself prints it."""
    printed, columns = StringIO(), os.environ.get("COLUMNS")
    os.environ["COLUMNS"] = WIDTH
    try:
        with redirect_stdout(printed):
            agent_cli.main([name, "--help"])
    except SystemExit:
        return printed.getvalue().rstrip()
    finally:
        if columns is None:
            del os.environ["COLUMNS"]
        else:
            os.environ["COLUMNS"] = columns
    raise RuntimeError(f"haidang-agent {name} --help did not end")


def _command(name: str, command: Any) -> list[str]:
    parts = [f"## {name}", inspect.cleandoc(command.help or "")]
    if hasattr(command, "commands"):
        for each, below in sorted(command.commands.items()):
            parts += _command(f"{name} {each}", below)
        return parts
    rows = [_parameter(each) for each in command.params if each.name != "help" and not getattr(each, "hidden", False)]
    return [*parts, table(("argument or option", "default", "meaning"), rows), command.epilog or ""]


def _parameter(parameter: Any) -> tuple[str, str, str]:
    """Its names, its default (must be given, where it has none and needs one), its help."""
    names = [*parameter.opts, *parameter.secondary_opts]
    if parameter.param_type_name == "argument":
        names = [parameter.metavar or parameter.name.upper()]
    default = parameter.default
    told = "must be given" if parameter.required else "" if default is None or callable(default) else f"`{default}`"
    return ", ".join(f"`{name}`" for name in names), told, " ".join((parameter.help or "").split())
