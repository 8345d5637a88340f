"""`haidang units`: schools and other units, and what their agents are told to watch."""

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from haidang_collector.commands._registry import PROBLEM, Data, Json, opened, refuse, say, show, show_json

if TYPE_CHECKING:
    from haidang_collector.registry.units_import import Outcome

command = typer.Typer(help="Import and show units, and configure their agents.", no_args_is_help=True)
HEADER = ("CODE", "NAME", "DISTRICT", "LEVEL")


@command.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="CSV (UTF-8) or XLSX.")],
    skip_bad: Annotated[bool, typer.Option("--skip-bad", help="Leave bad rows out, import the others.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
    as_json: Json = False,
    data: Data = None,
) -> None:
    """Add and update units from a table. Nothing is imported of a file with bad rows, unless --skip-bad.

    Columns, in any order, in Vietnamese or English: Mã đơn vị (code), Tên đơn vị (name), Quận/Huyện (district),
    Cấp học (level: Mầm non, Tiểu học, THCS, THPT, GDTX, Liên cấp); and if you like Địa chỉ (address), Số học sinh
    (students), Số học sinh tiểu học (students_primary) and so on.

    A code is up to 32 letters, digits, '-', '_', '.'. A second import of the same file changes nothing; a unit that
    the file does not name stays.

    Exit status: 0 all rows are sound, 1 some are bad, 2 the file cannot be read.

    Example: haidang units import docs/examples/units.csv --dry-run
    """
    from haidang_collector.registry.sheet import MAX_FILE_BYTES, BadFileError  # noqa: PLC0415 - see `opened`
    from haidang_collector.registry.units_import import import_units  # noqa: PLC0415
    from haidang_collector.registry.units_table import read_table  # noqa: PLC0415

    try:
        with file.open("rb") as opened_file:
            table = read_table(opened_file.read(MAX_FILE_BYTES + 1))
    except OSError as failed:
        refuse(f"{file}: {failed.strerror}")
    except BadFileError as failed:
        refuse(f"{file}: {failed}")
    with opened(data) as registry:
        outcome = import_units(registry.database, table, skip_bad=skip_bad, dry_run=dry_run)
    if as_json:
        show_json(outcome.as_json())
    else:
        _tell(file, outcome)
    if outcome.bad:
        raise typer.Exit(PROBLEM)


@command.command("list")
def list_(as_json: Json = False, data: Data = None) -> None:
    """Show all units.

    Example: haidang units list --json
    """
    from haidang_collector.registry.units_import import all_units  # noqa: PLC0415 - see `opened`

    with opened(data) as registry:
        units = all_units(registry.database)
    if as_json:
        show_json([asdict(unit) for unit in units])
        return
    show(HEADER, [(unit.code, unit.name, unit.district, unit.level) for unit in units])


@command.command()
def export(data: Data = None) -> None:
    """Write all units as CSV to stdout, in the form that `import` reads and Excel shows rightly.

    Example: haidang units export > units.csv
    """
    from haidang_collector.registry.units_import import all_units, export_units  # noqa: PLC0415 - see `opened`

    with opened(data) as registry:
        units = all_units(registry.database)
    export_units(units, sys.stdout)


@command.command()
def config(
    unit: Annotated[str | None, typer.Argument(help="Code of the unit; or --default.")] = None,
    default: Annotated[bool, typer.Option("--default", help="What every unit gets.")] = False,
    set_: Annotated[Path | None, typer.Option("--set", metavar="FILE.toml", help="Replace it by this file.")] = None,
    show_: Annotated[bool, typer.Option("--show", help="What its agents are told, default included.")] = False,
    data: Data = None,
) -> None:
    """Show or set what the agents of a unit are told to watch. Without an option: what was set for the unit alone.

    The file is as agent.toml, without [server]. Agents fetch it by themselves. Passwords in it are shown.

    Example: haidang units config TH-001 --set th-001.toml
    """
    from haidang_collector.registry import agent_config  # noqa: PLC0415 - see `opened`
    from haidang_collector.registry.tokens import UnknownUnitError  # noqa: PLC0415

    if default == (unit is not None):
        raise typer.BadParameter("give the code of a unit, or --default")
    tables = None if set_ is None else _read_config(set_)
    with opened(data) as registry:
        try:
            if tables is not None:
                agent_config.set_tables(registry.database, unit, tables)
                say(f"{unit or 'the default'}: set; agents have it when they next ask")
                return
            own = agent_config.own_tables(registry.database, unit)
            show_json(agent_config.tables_for(registry.database, unit) if unit and show_ else own)
        except UnknownUnitError as unknown:
            refuse(str(unknown))


def _read_config(file: Path) -> dict[str, object]:
    from haidang_collector.registry.agent_config import BadAgentConfigError, parse_toml  # noqa: PLC0415 - see `opened`

    try:
        return parse_toml(file.read_text("utf-8-sig"))
    except OSError as failed:
        refuse(f"{file}: {failed.strerror}")
    except (BadAgentConfigError, UnicodeDecodeError) as failed:
        refuse(f"{file}: {failed}")


def _tell(file: Path, outcome: "Outcome") -> None:
    for note in outcome.notes:
        say(f"{file}: note: {note}")
    for problem in outcome.bad:
        say(f"{file}: {problem}")
    counts = f"{outcome.created} created, {outcome.updated} updated, {outcome.unchanged} unchanged"
    if outcome.applied:
        typer.echo(counts + (f", {len(outcome.bad)} bad rows left out" if outcome.bad else ""))
    else:
        typer.echo(f"nothing imported; it would be: {counts}")
        if outcome.bad:
            say(f"{len(outcome.bad)} bad rows: mend them, or leave them out with --skip-bad")
