"""`haidang notify`: who would be told of an alert, when, by which channel, in which words."""

from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal
from zoneinfo import ZoneInfo

import typer

from haidang_collector.commands._registry import PROBLEM, Data, Json, opened, refuse, say, show, show_json

if TYPE_CHECKING:
    from haidang_collector.notify.rehearsal import Rehearsed
    from haidang_collector.notify.settings import NotifySettings

HEADER = ("WHEN", "WHO", "AS", "BY", "TO", "SUBJECT")

command = typer.Typer(help="Look into who is told of incidents.", no_args_is_help=True)


@command.callback()
def _noun() -> None:
    """Without a callback, Typer makes a lone command the noun itself."""


@command.command(name="test")
def who_is_told(
    unit: Annotated[str, typer.Argument(metavar="UNIT", help="Code of the unit that the alert is about.")],
    alert: Annotated[str, typer.Option(metavar="NAME", help="Name of the alert.")] = "InternetDown",
    severity: Annotated[Literal["critical", "warning"], typer.Option(help="How grave it is.")] = "critical",
    category: Annotated[
        Literal["link", "equipment", "security", "service", "platform"], typer.Option(help="What it is about.")
    ] = "link",
    at: Annotated[
        str, typer.Option(metavar="TIME", help="As if it were then, as 2026-11-25T22:30 (school time; default: now).")
    ] = "",
    settings_file: Annotated[
        Path | None, typer.Option("--settings", metavar="FILE", help="Default: the file of HAIDANG_NOTIFY.")
    ] = None,
    send: Annotated[bool, typer.Option("--send", help="Send the first of these messages, marked as a test.")] = False,
    as_json: Json = False,
    data: Data = None,
) -> None:
    """Who would be told of an alert at UNIT that nobody takes on. Nothing is sent but with --send.

    Exit status 1: nobody would be, or the message was not taken.

    Example: haidang notify test TH-001 --severity warning --at 2026-11-25T22:30
    """
    from haidang_collector.notify.people import Place  # noqa: PLC0415 - see `opened`
    from haidang_collector.notify.rehearsal import rehearse  # noqa: PLC0415
    from haidang_collector.registry.models import Unit  # noqa: PLC0415

    settings, zone = _settings(settings_file)
    moment = _moment(at, zone)
    with opened(data) as registry, registry.database.write() as session:
        found = session.get(Unit, unit)
        if found is None:
            refuse(f"unit {unit!r} is not in the registry; haidang units list shows all")
        facts = {"alertname": alert, "severity": severity, "category": category, "name": found.name}
        told, unreachable = rehearse(session, settings, zone.key, Place(unit, found.district), facts, moment)
    if as_json:
        show_json({"told": [asdict(each) for each in told], "without_address": unreachable})
    else:
        show(HEADER, [_row(each, zone) for each in told] or [("nobody", "", "", "", "", "")])
    for name in unreachable:
        say(f"{name} has no e-mail address in the registry, and cannot be told")
    if send and told:
        _send(told[0], settings)
    if not told:
        refuse(f"nobody would be told: register a contact with an e-mail address for {unit}", PROBLEM)


def _settings(file: Path | None) -> "tuple[NotifySettings, ZoneInfo]":
    from haidang_collector.notify.running import settings_of  # noqa: PLC0415 - see `opened`
    from haidang_collector.notify.settings import BadNotifyError  # noqa: PLC0415
    from haidang_collector.settings import BadSettingError, from_environment  # noqa: PLC0415

    try:
        settings = from_environment()
        if file is None and not settings.notify:
            refuse("say how people are told: --settings FILE, or HAIDANG_NOTIFY; docs/notify.md shows such a file")
        wanted = settings_of(replace(settings, notify=str(file)) if file else settings)
        return wanted, ZoneInfo(settings.time_zone)
    except (BadSettingError, BadNotifyError) as wrong:
        refuse(str(wrong))


def _moment(text: str, zone: ZoneInfo) -> datetime:
    if not text:
        return datetime.now(UTC)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        refuse(f"--at {text}: write a time as 2026-11-25T22:30")
    return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)


def _row(told: "Rehearsed", zone: ZoneInfo) -> tuple[str, ...]:
    return (
        f"{told.at.astimezone(zone):%Y-%m-%d %H:%M:%S}", told.name, told.receiver, told.channel, told.address,
        told.subject,
    )  # fmt: skip


def _send(first: "Rehearsed", settings: "NotifySettings") -> None:
    from haidang_collector.notify.channels import send as hand_over  # noqa: PLC0415 - see `opened`

    outcome = hand_over(first.parcel(datetime.now(UTC)), settings)
    if outcome.state != "sent":
        refuse(f"{first.address}: {outcome.answer}", PROBLEM)
    say(f"{first.address}: {outcome.answer}")
