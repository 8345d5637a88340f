"""`haidang agents list`: all that ever enrolled; of a whole country too, before somebody wonders whether it hangs."""

import json
from contextlib import ExitStack, contextmanager
from dataclasses import fields
from typing import TYPE_CHECKING, Annotated

import typer

from haidang_collector.commands._registry import Data, Json, local, opened, plain, refuse, say, show
from haidang_collector.registry.facts import AgentFact, is_lately
from haidang_collector.registry.location import database_url

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from haidang_collector.registry.listing import Listing

SHOWN = 100
"""In a table, unless all is asked for."""
HEADER = ("AGENT", "UNIT", "DISTRICT", "ROLES", "VERSION", "OS", "LAST SEEN", "STATE")
FIELDS = tuple(field.name for field in fields(AgentFact))


def list_(
    unit: Annotated[str | None, typer.Option(help="Only of this unit.")] = None,
    district: Annotated[str | None, typer.Option(help="Only of this district.")] = None,
    everything: Annotated[bool, typer.Option("--all", help=f"Not only the first {SHOWN}; --json shows all.")] = False,
    as_json: Json = False,
    data: Data = None,
) -> None:
    """Show agents that ever enrolled, by unit.

    Example: haidang agents list --unit TH-001
    """
    from haidang_collector.registry.listing import Wanted  # noqa: PLC0415 - see `opened`

    with _listed(data) as found:
        wanted = Wanted(unit, district)
        if as_json:
            _show_json(found.agents(wanted))
            return
        rows = [_row(agent) for agent in found.agents(wanted, None if everything else SHOWN)]
        number = found.count(wanted) if len(rows) == SHOWN else len(rows)
    show(HEADER, rows)
    if number > len(rows):
        say(f"{number:,} agents, showing {len(rows)}; --all shows all, --unit or --district some")


@contextmanager
def _listed(data: "Path | None") -> "Iterator[Listing]":
    """What is there to list, or one line that says why not and exit status 2."""
    from haidang_collector.registry.listing import BrokenError, NotReadyError, listing  # noqa: PLC0415 - see `opened`

    try:
        with ExitStack() as stack:
            try:
                found = stack.enter_context(listing(database_url(data)))
            except NotReadyError:
                with opened(data) as registry:  # it is ready now, or was said why it is not
                    url = registry.database.url
                plain_url = url.set(drivername=url.get_backend_name()).render_as_string(hide_password=False)
                found = stack.enter_context(listing(plain_url))
            yield found
    except NotReadyError:
        refuse(
            "the registry's database cannot be read; see haidang db upgrade --help"
        )  # its own words may hold the password
    except BrokenError as failed:
        refuse(f"the registry's database: {failed}")


def _show_json(agents: "Iterable[AgentFact]") -> None:
    """A line each, as they come."""
    typer.echo("[", nl=False)
    between = "\n"
    for agent in agents:
        told = {name: getattr(agent, name) for name in FIELDS}
        typer.echo(between + json.dumps(told, ensure_ascii=False, default=plain), nl=False)
        between = ",\n"
    typer.echo("\n]")


def _row(agent: "AgentFact") -> tuple[str, ...]:
    roles = ",".join(agent.roles)
    seen = local(agent.last_seen)
    return (agent.agent, agent.unit, agent.district, roles, agent.version, agent.os, seen, ", ".join(_states(agent)))


def _states(agent: "AgentFact") -> "Iterator[str]":
    if agent.merged_into:
        yield f"counts as {agent.merged_into}"
    if agent.revoked:
        yield "revoked"
    elif agent.stopped:
        yield "stopped"
    if agent.new_key_wanted and not agent.revoked:
        yield "new key wanted"
    if is_lately(agent.doubled_at):
        yield "two machines share it"
    elif is_lately(agent.put_back_at):
        yield "came back with an old key"
