"""`haidang portals`: portals, services for parents, the Department's feed and mail domains, as the centre sees them."""

import time
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from haidang_collector.commands._registry import PROBLEM, Data, Json, opened, refuse, say, show, show_json

if TYPE_CHECKING:
    from dns.resolver import Resolver as Dns
    from haidang_reach.exchange import Way

    from haidang_collector.centre.looking import Found
    from haidang_collector.centre.ports import Ports
    from haidang_collector.centre.public_services import Told
    from haidang_collector.centre.records import Target
    from haidang_collector.registry.database import Database

command = typer.Typer(
    help="Look at units' portals, services for parents and mail domains from here: for everyone, or for a school.",
    no_args_is_help=True,
)
SPREAD = 0.4
"""Of the time between two rounds: so long portals are begun with."""
LONGEST_SPREAD_SECONDS = 240.0
ANSWERS_KEPT = 20_000
"""Of the DNS, each for its TTL."""
NOT_ASKED = "port_refused"
"""In the place of a fault: nobody asked, so nothing is known."""

Row = dict[str, Any]
Rows = dict[str, list[Row]]
"""By portals, services and mail."""


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
    inside: Annotated[bool, typer.Option("--inside", help="Ask private addresses and every port too.")] = False,
    as_json: Json = False,
    data: Data = None,
) -> None:
    """Look now at every registered portal and service for parents, or those of units named; look up mail domains.

    What is found is kept. With --every a service: it goes on until it is stopped, and says each round on stderr. Names
    that lead to private addresses are not asked, nor other ports than those of HAIDANG_PORTAL_PORTS (80,443,8080,8443
    where it is not set), unless --inside. A page that many units share is asked for once, a mail domain once an hour.

    Exit status: 0 all is well, 1 something is not, 2 bad usage, nothing to look at, or no way to it from here.

    Example: haidang portals check --every 10
    """
    from haidang_reach.connecting import trusting  # noqa: PLC0415 - see `opened`
    from haidang_reach.exchange import Way  # noqa: PLC0415
    from haidang_reach.resolving import Resolver  # noqa: PLC0415

    from haidang_collector.centre.looking import NAMES_AT_ONCE, PublicResolver  # noqa: PLC0415
    from haidang_collector.centre.mail import asking  # noqa: PLC0415
    from haidang_collector.centre.ports import BadPortsError, asked_ports  # noqa: PLC0415

    if every and as_json:
        refuse("--json goes without --every: what is found is on the pages, and in GET /metrics/registry")
    try:
        trust = trusting(str(ca or ""))
    except ValueError as unusable:
        refuse(f"--{unusable}")
    try:
        ports = None if inside else asked_ports()
    except BadPortsError as unusable:
        refuse(str(unusable))
    resolver = Resolver(NAMES_AT_ONCE) if ports is None else PublicResolver(NAMES_AT_ONCE, ports)
    with opened(data) as registry, closing(resolver):
        rounds = _Rounds(registry.database, Way(resolver, trust), asking(ANSWERS_KEPT), units or [], ports)
        while every:
            _go_on(rounds, every * 60.0)
        seen, cut_off = rounds.once(spread=0.0)
    _tell(seen, as_json=as_json)
    if cut_off or not any(seen.values()):
        refuse(cut_off or "nothing to look at: no portal or mail domain is registered, or all were asked just now")
    if any(
        row.get("fault") or row.get("feed") == "broken" or row.get("problems") for rows in seen.values() for row in rows
    ):
        raise typer.Exit(PROBLEM)


