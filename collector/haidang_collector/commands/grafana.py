"""`haidang grafana`: data sources, folders and dashboards in a Grafana, and the tokens they ask with."""

import os
import sys
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from haidang_collector.commands._registry import PROBLEM, Data, Json, local, opened, refuse, say, show, show_json
from haidang_collector.commands._tokens import tell_all, tell_made, tell_revoked

if TYPE_CHECKING:
    from haidang_collector.access.visitor import Scope
    from haidang_collector.grafana.push import Change
    from haidang_collector.grafana.server import Grafana
    from haidang_collector.grafana.tokens import TokenFact
    from haidang_collector.grafana.wanted import Wanted
    from haidang_collector.registry.store import Registry

command = typer.Typer(help="Put data sources, folders and dashboards into Grafana.", no_args_is_help=True)
HEADER = ("ID", "SCOPE", "STATE", "CREATED", "BY")
TOKEN = "HAIDANG_GRAFANA_TOKEN"  # noqa: S105 - the name of a variable
LONGEST_TOKEN = 1000
COLLECTOR = "http://127.0.0.1:8080"


class Language(StrEnum):
    vi = "vi"
    en = "en"


Collector = Annotated[str, typer.Option(metavar="URL", help="Where Grafana reaches the collector.")]
Only = Annotated[
    list[str] | None,
    typer.Option(
        metavar="SCOPE", help="city or district:NAME, as often as wanted; default: the city and each district."
    ),
]
Of = Annotated[Language, typer.Option("--language", help="Of the dashboards.")]
Folder = Annotated[Path | None, typer.Option("--dashboards", metavar="DIR", help="Others than those of this program.")]


@command.command()
def token(
    scope: Annotated[str, typer.Option(help="city, district:NAME or unit:CODE: what it lets a data source see.")],
    as_json: Json = False,
    data: Data = None,
) -> None:
    """Make a token for a data source and print it, once: only its hash is kept. `push` makes its own.

    Example: haidang grafana token --scope "district:Quận 1"
    """
    from haidang_collector.grafana import tokens  # noqa: PLC0415 - see `opened`
    from haidang_collector.registry.history import operator  # noqa: PLC0415

    wanted = _scope(scope)
    with opened(data) as registry:
        try:
            made = tokens.create(registry.database, wanted, operator())
        except tokens.UnknownScopeError as unknown:
            refuse(str(unknown))
    tell_made(made, made.scope, as_json=as_json)


@command.command("tokens")
def list_(as_json: Json = False, data: Data = None) -> None:
    """Show all tokens by id, never the tokens themselves.

    Example: haidang grafana tokens --json
    """
    from haidang_collector.grafana.tokens import all_tokens  # noqa: PLC0415 - see `opened`

    with opened(data) as registry:
        found = all_tokens(registry.database)
    tell_all(found, HEADER, _row, as_json=as_json)


@command.command()
def revoke(
    token_id: Annotated[str, typer.Argument(metavar="ID", help="As `haidang grafana tokens` shows it.")],
    data: Data = None,
) -> None:
    """Take a token back. Who asks with it is refused at once; the next `push` gives its data source a new one.

    Example: haidang grafana revoke 5f1c0b7a9e3d
    """
    from haidang_collector.grafana.tokens import revoke as revoke_token  # noqa: PLC0415 - see `opened`
    from haidang_collector.registry.history import operator  # noqa: PLC0415

    with opened(data) as registry:
        found = revoke_token(registry.database, token_id, operator())
    tell_revoked(token_id, found=found, listed_by="grafana tokens")


@command.command()
def push(
    url: Annotated[str, typer.Option(help="Of Grafana, as https://grafana.example/.")],
    collector: Collector = COLLECTOR,
    token_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Holds Grafana's token; - is standard input.")
    ] = None,
    ca: Annotated[Path | None, typer.Option(metavar="FILE", help="Certificates to trust, PEM.")] = None,
    only: Only = None,
    language: Of = Language.vi,
    dashboards: Folder = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
    as_json: Json = False,
    data: Data = None,
) -> None:
    """Bring a Grafana (10 to 13) up to date: data sources, teams, folders with their permissions, dashboards.

    The token is that of a service account with the role Admin, from HAIDANG_GRAFANA_TOKEN or --token-file. Everything
    goes into the organisation of that account. What is as it should be stays untouched; docs/grafana.md tells more.

    Exit status: 0 Grafana is as wanted now, 1 Grafana refused or (with --dry-run) is not as wanted, 2 bad usage.

    Example: haidang grafana push --url https://grafana.example/ --collector https://collector.example --dry-run
    """
    from contextlib import closing  # noqa: PLC0415 - see `opened`

    from haidang_collector.grafana.push import Push  # noqa: PLC0415
    from haidang_collector.grafana.server import GrafanaError  # noqa: PLC0415
    from haidang_collector.registry.history import operator  # noqa: PLC0415

    changes: list[Change] = []
    failed: GrafanaError | None = None
    with closing(_grafana(url, token_file, ca)) as grafana, opened(data) as registry:
        everything = _everything(registry, only, collector, language, dashboards)
        try:
            say(f"{url}: Grafana {grafana.version()}")
            for change in Push(grafana, registry.database, operator(), dry_run).run(everything):
                changes.append(change)
                if not as_json:
                    _tell(change, dry_run=dry_run)
        except GrafanaError as refused:
            failed = refused
    done = sum(change.deed != "unchanged" for change in changes)
    if as_json:
        problems = [] if failed is None else [str(failed)]
        show_json({"dry_run": dry_run, "changes": [change.as_json() for change in changes], "problems": problems})
    if failed is not None:
        refuse(str(failed), PROBLEM)
    would = "would be changed" if dry_run else "changed"
    say(f"{done} {would}, {len(changes) - done} as wanted" if done else f"nothing to do: all {len(changes)} as wanted")
    if dry_run and done:
        raise typer.Exit(PROBLEM)


