"""`haidang outside`: which administration ports of units' own lines are open to the Internet."""

import asyncio
import time
from typing import TYPE_CHECKING, Annotated

import typer

from haidang_collector.commands._registry import PROBLEM, Data, Json, local, opened, refuse, show, show_json
from haidang_collector.outside.ports import PORTS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from haidang_collector.outside.records import Target
    from haidang_collector.registry.database import Database

command = typer.Typer(
    help="Look from outside whether routers can be administered from the Internet, where the unit asked for it.",
    no_args_is_help=True,
)
HEADER = ("UNIT", "PORT", "USUALLY", "STATE")
AT_ONCE = 50
"""Units."""
Unit = Annotated[str, typer.Argument(help="Code of a unit.")]


@command.command()
def allow(
    unit: Unit,
    except_: Annotated[list[int] | None, typer.Option("--except", metavar="PORT", help="Not this one.")] = None,
    data: Data = None,
) -> None:
    """Note that the unit asked to be looked at: it has a line with a public address of its own, not one that it shares.

    Example: haidang outside allow THPT-001 --except 443
    """
    from haidang_collector.outside.records import allow as allow_  # noqa: PLC0415 - see `opened`
    from haidang_collector.registry.tokens import UnknownUnitError  # noqa: PLC0415

    excepted = set(except_ or ())
    if unknown := sorted(excepted - PORTS.keys()):
        refuse(f"--except {unknown[0]}: is not looked at anyway; looked at are {', '.join(map(str, PORTS))}")
    with opened(data) as registry:
        try:
            allow_(registry.database, unit, excepted)
        except UnknownUnitError:
            refuse(f"there is no unit {unit!r}; `haidang units list` shows all")


@command.command()
def forbid(unit: Unit, data: Data = None) -> None:
    """Look no more, and forget the unit's addresses and what was found.

    Example: haidang outside forbid THPT-001
    """
    from haidang_collector.outside.records import forbid as forbid_  # noqa: PLC0415 - see `opened`

    with opened(data) as registry:
        if not forbid_(registry.database, unit):
            refuse(f"{unit!r} was not looked at")


@command.command("list")
def list_(as_json: Json = False, data: Data = None) -> None:
    """Show the units that asked for it.

    Example: haidang outside list
    """
    from haidang_collector.outside.records import allowed  # noqa: PLC0415 - see `opened`

    with opened(data) as registry:
        rows = allowed(registry.database)
    if as_json:
        show_json(
            [{"unit": unit, "except": [int(port) for port in ports.split()], "since": at} for unit, ports, at in rows]
        )
        return
    show(("UNIT", "EXCEPT", "SINCE"), [(unit, ports, local(at)) for unit, ports, at in rows])


@command.command()
def check(
    units: Annotated[list[str] | None, typer.Argument(metavar="[UNIT]…", help="Only these.")] = None,
    as_json: Json = False,
    data: Data = None,
) -> None:
    """Look now, once a day by a timer: connect to each port, send nothing, close.

    Exit status: 0 nothing is open, 1 something is, 2 bad usage, or nothing could be looked at.

    Example: haidang outside check
    """
    with opened(data) as registry:
        found = list(_found(registry.database, units or ()))
    rows = [(unit, port, is_open) for unit, ports in found for port, is_open in ports.items()]
    if as_json:
        show_json([{"unit": unit, "port": port, "open": is_open} for unit, port, is_open in rows])
    else:
        show(HEADER, [(unit, str(port), PORTS[port], "open" if is_open else "") for unit, port, is_open in rows])
    if not rows:
        refuse(
            "nothing was looked at: no unit that asked for it has a public IPv4 address of its own now, or this "
            "machine has no way to the Internet"
        )
    if any(is_open for *_, is_open in rows):
        raise typer.Exit(PROBLEM)


def _found(database: "Database", units: "Collection[str]") -> "Iterator[tuple[str, dict[int, bool]]]":
    """A few units at a time, by the addresses that they have then; what is found is kept at once."""
    from haidang_collector.outside.records import keep, targets  # noqa: PLC0415 - see `opened`

    wanted = list(dict.fromkeys(target.unit for target in targets(database, units, time.time())))
    for first in range(0, len(wanted), AT_ONCE):
        some = targets(database, wanted[first : first + AT_ONCE], time.time())
        found: dict[str, list[dict[int, bool]]] = {}
        for target, answer in zip(some, asyncio.run(_look(some)), strict=True):
            found.setdefault(target.unit, []).append(answer)
        for unit, answers in found.items():
            yield unit, keep(database, unit, answers, time.time())


async def _look(wanted: "list[Target]") -> list[dict[int, bool]]:
    from haidang_collector.outside.looking import Looking  # noqa: PLC0415 - see `opened`

    looking = Looking()
    return await asyncio.gather(*(looking.ports(target.address, target.ports) for target in wanted))
