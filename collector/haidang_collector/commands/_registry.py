"""What the commands about the registry share: its option, how it is opened, how things are shown."""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from haidang_collector.registry.store import Registry

PROBLEM = 1
BAD_INPUT = 2

Data = Annotated[
    Path | None,
    typer.Option("--data", metavar="DIR", help="Folder of the registry; see the end of `haidang --help`."),
]
Json = Annotated[bool, typer.Option("--json", help="JSON on stdout.")]


@contextmanager
def opened(data: Path | None) -> Iterator[Registry]:
    """The registry, or one line that says why not and exit status 2."""
    from sqlalchemy.exc import DBAPIError  # noqa: PLC0415 - `--help` need not wait for SQLAlchemy

    from haidang_collector.registry.database import RegistryDatabaseError  # noqa: PLC0415
    from haidang_collector.registry.location import database_url  # noqa: PLC0415
    from haidang_collector.registry.store import Registry  # noqa: PLC0415

    try:
        registry = Registry(database_url(data))
    except RegistryDatabaseError as failed:
        refuse(str(failed))
    try:
        yield registry
    except DBAPIError as failed:
        refuse(f"database {registry.database.name}: {failed.orig}")
    finally:
        registry.close()


def refuse(text: str, status: int = BAD_INPUT) -> NoReturn:
    say(text)
    raise typer.Exit(status)


def say(text: str) -> None:
    """Words for a person."""
    typer.echo(text, err=True)


def show(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table on stdout; the header only where a person looks on."""
    table = [header, *rows] if sys.stdout.isatty() else rows
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for row in table:
        typer.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def show_json(value: object) -> None:
    typer.echo(json.dumps(value, ensure_ascii=False, indent=2, default=plain))


def local(moment: datetime | float | None) -> str:
    """A time as the person at this machine reads it, to the minute."""
    if moment is None:
        return "never"
    moment = datetime.fromtimestamp(moment, UTC) if isinstance(moment, (int, float)) else moment
    return f"{moment.astimezone():%Y-%m-%d %H:%M}"


def plain(value: Any) -> str:
    """What `json.dumps` shows of what it does not know."""
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{value!r} is no JSON")
