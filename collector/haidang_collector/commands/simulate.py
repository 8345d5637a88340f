"""`haidang simulate`: a city that does not exist, for load, demonstrations and trying out rules."""

import os
import re
import signal
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from haidang_collector.commands._registry import PROBLEM, Data, Json, opened, refuse, say, show, show_json

if TYPE_CHECKING:
    from haidang_collector.centre.school_time import Calendar
    from haidang_collector.policy.policy import Policy
    from haidang_collector.registry.database import Database
    from haidang_collector.simulate.backfill import Filled, Store
    from haidang_collector.simulate.fleet import Result
    from haidang_collector.simulate.model import City

SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
FOLDER = "simulated"
STORE = ("prometheus", "data")
"""Where `haidang up` has its Prometheus keep data."""
SHORTEST_PAST, LONGEST_PAST = SECONDS["d"], 399 * SECONDS["d"]
"""`haidang up` keeps 400 days."""
PROGRESS_SECONDS = 5.0
FINE = {"200", "202", "204", "cut off"}
"""Answers to pushes; the last one is the scenario's."""
HEADER = ("ROW", "MET", "UNMET", "UNKNOWN", "NOT APPLICABLE")


def _duration(text: str) -> float:
    match = re.fullmatch(r"([0-9]{1,6})([smhd])", text)
    if match is None or not int(match[1]):
        raise typer.BadParameter(f"{text!r}; write seconds, minutes, hours or days as 15s, 10m, 2h, 1d")
    return float(int(match[1]) * SECONDS[match[2]])


def _past(text: str) -> float:
    seconds = _duration(text)
    if not SHORTEST_PAST <= seconds <= LONGEST_PAST:
        raise typer.BadParameter(f"{text!r}; a past has 1 to {LONGEST_PAST // SECONDS['d']} days")
    return seconds


Units = Annotated[int, typer.Option(min=1, max=50_000, help="How many units the city has.")]
For = Annotated[
    float, typer.Option("--for", parser=_duration, metavar="TIME", help="How long agents report: 90s, 10m, 2h, 1d.")
]
Interval = Annotated[float, typer.Option(parser=_duration, metavar="TIME", help="Between two reports of an agent.")]
Seed = Annotated[int, typer.Option(min=0, help="The same seed makes the same city.")]
Server = Annotated[
    str,
    typer.Option(
        metavar="URL", help="The collector that agents report to; its registry is --data or HAIDANG_DATABASE_URL."
    ),
]
Authority = Annotated[Path | None, typer.Option(metavar="FILE", help="Its CA, where that is not a public one.")]
State = Annotated[
    Path | None, typer.Option(metavar="DIR", help="Identities and outboxes of the agents (default: in --data).")
]
Steady = Annotated[
    bool,
    typer.Option("--steady", help="Nothing happens: all stays as the table has it, for evaluations and measurements."),
]
FactsOnly = Annotated[
    bool, typer.Option("--facts-only", help="Fill the registry, say what an evaluation must find, and stop.")
]
Past = Annotated[
    float | None,
    typer.Option(
        "--fast-forward",
        parser=_past,
        metavar="TIME",
        help="Write so long a past into the store, up to now, and stop: 300d (a school year). The Prometheus of --data "
        "must not run yet, and its folder be empty.",
    ),
]
Victoriametrics = Annotated[str | None, typer.Option(metavar="URL", help="Where the past goes instead: one that runs.")]


def command(
    units: Units = 2_500,
    for_: For = "10m",  # type: ignore[assignment]  # Typer passes defaults through the parser
    interval: Interval = "15s",  # type: ignore[assignment]  # as above
    seed: Seed = 1,
    steady: Steady = False,
    server: Server = "http://127.0.0.1:8080",
    ca: Authority = None,
    state: State = None,
    facts_only: FactsOnly = False,
    past: Past = None,
    victoriametrics: Victoriametrics = None,
    as_json: Json = False,
    data: Data = None,
) -> None:
    """Simulate a city: fill the registry with invented units, enrol their agents, and let them report.

    Codes of the units begin with SIM-, names end in "(mô phỏng)". What agents read is made up; all that follows, from
    snapshot to push, is the real agent. The registry must be the collector's own (--data as given to `haidang up`, or
    HAIDANG_DATABASE_URL), and hold no real units. The table shows how many units are in which state of each row, as the
    city was built. docs/simulate.md says what moves, and how a school year is made.

    Exit status: 0 every report was stored, at once or when its unit was no longer cut off, 1 some were not (the answers
    say why), 2 bad usage, or the registry, the collector or the store is away or unfit.

    For example:

    haidang simulate --units 200 --for 10m --data ./trial  (with `haidang up --data ./trial` in another terminal)

    haidang simulate --units 200 --fast-forward 300d --data ./year

    """
    from haidang_collector.registry.location import data_folder  # noqa: PLC0415 - `--help` need not wait
    from haidang_collector.simulate.build import build, today  # noqa: PLC0415

    if victoriametrics is not None and past is None:
        raise typer.BadParameter("is where --fast-forward writes; give that too", param_hint="--victoriametrics")
    home = data or data_folder()
    city, policy, calendar = build(units, seed=seed, day=today()), _policy(), _calendar()
    agents = _Agents(state or home / FOLDER, server, ca, for_, interval, None if steady else calendar)
    store = None if past is None else _store(victoriametrics or home.joinpath(*STORE))
    result = filled = None
    with opened(data) as registry:
        _fill(registry.database, city)
        if past is not None and store is not None:
            filled = _fast_forward(registry.database, city, agents.folder, store, past, policy, calendar)
        else:
            result = _report(registry.database, city, None if facts_only else agents)
    _tell(city, policy, result, filled, as_json=as_json)
    if result is not None and (result.unsent or result.answers.keys() - FINE):
        raise typer.Exit(PROBLEM)


