"""`haidang views`: what the centre sees of well-known sites, for agents to compare theirs with."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from haidang_collector.commands._registry import PROBLEM, Data, opened, refuse, say


def command(
    site: Annotated[list[str] | None, typer.Argument(help="Names beside the hosts of [[service]].")] = None,
    set_: Annotated[bool, typer.Option("--set", help="Tell all agents, by the default configuration.")] = False,
    data: Data = None,
) -> None:
    """Look where sites are and who issued their certificates, and show or set it for the agents.

    The sites are those that all units are told to watch ([[service]]), and those named. Agents find by it name servers
    that lie and connections that are intercepted. Run it daily with --set, from a machine whose name server you trust.

    Exit status: 0 all was seen, 1 something was not (stderr says what), 2 there is no site to look at.

    Example: haidang views --set collector.example.edu.vn
    """
    from haidang_collector.registry import agent_config  # noqa: PLC0415 - `--help` need not wait for SQLAlchemy
    from haidang_collector.views.looking import look  # noqa: PLC0415
    from haidang_collector.views.settings import laid_over, names_of, settings  # noqa: PLC0415

    with opened(data) as registry:
        tables = agent_config.own_tables(registry.database, None)
        names = list(dict.fromkeys((*names_of(tables), *(site or ()))))
        if not names:
            refuse("no site to look at: name one, or tell all units' services by `haidang units config`")
        views = [look(name) for name in names]
        told = settings(views, tables.get("probes", {}).get("intrusion", {}))
        new = laid_over(tables, told)
        if set_ and new != tables:
            agent_config.set_tables(registry.database, None, new)
    for view in views:
        if view.problem:
            say(view.problem)
    typer.echo("[probes.intrusion]")
    for key, values in told.items():
        typer.echo(f"{key} = {json.dumps(values, ensure_ascii=False, indent=2)}")
    if any(view.problem for view in views):
        raise typer.Exit(PROBLEM)
