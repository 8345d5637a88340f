"""`haidang users`: who may use the pages."""

import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from haidang_collector.commands._registry import BAD_INPUT, Data, Json, local, opened, refuse, say, show, show_json

if TYPE_CHECKING:
    from haidang_collector.access.accounts import Administration
    from haidang_collector.registry.store import Registry

command = typer.Typer(help="Make and close the accounts of people who use the pages.", no_args_is_help=True)
HEADER = ("LOGIN", "ROLE", "SEES", "STATE", "LAST LOGIN", "NAME")
LOG_HEADER = ("WHEN", "WHO", "WHAT", "SUBJECT")
LONGEST_LINE = 1000
ROLES = {
    "reader": "look at everything in the city, a district or a unit",
    "operator": "also handle incidents, facts and agents there",
    "administrator": "also handle users there and, of the city, the whole registry",
}

Login = Annotated[str, typer.Argument(help="Small letters, digits, and . _ - @ between them.")]
First = Annotated[bool, typer.Option("--first", help="Print a password that has to be changed within 7 days.")]


@command.command()
def add(
    login: Login,
    role: Annotated[str, typer.Option(help="reader, operator or administrator; see `haidang users roles`.")],
    district: Annotated[str, typer.Option(help="Sees this district only.")] = "",
    unit: Annotated[str, typer.Option(help="Sees the unit of this code only.")] = "",
    name: Annotated[str, typer.Option(help="Of the person.")] = "",
    email: Annotated[str, typer.Option(help="By which an OIDC provider may tell the person.")] = "",
    subject: Annotated[str, typer.Option(help="Who the person is at the OIDC provider (`sub`).")] = "",
    first: First = False,
    no_password: Annotated[bool, typer.Option("--no-password", help="The person comes by OIDC only.")] = False,
    data: Data = None,
) -> None:
    """Make an account. The password is asked for, or read from the first line of standard input.

    Example: haidang users add lan.nguyen --role operator --district "Quận 1" --first
    """
    from haidang_collector.access.accounts import AccountError, Wanted  # noqa: PLC0415 - see `opened`

    if first and no_password:
        refuse("--first and --no-password do not go together")
    with opened(data) as registry:
        password = None if no_password else _password(login, first=first)
        try:
            _administration(registry).add(
                login, Wanted(role, district, unit, name, email, subject), _hashed(password), first=first
            )
        except AccountError as wrong:
            refuse(str(wrong))
    _given(login, password if first else None, "is made")


@command.command("list")
def list_(as_json: Json = False, data: Data = None) -> None:
    """Show all accounts, and never a password.

    Example: haidang users list --json
    """
    from haidang_collector.access.accounts import accounts  # noqa: PLC0415 - see `opened`

    with opened(data) as registry:
        found = accounts(registry.database)
    if as_json:
        show_json([asdict(account) for account in found])
        return
    rows = [
        (a.login, a.role, a.unit or a.district or "city", a.state, local(a.entered_at), a.name) for a in found
    ]  # fmt: skip
    show(HEADER, rows)


@command.command()
def disable(login: Login, data: Data = None) -> None:
    """Close an account, and end what it has open.

    Example: haidang users disable lan.nguyen
    """
    _do(login, data, lambda administration, login: administration.disable(login), "disabled")


@command.command()
def enable(login: Login, data: Data = None) -> None:
    """Open an account again that was disabled, or is locked for wrong passwords.

    Example: haidang users enable lan.nguyen
    """
    _do(login, data, lambda administration, login: administration.enable(login), "enabled")


@command.command()
def password(login: Login, first: First = False, data: Data = None) -> None:
    """Set a password, asked for or read from standard input, and end what the account has open.

    Example: haidang users password lan.nguyen --first
    """
    from haidang_collector.access.accounts import AccountError  # noqa: PLC0415 - see `opened`

    with opened(data) as registry:
        chosen = _password(login, first=first)
        try:
            _administration(registry).set_password(login, _hashed(chosen) or "", first=first)
        except AccountError as wrong:
            refuse(str(wrong))
    _given(login, chosen if first else None, "has a new password")


@command.command()
def roles(as_json: Json = False) -> None:
    """Say what each role may.

    Example: haidang users roles
    """
    if as_json:
        show_json(ROLES)
        return
    show(("ROLE", "MAY"), list(ROLES.items()))


@command.command()
def audit(
    who: Annotated[str, typer.Option(help="Only what this login did.")] = "",
    subject: Annotated[str, typer.Option(help="Only what was done to names with this in them.")] = "",
    page: Annotated[int, typer.Option(min=1, help="Of 100 entries; 1 has the newest.")] = 1,
    as_json: Json = False,
    data: Data = None,
) -> None:
    """Show what was done and by whom, the newest first.

    Example: haidang users audit --who lan.nguyen --json
    """
    from haidang_collector.access.audit import entries  # noqa: PLC0415 - see `opened`
    from haidang_collector.access.visitor import Scope  # noqa: PLC0415

    with opened(data) as registry:
        found, more = entries(registry.database, Scope(), who=who, subject=subject, page=page)
    if as_json:
        show_json([asdict(entry) for entry in found])
    else:
        show(LOG_HEADER, [(local(e.at), e.who or "?", e.what, e.subject) for e in found])
    if more:
        say(f"there are older entries: --page {page + 1}")


def _do(login: str, data: Path | None, deed: Callable[["Administration", str], None], said: str) -> None:
    from haidang_collector.access.accounts import AccountError  # noqa: PLC0415 - see `opened`

    with opened(data) as registry:
        try:
            deed(_administration(registry), login)
        except AccountError as wrong:
            refuse(str(wrong))
    say(f"account {login} is {said}")


def _administration(registry: "Registry") -> "Administration":
    from haidang_collector.access.accounts import Administration  # noqa: PLC0415 - see `opened`
    from haidang_collector.registry.history import operator  # noqa: PLC0415

    return Administration(registry.database, operator())


def _password(login: str, *, first: bool) -> str:
    """A good one: made, typed twice by a person, or the first line of standard input. Refuses another."""
    from haidang_collector.access import passwords  # noqa: PLC0415 - see `opened`

    if first:
        return passwords.first_password()
    if sys.stdin.isatty():
        chosen: str = typer.prompt("password", hide_input=True, confirmation_prompt=True, err=True)
    else:
        chosen = sys.stdin.readline(LONGEST_LINE).rstrip("\r\n")
    try:
        passwords.check(chosen, login)
    except passwords.BadPasswordError as bad:
        refuse(f"password: {bad}", BAD_INPUT)
    return chosen


def _hashed(password: str | None) -> str | None:
    from haidang_collector.access import passwords  # noqa: PLC0415 - see `opened`

    return None if password is None else passwords.hashed(password)


def _given(login: str, first: str | None, what: str) -> None:
    if first is None:
        say(f"account {login} {what}")
        return
    typer.echo(first)
    say(f"account {login} {what}: the one printed is not shown again, and has to be changed at the first login")