class _Agents(NamedTuple):
    """Where they live, whom they tell, how long and how often; `calendar` None: nothing happens."""

    folder: Path
    server: str
    ca: Path | None
    seconds: float
    interval: float
    calendar: "Calendar | None"


def _calendar() -> "Calendar":
    from haidang_collector.centre import school_time  # noqa: PLC0415 - `--help` need not wait

    named = os.environ.get("HAIDANG_CALENDAR")
    try:
        return school_time.load(Path(named) if named else None)
    except (school_time.BadCalendarError, OSError) as unfit:
        refuse(str(unfit))


def _policy() -> "Policy":
    from haidang_collector.policy.policy import BadPolicyError, from_environment  # noqa: PLC0415 - as above

    try:
        return from_environment()
    except BadPolicyError as bad:
        refuse(str(bad))


def _fill(database: "Database", city: "City") -> None:
    from haidang_collector.simulate.registry import UnfitRegistryError, fill  # noqa: PLC0415 - as above

    try:
        changed = fill(database, city)
    except UnfitRegistryError as unfit:
        refuse(str(unfit))
    say(f"{len(city.units)} units in the registry, {changed} entries new or changed")


def _store(into: str | Path) -> "Store":
    from haidang_collector.simulate.backfill import BackfillError, Blocks, Victoria  # noqa: PLC0415 - as above

    try:
        return Victoria(into) if isinstance(into, str) else Blocks(into)
    except BackfillError as unfit:
        refuse(str(unfit))


def _fast_forward(
    database: "Database",
    city: "City",
    folder: Path,
    store: "Store",
    seconds: float,
    policy: "Policy",
    calendar: "Calendar",
) -> "Filled":
    from haidang_collector.simulate.fast_forward import fast_forward  # noqa: PLC0415 - as above
    from haidang_collector.simulate.fleet import TROUBLE  # noqa: PLC0415

    told = time.monotonic()

    def progress(samples: int, share: float) -> None:
        nonlocal told
        if time.monotonic() >= told + PROGRESS_SECONDS:
            told = time.monotonic()
            say(f"{share:.0%}: {samples:,} samples")

    try:
        return fast_forward(
            database, city, folder, store, seconds, now=time.time(), policy=policy, calendar=calendar, progress=progress
        )
    except TROUBLE as failed:
        refuse(str(failed))


def _report(database: "Database", city: "City", agents: _Agents | None) -> "Result | None":
    """Without agents only the centre looks around, once."""
    from haidang_collector.simulate.centre import looking  # noqa: PLC0415 - as above
    from haidang_collector.simulate.fleet import TROUBLE  # noqa: PLC0415

    with looking(database, city):
        if agents is None:
            return None
        try:
            return _let_report(database, city, agents)
        except TROUBLE as failed:
            refuse(str(failed))


def _let_report(database: "Database", city: "City", agents: _Agents) -> "Result":
    from haidang_collector.simulate.fleet import Fleet, enrol_all  # noqa: PLC0415 - as above
    from haidang_collector.simulate.live import Days  # noqa: PLC0415
    from haidang_collector.simulate.member import berths  # noqa: PLC0415

    found = berths(city, agents.folder)
    enrolled = enrol_all(database, found, agents.server, agents.ca, lambda done: say(f"{done} agents enrolled"))
    say(f"{enrolled} agents enrolled, {len(found) - enrolled} known already")
    heard = [berth for berth in found if berth.unit.presence == "heard"]
    days = None if agents.calendar is None else Days(city.seed, agents.calendar)
    fleet = Fleet(heard, agents.server, agents.ca, seed=city.seed, interval=agents.interval, days=days)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: fleet.stop())
    return fleet.run(agents.seconds, _say_progress)


def _say_progress(result: "Result") -> None:
    answers = ", ".join(f"{answer} {number} times" for answer, number in result.answers.items())
    say(f"{result.seconds:.0f} s: {result.snapshots} snapshots, {result.late} late; answers: {answers or 'none yet'}")


def _tell(city: "City", policy: "Policy", result: "Result | None", filled: "Filled | None", *, as_json: bool) -> None:
    from haidang_collector.simulate.expected import expected_shares  # noqa: PLC0415 - as above

    shares = expected_shares(city, policy)
    if as_json:
        show_json(
            {
                "units": len(city.units),
                "seed": city.seed,
                "day": city.day.isoformat(),
                "expected": {row: asdict(share) for row, share in shares.items()},
                "reports": None if result is None else asdict(result),
                "past": None if filled is None else filled._asdict(),
            }
        )
        return
    rows = [
        (row, *(str(number) for number in (share.met, share.unmet, share.unknown, share.not_applicable)))
        for row, share in shares.items()
    ]
    show(HEADER, rows)
    if filled is not None:
        size = "" if filled.size is None else f", {filled.size / 1e6:.0f} MB"
        say(f"{filled.samples:,} samples of {filled.series:,} series in {filled.seconds:.0f} s{size}")
    if result is not None:
        _say_progress(result)
        say(
            f"{result.unsent} snapshots unsent, {result.waiting} more at units that are cut off"
            + (f"; the last error: {result.last_error}" if result.last_error else "")
        )
