"""What the commands about tokens share: a new one is told once, all are listed by id, one is taken back."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, TypeVar

import typer

from haidang_collector.commands._registry import refuse, say, show, show_json

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from _typeshed import DataclassInstance

    from haidang_collector.grafana import tokens as grafana
    from haidang_collector.registry import tokens as agents


F = TypeVar("F", bound="DataclassInstance")


def tell_made(made: agents.NewToken | grafana.NewToken, whose: str, *, as_json: bool) -> None:
    """The token alone on stdout."""
    if as_json:
        show_json(asdict(made))
    else:
        typer.echo(made.token)
    say(f"token {made.id} for {whose}; it is not shown again")


def tell_all(facts: Sequence[F], header: Sequence[str], row: Callable[[F], Sequence[str]], *, as_json: bool) -> None:
    if as_json:
        show_json([asdict(fact) for fact in facts])
    else:
        show(header, [row(fact) for fact in facts])


def tell_revoked(token_id: str, *, found: bool, listed_by: str) -> None:
    """Or exit status 2."""
    if not found:
        refuse(f"there is no token with the id {token_id!r}; `haidang {listed_by}` shows all")
    say(f"token {token_id} is revoked")
