"""`haidang services`: the online systems that agents ask for, all or a district's."""

from typing import Annotated

import typer

from haidang_collector.commands._registry import Data, Json, opened, refuse, say, show, show_json

command = typer.Typer(help="Show and edit the online systems that schools' agents ask for.", no_args_is_help=True)
HEADER = ("NAME", "URL", "MATCH")
District = Annotated[str, typer.Option(metavar="NAME", help="Only for the units of this district, over what all have.")]
Name = Annotated[str, typer.Argument(help="As on dashboards: small letters and digits, with '-' or '_' between.")]


@command.command("list")
def list_(district: District = "", as_json: Json = False, data: Data = None) -> None:
    """Show what all agents are told; a unit's own systems stand in its configuration (`haidang units config UNIT`).

    Example: haidang services list --json
    """
    from haidang_collector.centre.services import told  # noqa: PLC0415 - see `opened`

    with opened(data) as registry:
        services = told(registry.database, district)
    if as_json:
        show_json(services)
    elif services:
        show(HEADER, [(each["name"], each.get("url", ""), each.get("match", "")) for each in services])
    elif district:
        say(f"nothing is told to {district} beside what all units are; see `haidang services list`")
    else:
        say("agents are told of no online system; `haidang services adopt` takes the directive's list")


@command.command()
def adopt(data: Data = None) -> None:
    """Tell all agents the directive's list of the sector's systems (R12). What they are told already stays as it is.

    Example: haidang services adopt
    """
    from haidang_collector.centre.services import StagedError  # noqa: PLC0415 - see `opened`
    from haidang_collector.centre.services import adopt as adopt_  # noqa: PLC0415
    from haidang_collector.registry.history import operator  # noqa: PLC0415

    with opened(data) as registry:
        try:
            new = adopt_(registry.database, operator())
        except StagedError as held:
            refuse(str(held))
    say(f"new: {', '.join(new)}; agents have it when they next ask" if new else "all of them are told already")


@command.command("set")
def set_(
    name: Name,
    url: Annotated[str, typer.Argument(help="https://name/")],
    match: Annotated[str, typer.Option(help="A text that must be on its page.")] = "",
    district: District = "",
    data: Data = None,
) -> None:
    """Add a system, or change what is told of it. Who did it is in the audit log, as HAIDANG_OPERATOR or the user.

    One for parents has a name that begins with `public_` and, by its next word, may have a season of the calendar.

    Example: haidang services set smas https://smas.edu.vn/ --match "Đăng nhập"
    """
    from haidang_collector.centre.services import BadServiceError, StagedError, set_service  # noqa: PLC0415 - see `opened`
    from haidang_collector.registry.config_versions import ConfigLayerError  # noqa: PLC0415
    from haidang_collector.registry.history import operator  # noqa: PLC0415

    service = {"name": name, "url": url} | ({"match": match} if match else {})
    with opened(data) as registry:
        try:
            set_service(registry.database, service, operator(), district)
        except (BadServiceError, StagedError, ConfigLayerError) as bad:
            refuse(str(bad))
    say(f"{name}: set; agents have it when they next ask")


@command.command()
def remove(name: Name, district: District = "", data: Data = None) -> None:
    """Ask for a system no more.

    Example: haidang services remove e-ict
    """
    from haidang_collector.centre.services import StagedError  # noqa: PLC0415 - see `opened`
    from haidang_collector.centre.services import remove as remove_  # noqa: PLC0415
    from haidang_collector.registry.history import operator  # noqa: PLC0415

    with opened(data) as registry:
        try:
            removed = remove_(registry.database, name, operator(), district)
        except StagedError as held:
            refuse(str(held))
        if not removed:
            refuse(f"agents are not told of {name!r}; `haidang services list` shows all")