@command.command()
def provision(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="For the files; Grafana's provisioning folder.")],
    collector: Collector = COLLECTOR,
    seen_as: Annotated[
        str | None, typer.Option("--path", metavar="DIR", help="That folder where Grafana runs, as in a container.")
    ] = None,
    only: Only = None,
    language: Of = Language.vi,
    dashboards: Folder = None,
    as_json: Json = False,
    data: Data = None,
) -> None:
    """Write the same as files: data sources, dashboards, and tokens.env with the tokens (for its owner only).

    Grafana must have the variables of tokens.env in its environment: EnvironmentFile= of systemd, env_file of compose.
    A second run changes nothing, and keeps the tokens that still hold.

    Exit status: 0 the files are as wanted now, 1 they cannot be written, 2 bad usage.

    Example: haidang grafana provision /etc/grafana/provisioning --collector https://collector.example
    """
    from haidang_collector.grafana.provision import provision as write  # noqa: PLC0415 - see `opened`
    from haidang_collector.registry.history import operator  # noqa: PLC0415

    with opened(data) as registry:
        everything = _everything(registry, only, collector, language, dashboards)
        try:
            files = write(everything, folder, seen_as or str(folder.absolute()), registry.database, operator())
        except (OSError, UnicodeDecodeError) as failed:
            refuse(f"{folder}: {failed}", PROBLEM)
    if as_json:
        show_json({"files": [asdict(file) for file in files]})
        return
    show(("FILE", "DEED"), [(file.name, file.deed) for file in files])


def _row(token: "TokenFact") -> tuple[str, ...]:
    state = "revoked" if token.revoked_at else "usable"
    return token.id, token.scope, state, local(token.created_at), token.created_by


def _everything(
    registry: "Registry", only: list[str] | None, collector: str, language: Language, dashboards: Path | None
) -> "list[Wanted]":
    from haidang_collector.grafana.boards import NoDashboardsError, load  # noqa: PLC0415 - see `opened`
    from haidang_collector.grafana.names import parts_of  # noqa: PLC0415
    from haidang_collector.grafana.wanted import wanted  # noqa: PLC0415

    if not collector.startswith(("http://", "https://")):
        refuse(f"--collector {collector}: write http://host:port or https://host")
    parts = parts_of(unit.district for unit in registry.units())
    scopes = [_scope(text) for text in only or ()]
    unknown = [text for text, scope in zip(only or (), scopes, strict=True) if scope not in [p.scope for p in parts]]
    if unknown:
        refuse(f"--only {unknown[0]}: no district of the registry; `haidang units list` shows all")
    try:
        everything = wanted(parts, load(language, dashboards), collector)
    except NoDashboardsError as missing:
        refuse(str(missing))
    return [each for each in everything if not scopes or each.part.scope in scopes]


def _scope(text: str) -> "Scope":
    from haidang_collector.access.scopes import BadScopeError, parse_scope  # noqa: PLC0415 - see `opened`

    try:
        return parse_scope(text)
    except BadScopeError as wrong:
        refuse(str(wrong))


def _grafana(url: str, token_file: Path | None, ca: Path | None) -> "Grafana":
    from haidang_collector.grafana.server import BadUrlError, Grafana  # noqa: PLC0415 - see `opened`

    if ca is not None and not ca.is_file():
        refuse(f"--ca {ca}: no such file")
    try:
        return Grafana(url, _token(token_file), None if ca is None else str(ca))
    except BadUrlError as wrong:
        refuse(str(wrong))


def _token(file: Path | None) -> str:
    """Never from the command line, which everybody on the machine can read."""
    if file is None:
        found = os.environ.get(TOKEN, "")
    elif str(file) == "-":
        found = sys.stdin.read(LONGEST_TOKEN)
    else:
        try:
            with file.open(encoding="ascii") as opened_file:
                found = opened_file.read(LONGEST_TOKEN)
        except (OSError, UnicodeDecodeError) as failed:
            refuse(f"--token-file {file}: {failed}")
    if not found.strip().isascii() or len(found.split()) != 1:
        _no_token()
    return found.strip()


def _no_token() -> NoReturn:
    refuse(f"no token of a Grafana service account: set {TOKEN}, or give --token-file FILE")


def _tell(change: "Change", *, dry_run: bool) -> None:
    if change.deed == "unchanged":
        return
    lines = [f"  {told}" for told in change.differences]
    typer.echo("\n".join([f"{'would be ' if dry_run else ''}{change.deed}: {change.what} {change.name}", *lines]))
