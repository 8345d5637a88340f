"""`haidang`: finds its commands in the folder `commands`, one file each, whose `command` is a function or a Typer app.

Exit status: 0 fine, 1 found a problem, 2 bad usage or input. Data go to stdout, words to stderr.
"""

from __future__ import annotations

import importlib
import pkgutil
import sys
from importlib.metadata import version
from typing import Annotated

import typer

from haidang_collector import commands

EPILOGUE = """The registry is in the first of: --data DIR, HAIDANG_DATABASE_URL (sqlite:// or postgresql://), the folder
HAIDANG_DATA, /var/lib/haidang-collector where this user may write, ./.data"""


def build(word: str = "") -> typer.Typer:
    """The program with every command there is; where `word` is the name of one, with that alone, which loads faster."""
    app = typer.Typer(
        name="haidang",
        help="Hải Đăng, the centre: watches networks and machines of a city's schools.",
        epilog=EPILOGUE,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode="markdown",
    )
    app.callback()(_program)
    modules = {
        module.name.removesuffix("_"): module.name  # `import_` for a word that Python keeps for itself
        for module in pkgutil.iter_modules(commands.__path__)
        if not module.name.startswith("_")
    }
    for name in [word] if word in modules else modules:
        command = importlib.import_module(f"{commands.__name__}.{modules[name]}").command
        if isinstance(command, typer.Typer):
            app.add_typer(command, name=name)
        else:
            app.command(name=name)(command)
    return app


def main() -> None:
    build(*sys.argv[1:2])()


def _tell_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"haidang {version('haidang')}")
        raise typer.Exit


def _program(
    told: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_tell_version, help="Print the version and exit.")
    ] = False,
) -> None:
    """Also without options there has to be a callback, or Typer makes a lone command the program itself."""
