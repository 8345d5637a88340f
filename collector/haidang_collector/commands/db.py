"""`haidang db`: the registry's tables, and the file that brings them back."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from haidang_collector.commands._registry import Data, refuse, say

if TYPE_CHECKING:
    from haidang_collector.registry.database import Database

File = Annotated[Path, typer.Argument(metavar="FILE", help="What `haidang db backup` makes.")]

command = typer.Typer(help="Look after the registry's database.", no_args_is_help=True)


@command.callback()
def _noun() -> None:
    """Without a callback, Typer makes a lone command the noun itself."""


@command.command()
def upgrade(data: Data = None) -> None:
    """Bring the tables to the version of this program. Does nothing when they are.

    Example: haidang db upgrade --data /var/lib/haidang-collector
    """
    with _opened(data) as database:
        before, newest = database.versions()
        database.upgrade()
    say(f"database {database.name}: " + (f"is at {newest}" if before == newest else f"{before or 'empty'} → {newest}"))


@command.command()
def backup(file: File, data: Data = None) -> None:
    """Write the whole registry into FILE, as of one moment; collectors go on meanwhile.

    FILE holds what the registry holds (hashes of keys and passwords, SNMP passwords of schools): keep it as closed.
    Measurements are the store's, and have a backup of their own: docs/backup.md.

    Example: haidang db backup /var/backups/haidang-$(date +%F).gz
    """
    from haidang_collector.registry import backup as making  # noqa: PLC0415 - as below

    with _opened(data) as database:
        counts = making.backup(database, file)
    say(f"{file}: {sum(counts.values())} rows of {len(counts)} tables, {file.stat().st_size} bytes")


@command.command()
def restore(file: File, data: Data = None) -> None:
    """Fill an empty database with what FILE holds, SQLite's or PostgreSQL's whichever it came from.

    A file of an older version is brought to this one's. All or nothing: a fault leaves the database as it was.

    Example: HAIDANG_DATABASE_URL=postgresql://haidang@db/haidang haidang db restore haidang-2026-11-26.gz
    """
    from haidang_collector.registry import backup as making  # noqa: PLC0415 - as below

    with _opened(data) as database:
        try:
            counts = making.restore(database, file)
        except making.BadBackupError as wrong:
            refuse(f"{file}: {wrong}")
    say(f"database {database.name}: {sum(counts.values())} rows of {len(counts)} tables")


@contextmanager
def _opened(data: Path | None) -> Iterator["Database"]:
    """The database, or one line that says why not and exit status 2."""
    from sqlalchemy.exc import DBAPIError  # noqa: PLC0415 - `--help` need not wait for SQLAlchemy

    from haidang_collector.registry.database import Database, RegistryDatabaseError  # noqa: PLC0415
    from haidang_collector.registry.location import database_url  # noqa: PLC0415

    try:
        with closing(Database(database_url(data))) as database:
            yield database
    except RegistryDatabaseError as failed:
        refuse(str(failed))
    except DBAPIError as failed:
        refuse(f"database {database.name}: {failed.orig}")
    except OSError as failed:
        refuse(f"{failed.filename}: {failed.strerror}")
