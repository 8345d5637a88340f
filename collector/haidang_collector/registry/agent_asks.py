"""What an agent is told when it asks, about once a minute: its configuration, and what else waits for it.

It says with what it runs (`Haidang-Config`), which run of its machine this is (`Haidang-Run`, a word of chance that
holds from one start to the next) and what it gave away on a stick (`Haidang-Export`). A run that comes back after
another was seen is a second machine with a copy of the identity: no machine starts twice as the same run.
"""

from __future__ import annotations

import random
import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, select, update

from haidang_collector.registry import agent_config
from haidang_collector.registry.fleet_tables import ImportedFrame
from haidang_collector.registry.models import Agent
from haidang_collector.registry.unit_keys import unit_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from haidang_collector.registry.database import Database
    from haidang_collector.registry.facts import Identity

REMEMBERED_RUNS = 8
WORD = re.compile("[0-9a-f]{8,64}")
LONGEST_RANGES = 2000
"""Characters of a header; of more, each answer tells others."""
CONFIG, RUN, EXPORT = "haidang-config", "haidang-run", "haidang-export"
"""Headers of the question."""
_KNOWN = select(Agent.id, Agent.config, Agent.runs, Agent.new_key_wanted).where(
    Agent.id.in_(bindparam("agents", expanding=True))
)


@dataclass(frozen=True, slots=True)
class Asking:
    """`runs_config` is the ETag of what the agent runs, without quotes; each is empty where it said nothing of use."""

    who: Identity
    runs_config: str
    run: str
    export: str


@dataclass(frozen=True, slots=True)
class Answer:
    """`headers` hold the ETag and what waits for the agent."""

    body: bytes
    etag: str
    headers: dict[str, str]


def asking(who: Identity, headers: Mapping[str, str]) -> Asking:
    """What is no word of ours is left out: headers are what anybody writes."""
    words = (headers.get(name, "") for name in (CONFIG, RUN, EXPORT))
    return Asking(who, *(word if WORD.fullmatch(word) else "" for word in words))


def answer(database: Database, asked: Asking) -> Answer:
    """Also keeps what the agent said of itself, where that is new. Raises UnknownUnitError."""
    agent, issued = asked.who.agent, asked.who.issued or asked.who.agent
    told = agent_config.told(database, asked.who.unit, agent)
    key = {"privacy": {"unit_key": unit_key(database, asked.who.unit)}}
    body, etag = agent_config.encode(agent_config.merge(told.tables, key))
    headers = {"ETag": etag, "Cache-Control": "private, no-cache"}
    with database.read() as connection:
        rows = {row.id: row for row in connection.execute(_KNOWN, {"agents": list({agent, issued})})}
        if rows[issued].new_key_wanted:
            headers["Haidang-New-Key"] = "wanted"
        if asked.export:
            stored = select(ImportedFrame.number).where(
                ImportedFrame.agent == agent, ImportedFrame.export == asked.export, ImportedFrame.store_since == ""
            )
            headers["Haidang-Imported"] = ranges(connection.scalars(stored.order_by(ImportedFrame.number)))
    changes = _run_of(rows[agent].runs or [], asked.run)
    if asked.runs_config == etag.strip('"') and rows[agent].config != told.versions:
        changes["config"] = told.versions
    if changes:
        with database.write() as session:
            session.execute(update(Agent).where(Agent.id == agent).values(**changes))
    return Answer(body, etag, headers)


def ranges(numbers: Iterable[int]) -> str:
    """`0-11,13`: ascending numbers. Where a header may not hold them all, from one of chance on: an agent asks again.

    What it has settled of them is not known here.
    """
    found: list[list[int]] = []
    for number in numbers:
        if found and number == found[-1][1] + 1:
            found[-1][1] = number
        else:
            found.append([number, number])
    words = [f"{first}-{last}" if last > first else str(first) for first, last in found]
    text = ",".join(words)
    if len(text) <= LONGEST_RANGES:
        return text
    begin = random.randrange(len(words))  # noqa: S311 - no secret
    return ",".join(words[begin:] + words[:begin])[: LONGEST_RANGES + 1].rpartition(",")[0]


def _run_of(known: list[str], run: str) -> dict[str, Any]:
    """What to keep of the machine's run: nothing where it is the one known."""
    if not run or run == (known[0] if known else None):
        return {}
    changes: dict[str, Any] = {"runs": [run, *(each for each in known if each != run)][:REMEMBERED_RUNS]}
    if run in known:
        changes["doubled_at"] = time.time()
    return changes
