"""What `haidang units config` and `haidang agents config` share: setting, staging, taking back, the history."""

from __future__ import annotations

import re
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from haidang_collector.commands._registry import PROBLEM, local, refuse, say, show, show_json

if TYPE_CHECKING:
    from collections.abc import Callable

    from haidang_collector.registry.config_layers import Layer
    from haidang_collector.registry.config_marks import Marks
    from haidang_collector.registry.database import Database

ALL = 100
HISTORY_HEADER = ("VERSION", "WHEN", "WHO", "STATE")


def _percent(text: str) -> int:
    match = re.fullmatch(r"([0-9]{1,3})%?", text)
    if not match or not 1 <= int(match[1]) <= ALL:
        raise typer.BadParameter(f"{text!r}; write a percentage from 1% to 100%")
    return int(match[1])


SetFile = Annotated[Path | None, typer.Option("--set", metavar="FILE.toml", help="Replace it by this file.")]
Stage = Annotated[
    int | None,
    typer.Option("--stage", parser=_percent, metavar="10%", help="Give it to so many of its agents; 100%: to all."),
]
RollBack = Annotated[
    bool, typer.Option("--rollback", help="Take back what is staged, or else go back to the version before.")
]
History = Annotated[bool, typer.Option("--history", help="Who set which version when.")]


def changed(database: Database, layer: Layer, file: Path | None, percent: int | None, *, roll_back: bool) -> bool:
    """Do what was asked for and say it; False: nothing was. Every change is checked by the agent's own program first.

    Exit status 2 for a file that no agent could use, 1 where it cannot be checked.
    """
    if file is None and percent is None and not roll_back:
        return False
    if roll_back and (file or percent):
        raise typer.BadParameter("--rollback goes without --set and --stage")
    from haidang_collector.registry.config_versions import ConfigLayerError  # noqa: PLC0415 - see `opened`
    from haidang_collector.registry.tokens import UnknownUnitError  # noqa: PLC0415

    try:
        if file is not None:
            _set(database, layer, file, percent or ALL)
        elif roll_back:
            _roll_back(database, layer)
        else:
            _widen(database, layer, percent or ALL)
    except (ConfigLayerError, UnknownUnitError) as wrong:
        refuse(str(wrong))
    return True


def show_history(database: Database, layer: Layer, *, as_json: bool) -> None:
    from haidang_collector.registry.config_versions import ConfigLayerError, history  # noqa: PLC0415 - see `opened`
    from haidang_collector.registry.tokens import UnknownUnitError  # noqa: PLC0415

    try:
        versions = history(database, layer)
    except (ConfigLayerError, UnknownUnitError) as wrong:
        refuse(str(wrong))
    if as_json:
        show_json([asdict(version) for version in versions])
        return
    show(HISTORY_HEADER, [(str(each.number), local(each.at), each.who, each.state) for each in versions])


def _set(database: Database, layer: Layer, file: Path, percent: int) -> None:
    from haidang_collector.registry.agent_config import BadAgentConfigError, parse_toml  # noqa: PLC0415 - see `opened`
    from haidang_collector.registry.config_versions import put  # noqa: PLC0415
    from haidang_collector.registry.history import operator  # noqa: PLC0415

    try:
        tables = parse_toml(file.read_text("utf-8-sig"))
    except OSError as failed:
        refuse(f"{file}: {failed.strerror}")
    except (BadAgentConfigError, UnicodeDecodeError) as failed:
        refuse(f"{file}: {failed}")
    number = _checked(
        database, layer, lambda: tables, lambda since: put(database, layer, tables, operator(), percent, since=since)
    )
    _say_given(layer, number, percent)


def _widen(database: Database, layer: Layer, percent: int) -> None:
    from haidang_collector.registry.config_versions import staged, widen  # noqa: PLC0415 - see `opened`
    from haidang_collector.registry.history import operator  # noqa: PLC0415

    number = _checked(
        database,
        layer,
        lambda: staged(database, layer),
        lambda since: widen(database, layer, percent, operator(), since),
    )
    _say_given(layer, number, percent)


def _roll_back(database: Database, layer: Layer) -> None:
    from haidang_collector.registry.config_versions import before, roll_back  # noqa: PLC0415 - see `opened`
    from haidang_collector.registry.history import operator  # noqa: PLC0415

    number = _checked(
        database,
        layer,
        lambda: before(database, layer)[1],
        lambda since: roll_back(database, layer, operator(), since),
    )
    say(f"{layer}: version {number} is in force" if number else f"{layer}: nothing is set any more")


def _checked(
    database: Database, layer: Layer, tables: Callable[[], dict[str, Any]], change: Callable[[Marks], int]
) -> int:
    """The version that was set."""
    from subprocess import SubprocessError  # noqa: PLC0415 - see `opened`

    from haidang_collector.registry.config_check import UnfitConfigError, checked  # noqa: PLC0415

    try:
        return checked(database, layer, tables, change)
    except UnfitConfigError as unfit:
        refuse(f"{unfit}\nnothing was changed")
    except (OSError, SubprocessError) as failed:
        refuse(f"it cannot be checked ({failed}), and nothing was changed: haidang-agent must be on PATH", PROBLEM)


def _say_given(layer: Layer, number: int, percent: int) -> None:
    whom = "agents have it when they next ask" if percent == ALL else f"for {percent} % of its agents; widen by --stage"
    say(f"{layer}: version {number} is set, {whom}")
