"""A unit's computer rooms, as its page shows them: what is registered, what was seen, whether they have Internet."""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from haidang_collector.web.state import natural

if TYPE_CHECKING:
    from collections.abc import Mapping

    from haidang_collector.web.state import Measurements

REGISTERED = "unit:school_lab:info"
DECLARED = "unit:school_declared_lab_computers:count"
SEEN = "unit:school_lab_seen:count"
COUNTED = "unit:school_lab_computers:count"
JUDGED = "unit:school_lab_judged:timestamp_seconds"
REACHED = "unit:school_lab_reached:timestamp_seconds"
HEARD = "and on (unit, agent) (agent:haidang_silence:seconds{unit=%s} < 40)"
ONLINE = f'max by (lab) (school_lab_computers{{state="online",unit=%s}} {HEARD})'
RECORDED = f"{REGISTERED}|{DECLARED}|{SEEN}|{COUNTED}|{JUDGED}|{REACHED}"
UP = f"max by (lab) (school_lab_internet_up{{unit=%s}} {HEARD})"


@dataclass(frozen=True, slots=True)
class Room:
    """None: unknown.

    Computers `declared`, `seen` within 30 days, `online` now, and `counted` by requirement R4, by `source` (measured or
    declared). `up`: by an agent's word now; `judged` and `reached`: when the Internet was last looked for from it, and
    last reached (Unix seconds).
    """

    name: str
    level: str
    is_registered: bool
    declared: int | None
    seen: int | None
    online: int | None
    counted: int | None
    source: str | None
    up: bool | None
    judged: float | None
    reached: float | None


async def rooms_of(measurements: Measurements, unit: str) -> list[Room]:
    """By name. Raises UnansweredError."""
    quoted = json.dumps(unit)
    recorded, online, up = await asyncio.gather(
        measurements.query(f'{{__name__=~"{RECORDED}",unit={quoted}}}'),
        measurements.query(ONLINE % (quoted, quoted)),
        measurements.query(UP % (quoted, quoted)),
    )
    values: defaultdict[str, dict[str, float]] = defaultdict(dict)
    levels: dict[str, str] = {}
    sources: dict[str, str] = {}
    for labels, value in recorded:
        name, room = labels.get("__name__", ""), labels.get("lab", "")
        values[name][room] = value
        if name == REGISTERED:
            levels[room] = labels.get("level", "")
        elif name == COUNTED:
            sources[room] = labels.get("source", "")
    values["online"] = {labels.get("lab", ""): value for labels, value in online}
    values["up"] = {labels.get("lab", ""): value for labels, value in up}
    rooms = {room for of_name in values.values() for room in of_name if room}
    return [_room(name, levels.get(name), sources.get(name), values) for name in sorted(rooms, key=natural)]


def _room(name: str, level: str | None, source: str | None, values: Mapping[str, Mapping[str, float]]) -> Room:
    def whole(of: str) -> int | None:
        value = values[of].get(name)
        return None if value is None else int(value)

    return Room(
        name=name,
        level=level or "",
        is_registered=level is not None,
        declared=whole(DECLARED),
        seen=whole(SEEN),
        online=whole("online"),
        counted=whole(COUNTED),
        source=source,
        up=None if (up := whole("up")) is None else up == 1,
        judged=values[JUDGED].get(name),
        reached=values[REACHED].get(name),
    )