@dataclass(frozen=True, slots=True)
class _Rounds:
    """What each round needs. `ports`: None asks all of them."""

    database: "Database"
    way: "Way"
    dns: "Dns"
    units: list[str]
    ports: "Ports | None"

    def once(self, *, spread: float) -> tuple[Rows, str]:
        """What was seen, and why nothing is known of portals and services."""
        from haidang_collector.centre import mail, public_services  # noqa: PLC0415 - see `opened`
        from haidang_collector.centre.looking import CutOffError, Round  # noqa: PLC0415
        from haidang_collector.centre.records import targets  # noqa: PLC0415

        portals, services = targets(self.database, self.units), public_services.told(self.database, self.units)
        seen, cut_off = self._not_asked(portals, services), ""
        at_ports = [each for each in portals if not self._why_not(each.url)]
        questions = public_services.questions(each for each in services if not self._why_not(each.asked.url))
        try:
            for found in Round(self.database, self.way).look(at_ports, questions, spread):
                kind, row = _found(found)
                seen[kind].append(row)
        except CutOffError as nowhere:
            cut_off = str(nowhere)
        for kind in ("portals", "services"):
            seen[kind].sort(key=lambda row: (str(row["unit"]), str(row.get("service"))))
        looked_up = mail.look(self.database, self.dns, self.units, now=self.way.now())
        seen["mail"] = [{"domain": name, **asdict(it)} for name, it in looked_up]
        return seen, cut_off

    def _not_asked(self, portals: "list[Target]", services: "list[Told]") -> Rows:
        return {
            "portals": [
                {"unit": each.unit, "url": each.url, "fault": NOT_ASKED, "feed": None, "detail": why}
                for each in portals
                if (why := self._why_not(each.url))
            ],
            "services": [
                {"unit": each.unit, "service": each.service, "url": each.asked.url, "fault": NOT_ASKED, "detail": why}
                for each in services
                if (why := self._why_not(each.asked.url))
            ],
        }

    def _why_not(self, url: str) -> str:
        """Empty: it is asked. What is no address is, and found to be none."""
        from haidang_reach.address import parse  # noqa: PLC0415 - see `opened`

        try:
            address = parse(url)
        except ValueError:
            return ""
        return self.ports.why_not(address.port) if self.ports and self.ports.refuse(address) else ""


def _go_on(rounds: _Rounds, seconds: float) -> None:
    began = time.monotonic()
    spread = min(SPREAD * seconds, LONGEST_SPREAD_SECONDS)
    seen, cut_off = rounds.once(spread=spread)
    counts = (f"{name}: {len(seen[name])}, down: {_down(seen[name])}" for name in ("portals", "services"))
    say(cut_off or f"{'; '.join(counts)}; mail domains: {len(seen['mail'])}")
    for row in (row for rows in seen.values() for row in rows if row.get("fault") == NOT_ASKED):
        say(f"{row['unit']}: {row['url']}: not asked: {row['detail']}")
    time.sleep(max(0.0, began + seconds - time.monotonic()))


def _down(rows: list[Row]) -> int:
    return sum(row["fault"] not in (None, NOT_ASKED) for row in rows)


def _found(found: "Found") -> tuple[str, Row]:
    from haidang_collector.centre.looking import PortalSeen  # noqa: PLC0415 - see `opened`

    if isinstance(found, PortalSeen):
        (unit, url), look = found
        front = look.front
        return "portals", {
            "unit": unit, "url": url, "fault": front.fault, "feed": look.feed, "detail": front.detail or look.why,
        }  # fmt: skip
    service, answer = found
    named = {"unit": service.unit, "service": service.service, "url": service.asked.url}
    return "services", named | {"fault": answer.fault, "detail": answer.detail}


def _tell(seen: Rows, *, as_json: bool) -> None:
    if as_json:
        show_json(seen)
        return
    rows = [(row["unit"], row["fault"] or "up", row["feed"] or "", row["detail"]) for row in seen["portals"]]
    if rows:
        show(("UNIT", "PORTAL", "FEED", "DETAIL"), rows)
    services = [(row["unit"], row["service"], row["fault"] or "up", row["detail"]) for row in seen["services"]]
    if services:
        show(("UNIT", "SERVICE", "STATE", "DETAIL"), services)
    words = {True: "yes", False: "no", None: "unknown"}
    told = [
        (row["domain"], *(words[row[check]] for check in ("mx", "spf", "dmarc")), "; ".join(row["problems"].values()))
        for row in seen["mail"]
    ]
    if told:
        show(("DOMAIN", "MX", "SPF", "DMARC", "DETAIL"), told)
