"""`haidang agents`: who pushes."""

from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from haidang_collector.commands._registry import Data, Json, local, opened, refuse, say, show, show_json

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from haidang_collector.registry.store import AgentFact

command = typer.Typer(help="Show agents, and take their rights away.", no_args_is_help=True)
HEADER = ("AGENT", "UNIT", "DISTRICT", "ROLES", "VERSION", "OS", "LAST SEEN", "STATE")


@command.command("list")
def list_(
    unit: Annotated[str | None, typer.Option(help="Only of this unit.")] = None,
    as_json: Json = False,
    data: Data = None,
) -> None:
    """Show all agents that ever enrolled.

    Example: haidang agents list --unit TH-001
    """
    with opened(data) as registry:
        agents = [agent for agent in registry.agents() if unit in (None, agent.unit)]
    if as_json:
        show_json([asdict(agent) for agent in agents])
        return
    show(HEADER, [_row(agent) for agent in agents])


@command.command()
def revoke(
    agent: Annotated[str, typer.Argument(metavar="ID", help="As `haidang agents list` shows it.")],
    data: Data = None,
) -> None:
    """Take an agent's right to push away for good; collectors that run notice within seconds.

    Example: haidang agents revoke a-k3jx7q2m5n6p
    """
    with opened(data) as registry:
        if not registry.revoke_agent(agent, partial(_note_revoked, agent)):
            refuse(f"there is no agent {agent!r}; `haidang agents list` shows all")
    say(f"{agent} is revoked; to let the machine in again, enrol it with a new token")


def _note_revoked(agent: str, session: "Session") -> None:
    from haidang_collector.access.audit import record  # noqa: PLC0415 - see `opened`
    from haidang_collector.registry.history import operator  # noqa: PLC0415
    from haidang_collector.registry.models import Agent  # noqa: PLC0415

    record(session, operator(), "agent.revoked", agent, unit=session.get_one(Agent, agent).unit)


def _row(agent: "AgentFact") -> tuple[str, ...]:
    state = "revoked" if agent.revoked else "stopped" if agent.stopped else ""
    roles = ",".join(agent.roles)
    return (agent.agent, agent.unit, agent.district, roles, agent.version, agent.os, local(agent.last_seen), state)
