"""`haidang portals`: units' portals, the Department's feed and mail domains, as the centre sees them."""

import time
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from haidang_collector.commands._registry import PROBLEM, Data, Json, opened, refuse, say, show, show_json

if TYPE_CHECKING:
    from dns.resolver import Resolver as Dns
    from haidang_reach.exchange import Way
    from haidang_reach.site import Look

    from haidang_collector.centre.records import Target
    from haidang_collector.registry.database import Database

command = typer.Typer(
    help="Look at units' portals and mail domains from here, so that down for everyone and down for a school differ.",
    no_args_is_help=True,
)
SPREAD = 0.4
"""Of the time between two rounds: so long portals are begun with."""
LONGEST_SPREAD_SECONDS = 240.0
ANSWERS_KEPT = 20_000
"""Of the DNS, each for its TTL."""

Row = dict[str, Any]


@command.callback()
def main() -> None:
    """`check` alone is a command of its own."""


@command.command()
def check(
    units: Annotated[list[str] | None, typer.Argument(metavar="[UNIT]…", help="Only these.")] = None,
    every: Annotated[
        int, typer.Option(metavar="MINUTES", min=0, max=1440, help="Go on, a round each so many; 0: one round.")
    ] = 0,
    ca: Annotated[Path | None, typer.Option(metavar="FILE", help="PEM file of further authorities.")] = None,
    inside: Annotated[bool, typer.Option("--inside", help="Ask private addresses too.")] = False,
    as_json: Json = False,
    data: Data = None,
) -> None:
    """Look now at every registered portal, or those of units named, and look up their mail domains; keep what is found.

    With --every a service: it goes on until it is stopped, and says each round on stderr. Portals whose name leads to
    private addresses are not asked, unless --inside. A mail domain is asked for once an hour.

    Exit status: 0 all is well, 1 something is not, 2 bad usage, nothing to look at, or no way to it from here.

    Example: haidang portals check --every 10
    """
    from haidang_reach.connecting import trusting  # noqa: PLC0415 - see `opened`
    from haidang_reach.exchange import Way  # noqa: PLC0415
    from haidang_reach.resolving import Resolver  # noqa: PLC0415

    from haidang_collector.centre.looking import NAMES_AT_ONCE, PublicResolver  # noqa: PLC0415
    from haidang_collector.centre.mail import asking  # noqa: PLC0415

    if every and as_json:
        refuse("--json goes without --every: what is found is on the pages, and in GET /metrics/registry")
    try:
        trust = trusting(str(ca or ""))
    except ValueError as unusable:
        refuse(f"--{unusable}")
    dns = asking(ANSWERS_KEPT)
    with opened(data) as registry, closing((Resolver if inside else PublicResolver)(NAMES_AT_ONCE)) as resolver:
        way = Way(resolver, trust)
        while every:
            _go_on(registry.database, way, dns, units or [], every * 60.0)
        portals, mail, cut_off = _round(registry.database, way, dns, units or [], spread=0.0)
    _tell(portals, mail, as_json=as_json)
    if cut_off or not (portals or mail):
        refuse(cut_off or "nothing to look at: no portal or mail domain is registered, or all were asked just now")
    if any(portal["fault"] or portal["feed"] == "broken" for portal in portals) or any(row["problems"] for row in mail):
        raise typer.Exit(PROBLEM)


def _go_on(database: "Database", way: "Way", dns: "Dns", units: list[str], seconds: float) -> None:
    began = time.monotonic()
    spread = min(SPREAD * seconds, LONGEST_SPREAD_SECONDS)
    portals, mail, cut_off = _round(database, way, dns, units, spread=spread)
    down = sum(portal["fault"] is not None for portal in portals)
    say(cut_off or f"portals: {len(portals)}, down: {down}; mail domains: {len(mail)}")
    time.sleep(max(0.0, began + seconds - time.monotonic()))


def _round(
    database: "Database", way: "Way", dns: "Dns", units: list[str], *, spread: float
) -> tuple[list[Row], list[Row], str]:
    """Portals, mail domains, and why nothing is known of portals."""
    from haidang_collector.centre import mail  # noqa: PLC0415 - see `opened`
    from haidang_collector.centre.looking import CutOffError, Round  # noqa: PLC0415
    from haidang_collector.centre.records import targets  # noqa: PLC0415

    seen, cut_off = [], ""
    try:
        for target, look in Round(database, way).look(targets(database, units), spread):
            seen.append(_portal(target, look))
    except CutOffError as nowhere:
        cut_off = str(nowhere)
    looked_up = mail.look(database, dns, units, now=way.now())
    return (
        sorted(seen, key=lambda row: str(row["unit"])),
        [{"domain": name, **asdict(it)} for name, it in looked_up],
        cut_off,
    )


def _portal(target: "Target", look: "Look") -> Row:
    return {
        "unit": target.unit,
        "url": target.url,
        "fault": look.front.fault,
        "feed": look.feed,
        "detail": look.front.detail or look.why,
    }


def _tell(portals: list[Row], mail: list[Row], *, as_json: bool) -> None:
    if as_json:
        show_json({"portals": portals, "mail": mail})
        return
    rows = [(row["unit"], row["fault"] or "up", row["feed"] or "", row["detail"]) for row in portals]
    if rows:
        show(("UNIT", "PORTAL", "FEED", "DETAIL"), rows)
    words = {True: "yes", False: "no", None: "unknown"}
    told = [
        (row["domain"], *(words[row[check]] for check in ("mx", "spf", "dmarc")), "; ".join(row["problems"].values()))
        for row in mail
    ]
    if told:
        show(("DOMAIN", "MX", "SPF", "DMARC", "DETAIL"), told)
