"""`haidang units`: schools and other units, and what their agents are told to watch."""

import sys
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Protocol

import typer

from haidang_collector.commands._config import History, RollBack, SetFile, Stage, changed, show_history
from haidang_collector.commands._registry import PROBLEM, Data, Json, local, opened, refuse, say, show, show_json

if TYPE_CHECKING:
    from haidang_collector.registry.database import Database
    from haidang_collector.registry.fact_kinds import Kind
    from haidang_collector.registry.units_import import Outcome

command = typer.Typer(help="Import and show units, and configure their agents.", no_args_is_help=True)
HEADER = ("CODE", "NAME", "DISTRICT", "LEVEL")
HISTORY_HEADER = ("WHEN", "WHO", "WHAT", "FACT", "FROM", "TO")


class What(StrEnum):
    """The tables there are."""

    units = "units"
    labs = "labs"
    equipment = "equipment"
    subjects = "subjects"
    contacts = "contacts"
    plans = "plans"
    contracts = "contracts"
    portals = "portals"
    public_services = "public_services"


class Format(StrEnum):
    csv = "csv"
    xlsx = "xlsx"


KindOf = Annotated[What, typer.Option("--kind", help="What the table holds.")]


@command.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="CSV (UTF-8) or XLSX.")],
    kind: KindOf = What.units,
    skip_bad: Annotated[bool, typer.Option("--skip-bad", help="Leave bad rows out, import the others.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
    replace: Annotated[
        bool, typer.Option("--replace", help="Remove what the file does not name, of the units it names.")
    ] = False,
    as_json: Json = False,
    data: Data = None,
) -> None:
    """Add and update units, or facts of units (--kind), from a table.

    Nothing is imported of a file with bad rows, unless --skip-bad. `haidang units template KIND` writes a table to fill
    in, with the columns of each kind; docs/registry.md explains them.

    Columns of units, in any order, in Vietnamese or English: Mã đơn vị (code), Tên đơn vị (name), Quận/Huyện
    (district), Cấp học (level: Mầm non, Tiểu học, THCS, THPT, GDTX, Liên cấp); and if you like Địa chỉ (address),
    Số học sinh (students), Số học sinh tiểu học (students_primary) and so on.

    A code is up to 32 letters, digits, '-', '_', '.'. A second import of the same file changes nothing; what the file
    does not name stays, unless --replace (facts only, and not with --skip-bad). Every change goes to the history with
    the name of the system's user, or HAIDANG_OPERATOR.

    Exit status: 0 all rows are sound, 1 some are bad, 2 the file cannot be read.

    Example: haidang units import docs/examples/units.csv --dry-run
    """
    if replace and (skip_bad or kind is What.units):
        raise typer.BadParameter("--replace goes with a --kind of facts, and without --skip-bad")
    do_import = _importer(file, kind)
    with opened(data) as registry:
        outcome = do_import(registry.database, skip_bad=skip_bad, dry_run=dry_run, replace=replace)
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
def export(kind: KindOf = What.units, data: Data = None) -> None:
    """Write all units, or all their facts of a kind, as CSV to stdout: as `import` reads it and Excel shows it rightly.

    Example: haidang units export --kind labs > labs.csv
    """
    from haidang_collector.registry.fact_import import all_facts, export_facts  # noqa: PLC0415 - see `opened`
    from haidang_collector.registry.units_import import all_units, export_units  # noqa: PLC0415

    with opened(data) as registry:
        if kind is What.units:
            export_units(all_units(registry.database), sys.stdout)
        else:
            export_facts(_facts(kind), all_facts(registry.database, _facts(kind)), sys.stdout)


@command.command()
def template(
    kind: Annotated[What, typer.Argument(metavar="KIND", help=f"One of {', '.join(What)}.")],
    format_: Annotated[
        Format, typer.Option("--format", help="XLSX has a page that explains the columns.")
    ] = Format.csv,
) -> None:
    """Write an empty table to fill in to stdout; `import --kind KIND` reads it.

    Example: haidang units template labs --format xlsx > labs.xlsx
    """
    from haidang_collector.registry.templates import as_csv, as_xlsx, columns_of  # noqa: PLC0415 - see `opened`

    if format_ is Format.xlsx and sys.stdout.isatty():
        refuse(f"an XLSX file is not for a terminal: haidang units template {kind} --format xlsx > {kind}.xlsx")
    make = as_xlsx if format_ is Format.xlsx else as_csv
    typer.echo(make(columns_of(kind)), nl=False)


@command.command()
def history(unit: str, as_json: Json = False, data: Data = None) -> None:
    """Show who changed which fact of a unit, the newest first.

    Example: haidang units history TH-001
    """
    from haidang_collector.registry.history import history_of  # noqa: PLC0415 - see `opened`
    from haidang_collector.registry.tokens import UnknownUnitError  # noqa: PLC0415

    with opened(data) as registry:
        try:
            changes = history_of(registry.database, unit)
        except UnknownUnitError as unknown:
            refuse(str(unknown))
    if as_json:
        show_json([asdict(change) for change in changes])
        return
    show(
        HISTORY_HEADER,
        [
            (local(change.at), change.who, f"{change.what} {change.entry}".strip(), fact, before, after)
            for change in changes
            for fact, before, after in change.parts()
        ],
    )


@command.command()
def config(
    unit: Annotated[str | None, typer.Argument(help="Code of the unit; or one of the next three.")] = None,
    default: Annotated[bool, typer.Option("--default", help="What every unit gets.")] = False,
    district: Annotated[str | None, typer.Option(help="What the units of a district get.")] = None,
    role: Annotated[str | None, typer.Option(help="What agents of a role get: site, router or host.")] = None,
    set_: SetFile = None,
    stage: Stage = None,
    roll_back: RollBack = False,
    history: History = False,
    show_: Annotated[bool, typer.Option("--show", help="What its agents are told, default included.")] = False,
    as_json: Json = False,
    data: Data = None,
) -> None:
    """Show or set what agents are told to watch. Without an option: what was set for the unit alone.

    The file is as agent.toml, without [server]. It is checked by the agent's own program, then agents fetch it by
    themselves. What is set for all lies lowest, over it what is of the district, the registry's facts, the unit, the
    role, the agent (`haidang agents config`). Passwords in it are shown.

    Example: haidang units config --default --set all.toml --stage 10%
    """
    from haidang_collector.registry import agent_config  # noqa: PLC0415 - see `opened`
    from haidang_collector.registry.config_layers import Layer  # noqa: PLC0415
    from haidang_collector.registry.config_versions import in_force  # noqa: PLC0415
    from haidang_collector.registry.tokens import UnknownUnitError  # noqa: PLC0415

    named = {"default": "" if default else None, "district": district, "unit": unit, "role": role}
    layers = [Layer(kind, name) for kind, name in named.items() if name is not None]  # type: ignore[arg-type]  # its kinds
    if len(layers) != 1:
        raise typer.BadParameter("give the code of a unit, or --default, --district, --role")
    with opened(data) as registry:
        if history:
            show_history(registry.database, layers[0], as_json=as_json)
        elif not changed(registry.database, layers[0], set_, stage, roll_back=roll_back):
            try:
                own = (
                    agent_config.own_tables(registry.database, unit) if unit else in_force(registry.database, layers[0])
                )
                show_json(agent_config.tables_for(registry.database, unit) if unit and show_ else own)
            except UnknownUnitError as unknown:
                refuse(str(unknown))


def _facts(kind: What) -> "Kind":
    from haidang_collector.registry.fact_kinds import KINDS  # noqa: PLC0415 - see `opened`

    return KINDS[kind]


class _Import(Protocol):
    def __call__(self, database: "Database", *, skip_bad: bool, dry_run: bool, replace: bool) -> "Outcome": ...


def _importer(file: Path, kind: What) -> _Import:
    """What puts the file into a database; the file is read by now."""
    from haidang_collector.registry.fact_import import import_facts  # noqa: PLC0415 - see `opened`
    from haidang_collector.registry.fact_table import read_facts  # noqa: PLC0415
    from haidang_collector.registry.sheet import MAX_FILE_BYTES, BadFileError  # noqa: PLC0415
    from haidang_collector.registry.units_import import import_units  # noqa: PLC0415
    from haidang_collector.registry.units_table import read_table  # noqa: PLC0415

    try:
        with file.open("rb") as opened_file:
            content = opened_file.read(MAX_FILE_BYTES + 1)
        if kind is not What.units:
            facts = read_facts(content, _facts(kind))
            return lambda database, **how: import_facts(database, _facts(kind), facts, **how)
        units = read_table(content)
        return lambda database, skip_bad, dry_run, **_: import_units(
            database, units, skip_bad=skip_bad, dry_run=dry_run
        )
    except OSError as failed:
        refuse(f"{file}: {failed.strerror}")
    except BadFileError as failed:
        refuse(f"{file}: {failed}")


def _tell(file: Path, outcome: "Outcome") -> None:
    for note in outcome.notes:
        say(f"{file}: note: {note}")
    for problem in outcome.bad:
        say(f"{file}: {problem}")
    counts = f"{outcome.created} created, {outcome.updated} updated, {outcome.unchanged} unchanged" + (
        f", {outcome.removed} removed" if outcome.removed else ""
    )
    if outcome.applied:
        typer.echo(counts + (f", {len(outcome.bad)} bad rows left out" if outcome.bad else ""))
    else:
        typer.echo(f"nothing imported; it would be: {counts}")
        if outcome.bad:
            say(f"{len(outcome.bad)} bad rows: mend them, or leave them out with --skip-bad")
