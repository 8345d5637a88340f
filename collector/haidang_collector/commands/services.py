"""`haidang services`: the online systems that all agents ask for."""

from typing import Annotated

import typer

from haidang_collector.commands._registry import Data, Json, opened, refuse, say, show, show_json

command = typer.Typer(help="Show and edit the online systems that all schools' agents ask for.", no_args_is_help=True)
HEADER = ("NAME", "URL", "MATCH")
Name = Annotated[str, typer.Argument(help="As on dashboards: small letters, digits, '-' and '_'.")]


@command.command("list")
def list_(as_json: Json = False, data: Data = None) -> None:
    """Show what all agents are told; a unit's own systems stand in its configuration (`haidang units config UNIT`).

    Example: haidang services list --json
    """
    from haidang_collector.centre.services import told  # noqa: PLC0415 - see `opened`

    with opened(data) as registry:
        services = told(registry.database)
    if as_json:
        show_json(services)
    elif services:
        show(HEADER, [(each["name"], each.get("url", ""), each.get("match", "")) for each in services])
    else:
        say("agents are told of no online system; `haidang services adopt` takes the directive's list")


@command.command()
def adopt(data: Data = None) -> None:
    """Tell all agents the directive's list of the sector's systems (R12). What they are told already stays as it is.

    Example: haidang services adopt
    """
    from haidang_collector.centre.services import adopt as adopt_  # noqa: PLC0415 - see `opened`

    with opened(data) as registry:
        new = adopt_(registry.database)
    say(f"new: {', '.join(new)}; agents have it when they next ask" if new else "all of them are told already")


@command.command("set")
def set_(
    name: Name,
    url: Annotated[str, typer.Argument(help="https://name/")],
    match: Annotated[str, typer.Option(help="A text that must be on its page.")] = "",
    data: Data = None,
) -> None:
    """Add a system, or change what is told of it.

    Example: haidang services set smas https://smas.edu.vn/ --match "Đăng nhập"
    """
    from haidang_collector.centre.services import BadServiceError, set_service  # noqa: PLC0415 - see `opened`

    service = {"name": name, "url": url} | ({"match": match} if match else {})
    with opened(data) as registry:
        try:
            set_service(registry.database, service)
        except BadServiceError as bad:
            refuse(str(bad))
    say(f"{name}: set; agents have it when they next ask")


@command.command()
def remove(name: Name, data: Data = None) -> None:
    """Ask for a system no more.

    Example: haidang services remove e-ict
    """
    from haidang_collector.centre.services import remove as remove_  # noqa: PLC0415 - see `opened`

    with opened(data) as registry:
        if not remove_(registry.database, name):
            refuse(f"agents are not told of {name!r}; `haidang services list` shows all")
