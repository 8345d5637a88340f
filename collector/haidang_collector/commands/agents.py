"""`haidang agents`: who pushes, what each is told, and keys and identities of machines."""

from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from haidang_collector.commands._config import History, RollBack, SetFile, changed, show_history
from haidang_collector.commands._list import list_
from haidang_collector.commands._registry import Data, Json, local, opened, refuse, say, show_json
from haidang_collector.commands._scrape_job import scrape_job
from haidang_collector.commands._top import top
from haidang_collector.commands.tokens import Lifetime, note_made
from haidang_collector.registry.facts import is_lately

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.orm import Session

    from haidang_collector.registry.store import AgentFact, Registry

Agent = Annotated[str, typer.Argument(metavar="ID", help="As `haidang agents list` shows it.")]

command = typer.Typer(help="Show agents, what they are told, and what becomes of their keys.", no_args_is_help=True)
command.command("list")(list_)
command.command()(top)
command.command("scrape-job")(scrape_job)


@command.command()
def config(
    agent: Agent,
    set_: SetFile = None,
    roll_back: RollBack = False,
    history: History = False,
    secrets: Annotated[bool, typer.Option("--secrets", help="Show passwords of devices too.")] = False,
    as_json: Json = False,
    data: Data = None,
) -> None:
    """Show what an agent is told, and of each value where it is from; or set what it alone is told.

    What is set for the agent alone lies over everything else. See also: haidang units config.

    Example: haidang agents config a-k3jx7q2m5n6p
    """
    from haidang_collector.registry.agent_config import told  # noqa: PLC0415 - see `opened`
    from haidang_collector.registry.config_layers import Layer  # noqa: PLC0415
    from haidang_collector.registry.toml_text import to_toml, without_secrets  # noqa: PLC0415

    layer = Layer("agent", agent)
    with opened(data) as registry:
        if history:
            show_history(registry.database, layer, as_json=as_json)
            return
        if changed(registry.database, layer, set_, None, roll_back=roll_back):
            return
        fact = _one(registry, agent)
        what = told(registry.database, fact.unit, agent)
    tables = what.tables if secrets else without_secrets(what.tables)
    if as_json:
        facts = {"agent": agent, "unit": fact.unit, "versions": what.versions, "runs": fact.config}
        show_json(facts | {"tables": tables, "origin": what.origin})
        return
    typer.echo(to_toml(tables, what.origin), nl=False)
    say(_runs(what.versions, fact.config))


@command.command()
def rotate(
    agent: Annotated[str | None, typer.Argument(metavar="[ID]", help="As `haidang agents list` shows it.")] = None,
    everybody: Annotated[bool, typer.Option("--all", help="All agents that may push.")] = False,
    data: Data = None,
) -> None:
    """Have an agent make a new key. It does when it next asks; the old one holds until the new one is used.

    `haidang agents list --json` shows who has not yet. Not for machines whose disk is put back at each start, unless
    the agent's state folder is kept out of that.

    Example: haidang agents rotate --all
    """
    from haidang_collector.registry.agent_keys import AgentKeyError, want_new_keys  # noqa: PLC0415 - see `opened`
    from haidang_collector.registry.history import operator  # noqa: PLC0415

    if everybody == (agent is not None):
        raise typer.BadParameter("give the id of an agent, or --all")
    with opened(data) as registry:
        try:
            number = want_new_keys(registry.database, agent, operator())
        except AgentKeyError as wrong:
            refuse(str(wrong))
    say(f"{number} agent(s) are asked for a new key")


@command.command()
def merge(
    old: Annotated[str, typer.Argument(metavar="OLD", help="The one whose history is to go on.")],
    new: Annotated[str, typer.Argument(metavar="NEW", help="The one that pushes now.")],
    data: Data = None,
) -> None:
    """Make one of two agents that are one machine, as after it was installed anew: NEW counts as OLD from now on.

    What NEW measured until now stays under its own id. OLD's key holds no more.

    Example: haidang agents merge a-k3jx7q2m5n6p a-2b7q4m5n6pzz
    """
    from haidang_collector.registry.agent_keys import AgentKeyError, merge_agents  # noqa: PLC0415 - see `opened`
    from haidang_collector.registry.history import operator  # noqa: PLC0415

    with opened(data) as registry:
        try:
            merge_agents(registry.database, old, new, operator())
        except AgentKeyError as wrong:
            refuse(str(wrong))
    say(f"{new} counts as {old}; collectors that run notice within seconds")


@command.command()
def readmit(agent: Agent, expires: Lifetime = "7d", data: Data = None) -> None:  # type: ignore[assignment]  # as in tokens
    """Print a token that lets a machine in again as the agent it was, with its history: after its disk was put back.

    At the machine, as root: haidang-agent enrol --force --token-file - && systemctl restart haidang-agent

    Example: TOKEN=$(haidang agents readmit a-k3jx7q2m5n6p)
    """
    from haidang_collector.registry.tokens import create_token  # noqa: PLC0415 - see `opened`

    with opened(data) as registry:
        fact = _one(registry, agent)
        if fact.merged_into:
            refuse(f"{agent} counts as {fact.merged_into}; readmit that one")
        if is_lately(fact.doubled_at):
            say(f"two machines share {agent}: this token turns one of them out; better enrol that one as a new agent")
        made = create_token(registry.database, fact.unit, uses=1, lifetime=expires, agent=agent, also=note_made)
    typer.echo(made.token)
    say(f"token {made.id} for {agent} of {fact.unit}, until {local(made.expires_at)}; it is not shown again")


@command.command()
def revoke(agent: Agent, data: Data = None) -> None:
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


def _one(registry: "Registry", agent: str) -> "AgentFact":
    fact = next(iter(registry.agents(merged=True, only=[agent])), None)
    if fact is None:
        refuse(f"there is no agent {agent!r}; `haidang agents list` shows all")
    return fact


def _runs(told: dict[str, int], runs: "Mapping[str, int] | None") -> str:
    if runs is None:
        return "it has not said yet what it runs"
    if runs == told:
        return "it runs this"
    behind = ", ".join(f"{layer} {runs.get(layer, 0)}" for layer, number in told.items() if runs.get(layer) != number)
    return f"it does not run this yet; it runs {behind or 'what was set before'}"
