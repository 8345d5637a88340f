"""`haidang db`: the registry's tables."""

from contextlib import closing

import typer

from haidang_collector.commands._registry import Data, refuse, say

command = typer.Typer(help="Look after the registry's database.", no_args_is_help=True)


@command.callback()
def _noun() -> None:
    """Without a callback, Typer makes a lone command the noun itself."""


@command.command()
def upgrade(data: Data = None) -> None:
    """Bring the tables to the version of this program. Does nothing when they are.

    Example: haidang db upgrade --data /var/lib/haidang-collector
    """
    from sqlalchemy.exc import DBAPIError  # noqa: PLC0415 - `--help` need not wait for SQLAlchemy

    from haidang_collector.registry.database import Database, RegistryDatabaseError  # noqa: PLC0415
    from haidang_collector.registry.location import database_url  # noqa: PLC0415

    try:
        with closing(Database(database_url(data))) as database:
            before, newest = database.versions()
            database.upgrade()
    except RegistryDatabaseError as failed:
        refuse(str(failed))
    except DBAPIError as failed:
        refuse(f"database {database.name}: {failed.orig}")
    say(f"database {database.name}: " + (f"is at {newest}" if before == newest else f"{before or 'empty'} → {newest}"))
