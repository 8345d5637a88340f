"""Until when an operating system gets security updates, by the table in `end_of_life.toml`."""

from __future__ import annotations

import tomllib
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import Any

from haidang_agent.i18n import _
from haidang_agent.posture.check import Outcome
from haidang_agent.unread import UnreadError


@cache
def _table() -> dict[str, Any]:
    return tomllib.loads(Path(__file__).with_name("end_of_life.toml").read_text(encoding="utf-8"))


def supported(family: str, version: str, name: str, now: float) -> Outcome:
    """`family` and `version` as in the table; `name` as people call it. Raises UnreadError for what is not in it."""
    table = _table()
    end = table.get(family, {}).get(version)
    if not isinstance(end, date):
        why = _("{name} is not in our table of {day}").format(name=name, day=table["as_of"])
        raise UnreadError(why)
    passed = datetime.fromtimestamp(now, UTC).date() <= end
    text = _("{name}: updates until {day}") if passed else _("{name}: updates ended on {day}, unless bought as extras")
    return Outcome(passed, text.format(name=name, day=end))
