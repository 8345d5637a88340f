"""`haidang tokens`: what lets agents in."""

import re
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from haidang_collector.commands._registry import Data, Json, local, opened, refuse
from haidang_collector.commands._tokens import tell_all, tell_made, tell_revoked

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from haidang_collector.registry.tokens import NewToken, TokenFact

command = typer.Typer(help="Make and take back the tokens that let agents in.", no_args_is_help=True)
HEADER = ("ID", "UNIT", "STATE", "USES LEFT", "CREATED", "EXPIRES")
HOURS = {"h": 1, "d": 24, "w": 24 * 7}
LONGEST = timedelta(days=366)
MOST_USES = 10_000


def _lifetime(text: str) -> timedelta:
    match = re.fullmatch(r"([0-9]{1,5})([hdw])", text)
    lifetime = timedelta(hours=int(match[1]) * HOURS[match[2]]) if match else timedelta()
    if not timedelta() < lifetime <= LONGEST:
        raise typer.BadParameter(f"{text!r}; write hours, days or weeks as 12h, 7d or 2w, at most 366d")
    return lifetime


Lifetime = Annotated[
    timedelta, typer.Option("--expires", parser=_lifetime, metavar="TIME", help="How long it holds: 12h, 7d, 2w.")
]


@command.command()
def create(
    unit: Annotated[str, typer.Argument(help="Code of the unit the agents belong to.")],
    uses: Annotated[int, typer.Option(min=1, max=MOST_USES, help="How many agents it lets in.")] = 1,
    expires: Lifetime = "7d",  # type: ignore[assignment]  # Typer passes defaults through the parser
    as_json: Json = False,
    data: Data = None,
) -> None:
    """Make a token and print it, once: only its hash is kept.

    Example: TOKEN=$(haidang tokens create TH-001 --uses 40 --expires 2w)
    """
    from haidang_collector.registry.tokens import UnknownUnitError, create_token  # noqa: PLC0415 - see `opened`

    with opened(data) as registry:
        try:
            made = create_token(registry.database, unit, uses=uses, lifetime=expires, also=note_made)
        except UnknownUnitError as unknown:
            refuse(str(unknown))
    tell_made(made, f"{unit}: {uses} use(s), until {local(made.expires_at)}", as_json=as_json)


@command.command("list")
def list_(as_json: Json = False, data: Data = None) -> None:
    """Show all tokens by id, never the tokens themselves.

    Example: haidang tokens list --json
    """
    from haidang_collector.registry.tokens import list_tokens  # noqa: PLC0415 - see `opened`

    with opened(data) as registry:
        tokens = list_tokens(registry.database)
    tell_all(tokens, HEADER, _row, as_json=as_json)


@command.command()
def revoke(
    token_id: Annotated[str, typer.Argument(metavar="ID", help="As `haidang tokens list` shows it.")],
    data: Data = None,
) -> None:
    """Let nobody else in with a token. Agents it let in stay in.

    Example: haidang tokens revoke 5f1c0b7a9e3d
    """
    from haidang_collector.registry.tokens import revoke_token  # noqa: PLC0415 - see `opened`

    with opened(data) as registry:
        found = revoke_token(registry.database, token_id, partial(_note_revoked, token_id))
    tell_revoked(token_id, found=found, listed_by="tokens list")


def note_made(session: "Session", made: "NewToken") -> None:
    """In the audit log."""
    from haidang_collector.access.audit import record  # noqa: PLC0415 - see `opened`
    from haidang_collector.registry.history import operator  # noqa: PLC0415

    detail = {"uses": made.uses, "expires_at": made.expires_at.isoformat()}
    record(session, operator(), "token.made", made.id, detail, unit=made.unit)


def _row(token: "TokenFact") -> tuple[str, ...]:
    moments = local(token.created_at), local(token.expires_at)
    return token.id, token.unit, token.state, str(token.uses_left), *moments


def _note_revoked(token_id: str, session: "Session") -> None:
    from sqlalchemy import select  # noqa: PLC0415 - see `opened`

    from haidang_collector.access.audit import record  # noqa: PLC0415
    from haidang_collector.registry.history import operator  # noqa: PLC0415
    from haidang_collector.registry.models import EnrolmentToken  # noqa: PLC0415
    from haidang_collector.registry.tokens import TOKEN_ID_LENGTH  # noqa: PLC0415

    of_it = select(EnrolmentToken.unit).where(EnrolmentToken.hash.startswith(token_id, autoescape=True))
    record(session, operator(), "token.revoked", token_id[:TOKEN_ID_LENGTH], unit=session.scalar(of_it.limit(1)))
