"""`haidang`: finds its commands in the folder `commands`, one file each, whose `command` is a function or a Typer app.

Exit status: 0 fine, 1 found a problem, 2 bad usage or input. Data go to stdout, words to stderr.
"""

from __future__ import annotations

import importlib
import pkgutil

import typer

from haidang_collector import commands

EPILOGUE = """The registry is in the first of: --data DIR, HAIDANG_DATABASE_URL (sqlite:// or postgresql://), the folder
HAIDANG_DATA, /var/lib/haidang-collector where this user may write, ./.data"""


def build() -> typer.Typer:
    """The program with every command there is."""
    app = typer.Typer(
        name="haidang",
        help="Hải Đăng, the centre: watches networks and machines of a city's schools.",
        epilog=EPILOGUE,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
    )
    app.callback()(_program)
    for module in pkgutil.iter_modules(commands.__path__):
        if module.name.startswith("_"):
            continue
        command = importlib.import_module(f"{commands.__name__}.{module.name}").command
        name = module.name.removesuffix("_")  # `import_` for a word that Python keeps for itself
        if isinstance(command, typer.Typer):
            app.add_typer(command, name=name)
        else:
            app.command(name=name)(command)
    return app


def main() -> None:
    build()()


def _program() -> None:
    """Without a callback, Typer makes a lone command the program itself."""
