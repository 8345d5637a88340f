"""`haidang policy`: the limits that units are judged by."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from haidang_collector.commands._registry import Json, refuse, show, show_json

if TYPE_CHECKING:
    from haidang_collector.policy.policy import Limit

command = typer.Typer(help="Show the limits that units are judged by.", no_args_is_help=True)
HEADER = ("ROW", "LIMIT", "OF", "VALUE", "FROM", "STATE", "SOURCE")


@command.callback()
def _policy() -> None:
    """Show the limits that units are judged by.

    HAIDANG_POLICY names a TOML file to use in the place of the built-in one; docs/registry.md tells what stands in it.
    """


@command.command("show")
def show_(
    at: Annotated[str | None, typer.Option(metavar="DATE", help="A day as 2026-11-25; default: today (UTC).")] = None,
    as_json: Json = False,
) -> None:
    """Show the limits in force on a day, those to come, and those that are off.

    Exit status: 0 the policy is sound, 2 it is not, or cannot be read.

    Example: haidang policy show --at 2016-12-31
    """
    from haidang_collector.policy.policy import BadPolicyError, from_environment  # noqa: PLC0415 - `--help` need not wait

    day = _day(at)
    try:
        policy = from_environment()
    except BadPolicyError as bad:
        refuse(str(bad))
    in_force = policy.at(day)
    told = [
        (limit, "off" if not limit.enabled else "in force" if limit in in_force else "to come")
        for limit in policy.limits
        if not limit.enabled or limit in in_force or limit.begins > day
    ]
    if as_json:
        show_json({"at": day.isoformat(), "limits": [_as_json(limit, state) for limit, state in told]})
        return
    show(HEADER, [_cells(limit, state) for limit, state in told])


def _as_json(limit: Limit, state: str) -> dict[str, object]:
    return {
        "row": limit.row,
        "limit": limit.limit,
        **dict(limit.labels),
        "value": limit.value,
        "from": limit.begins.isoformat(),
        "to": limit.ends.isoformat() if limit.ends else None,
        "state": state,
        "source": limit.source,
    }


def _cells(limit: Limit, state: str) -> tuple[str, ...]:
    of = " ".join(word for _, word in limit.labels)
    return (limit.row, limit.limit, of, f"{limit.value:.12g}", limit.begins.isoformat(), state, limit.source)


def _day(text: str | None) -> date:
    if text is None:
        return datetime.now(UTC).date()
    try:
        return date.fromisoformat(text)
    except ValueError:
        refuse(f"--at {text}: is no day; write it as 2026-11-25")
